// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <proviso/core/block.hpp>
#include <proviso/core/types.hpp>
#include <proviso/model/any_model.hpp>
#include <proviso/testing/model_checker.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {
namespace detail {

/// The checks of `check_model` on chains: rows and their number, blocks split in two, rewinds, several sessions, full
/// sessions.
class chain_checks {
 public:
  explicit chain_checks(model_checker& c) : c_{c} {}

  void operator()() {
    c_.run("rows", [&] { rows(); });
    c_.run("split", [&] { split(); });
    c_.run("want", [&] { want(); });
    c_.run("rewind", [&] { rewind(); });
    c_.run("sessions", [&] { sessions(); });
    if (c_.capacity() == unlimited || c_.capacity() > c_.options().largest_capacity) {
      c_.skip("capacity", "the session has no capacity(), or a large one");
    } else {
      c_.run("capacity", [&] { capacity(); });
    }
  }

 private:
  void rows() {
    c_.require(c_.vocab_size() > 0, "vocab_size() is 0");
    any_session s = c_.open();
    c_.require(s.length() == 0, "a new session has length() " + std::to_string(s.length()));
    const model_checker::matrix m = c_.eval(s, chain_block{c_.text(), c_.text().size()});
    for (std::size_t r = 0; r < m.rows; ++r) {
      for (std::size_t c = 0; c < c_.vocab_size(); ++c) {
        const float x = m.at(r, c);
        c_.require(x == x && x < std::numeric_limits<float>::infinity(),
                   "row " + std::to_string(r) + ", column " + std::to_string(c) +
                       " is NaN or +infinity: no law can be read from it");
      }
    }
  }

  void split() {
    const model_checker::matrix whole = c_.reference(c_.text());
    for (const std::size_t first : {std::size_t{1}, c_.text().size() / 2, c_.text().size() - 1}) {
      any_session s = c_.open();
      const model_checker::matrix a = c_.eval(s, chain_block{c_.part(0, first), first});
      const model_checker::matrix b =
          c_.eval(s, chain_block{c_.part(first, c_.text().size() - first), c_.text().size() - first});
      const std::string where = "eval(a + b) and eval(a), eval(b) with " + std::to_string(first) + " tokens in a";
      c_.same(whole, 0, a, 0, a.rows, where);
      c_.same(whole, first, b, 0, b.rows, where);
    }
    any_session s = c_.open();
    for (std::size_t i = 0; i < c_.text().size(); ++i) {
      c_.same(whole, i, c_.eval(s, chain_block{c_.part(i, 1), 1}), 0, 1, "token by token, token " + std::to_string(i));
    }
  }

  void want() {
    const model_checker::matrix whole = c_.reference(c_.text());
    for (std::size_t w = 1; w < c_.text().size(); w += 2) {
      any_session s = c_.open();
      c_.same(whole, c_.text().size() - w, c_.eval(s, chain_block{c_.text(), w}), 0, w,
              "the last " + std::to_string(w) + " rows");
    }
    any_session s = c_.open();
    c_.eval(s, chain_block{c_.part(0, c_.text().size() - 2), 0});
    c_.same(whole, c_.text().size() - 2, c_.eval(s, chain_block{c_.part(c_.text().size() - 2, 2), 2}), 0, 2,
            "after want = 0");
  }

  void rewind() {
    const model_checker::matrix whole = c_.reference(c_.text());
    const std::vector<token_id> wrong = c_.random_tokens(c_.options().longest_draft + 1, 2);
    for (std::size_t back = 0; back <= c_.longest_rewind(); ++back) {
      // Go back inside the text itself, and behind a draft that was refused.
      const std::size_t stay = c_.text().size() - back;
      any_session s = c_.open();
      c_.eval(s, chain_block{c_.text(), 1});
      s.rewind(stay);
      c_.require(s.length() == stay,
                 "length() is " + std::to_string(s.length()) + " after rewind(" + std::to_string(stay) + ")");
      const std::string where = "after rewind by " + std::to_string(back);
      if (back > 0) c_.same(whole, stay, c_.eval(s, chain_block{c_.part(stay, back), back}), 0, back, where);
      if (back > wrong.size() || stay == 0 || (c_.capacity() != unlimited && c_.capacity() < stay + back)) continue;
      any_session t = c_.open();
      c_.eval(t, chain_block{c_.part(0, stay), 1});
      if (back > 0) c_.eval(t, chain_block{std::span<const token_id>{wrong}.first(back), back});
      t.rewind(stay);
      if (back > 0)
        c_.same(whole, stay, c_.eval(t, chain_block{c_.part(stay, back), back}), 0, back,
                "after a refused draft, " + where);
    }
    any_session s = c_.open();
    c_.eval(s, chain_block{std::span<const token_id>{wrong}.first(2), 1});
    s.rewind(0);
    c_.require(s.length() == 0, "length() is " + std::to_string(s.length()) + " after rewind(0)");
    c_.same(whole, 0, c_.eval(s, chain_block{c_.text(), c_.text().size()}), 0, c_.text().size(), "after rewind(0)");
  }

  void sessions() {
    const std::vector<token_id> other = c_.random_tokens(c_.text().size(), 3);
    const model_checker::matrix a = c_.reference(c_.text());
    const model_checker::matrix b = c_.reference(other);
    any_session s = c_.open();
    any_session t = c_.open();
    for (std::size_t i = 0; i < c_.text().size(); ++i) {
      const model_checker::matrix x = c_.eval(s, chain_block{c_.part(i, 1), 1});
      const model_checker::matrix y = c_.eval(t, chain_block{std::span<const token_id>{other}.subspan(i, 1), 1});
      c_.same(a, i, x, 0, 1, "two sessions in turn, the first");
      c_.same(b, i, y, 0, 1, "two sessions in turn, the second");
    }
  }

  void capacity() {
    const std::vector<token_id> tokens = c_.random_tokens(c_.capacity(), 4);
    const std::span<const token_id> all{tokens};
    any_session s = c_.open();
    const model_checker::matrix whole = c_.eval(s, chain_block{all, 1});
    any_session t = c_.open();
    if (c_.capacity() > 1) c_.eval(t, chain_block{all.first(c_.capacity() - 1), 0});
    c_.same(whole, 0, c_.eval(t, chain_block{all.last(1), 1}), 0, 1, "the last row of a full session");
    if (c_.longest_rewind() == 0) return;
    t.rewind(c_.capacity() - 1);
    c_.same(whole, 0, c_.eval(t, chain_block{all.last(1), 1}), 0, 1, "a full session after rewind by 1");
  }

  model_checker& c_;
};

}  // namespace detail
}  // namespace testing
}  // namespace v0
}  // namespace proviso
