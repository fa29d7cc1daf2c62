// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <proviso/core/block.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/types.hpp>
#include <proviso/model/any_model.hpp>
#include <proviso/model/concepts.hpp>
#include <proviso/model/explain.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// How `check_model` looks at a model.
struct check_options {
  /// Two logits agree when they differ by at most `tolerance * max(1, |a|, |b|)`; 0 asks for equal bits' worth.
  double tolerance = 0.0;
  /// Tokens of the text that most checks feed.
  std::size_t text_size = 24;
  /// Rewinds go back at most this many tokens and one, or to the start.
  std::size_t longest_draft = 8;
  /// A session with a larger capacity is not filled.
  std::size_t largest_capacity = 4096;
  /// Tokens that the texts are drawn from; empty: the whole vocabulary.
  std::vector<token_id> tokens{};
  std::uint64_t seed = 0;
};

/// One check and how it ended.
struct check_result {
  std::string name;
  bool passed = true;
  bool skipped = false;  ///< the model does not offer what the check is about
  std::string detail;    ///< why it failed or was skipped
  bool differs = false;  ///< the fields below name the first difference between two logits
  std::size_t row = 0;
  std::size_t column = 0;
  float expected = 0.0F;
  float got = 0.0F;
};

/// What `check_model` found.
struct check_report {
  std::vector<check_result> checks;

  /// Nothing failed.
  bool passed() const noexcept {
    for (const check_result& c : checks) {
      if (!c.passed) return false;
    }
    return true;
  }
  /// The check of that name, or null.
  const check_result* find(std::string_view name) const noexcept {
    for (const check_result& c : checks) {
      if (c.name == name) return &c;
    }
    return nullptr;
  }
  /// One line per check.
  std::string text() const {
    std::string lines;
    for (const check_result& c : checks) {
      lines += c.passed ? (c.skipped ? "skip  " : "pass  ") : "FAIL  ";
      lines += c.name;
      if (!c.detail.empty()) lines += ": " + c.detail;
      lines += '\n';
    }
    return lines;
  }
};

/// The checks of `check_model` that need no types.
class model_checker {
 public:
  model_checker(model_ref model, bool trees, bool masks, bool batches, const check_options& options)
      : model_{model}, options_{options}, trees_{trees}, masks_{masks}, batches_{batches} {
    vocab_ = model_.vocab_size();
    const any_session s = model_.open();
    capacity_ = s.capacity();
    const std::size_t wanted = options_.longest_draft + 1;
    back_ = s.max_rewind() < wanted ? s.max_rewind() : wanted;
    std::size_t size = options_.text_size < 4 ? 4 : options_.text_size;
    const std::size_t room = 16;  // for trees and wrong drafts after the text
    if (capacity_ < size + room) size = capacity_ > room + 4 ? capacity_ - room : 4;
    text_ = random_tokens(size, 1);
    if (back_ > size) back_ = size;
  }

  struct fault {
    check_result result;
  };
  struct matrix {
    std::size_t rows = 0;
    std::size_t cols = 0;
    std::vector<float> values;
    float at(std::size_t r, std::size_t c) const noexcept { return values[r * cols + c]; }
  };

  check_report report;

  /// Runs one check; whatever it throws is its failure.
  void run(const char* name, function_ref<void()> body) {
    check_result result;
    try {
      body();
    } catch (const fault& f) {
      result = f.result;
      result.passed = false;
    } catch (const std::exception& e) {
      result.passed = false;
      result.detail = std::string{"it threw: "} + e.what();
    }
    result.name = name;
    report.checks.push_back(std::move(result));
  }
  void skip(const char* name, const char* why) {
    check_result result;
    result.name = name;
    result.skipped = true;
    result.detail = why;
    report.checks.push_back(std::move(result));
  }

  std::span<const token_id> text() const noexcept { return text_; }
  /// Rows of one evaluation of all `tokens` on a new session.
  matrix reference(std::span<const token_id> tokens) {
    any_session s = model_.open();
    return eval(s, chain_block{tokens, tokens.size()});
  }
  matrix eval(any_session& s, const masked_block& block) {
    const std::size_t before = s.length();
    const logits_rows rows = s.eval(block);
    return taken(rows, block, before, s.length());
  }
  matrix taken(const logits_rows& rows, const masked_block& block, std::size_t before, std::size_t after) const {
    if (block.nodes.want > 0) {
      require(rows.rows() == block.nodes.want, "eval returned " + std::to_string(rows.rows()) + " rows, wanted were " +
                                                   std::to_string(block.nodes.want));
      require(rows.cols() == vocab_, "the rows have " + std::to_string(rows.cols()) + " columns, vocab_size() is " +
                                         std::to_string(vocab_));
    }
    require(after == before + block.size(), "length() is " + std::to_string(after) + " after " +
                                                std::to_string(block.size()) + " tokens on " + std::to_string(before));
    matrix m;
    m.rows = block.nodes.want;
    m.cols = vocab_;
    std::vector<float> scratch(vocab_);
    for (std::size_t i = 0; i < m.rows; ++i) {
      const std::span<const float> row = rows.row(i, scratch);
      m.values.insert(m.values.end(), row.begin(), row.end());
    }
    return m;
  }
  /// Rows `first_got`.. of `got` are rows `first`.. of `expected`.
  void same(const matrix& expected, std::size_t first, const matrix& got, std::size_t first_got, std::size_t count,
            const std::string& where) const {
    for (std::size_t r = 0; r < count; ++r) {
      for (std::size_t c = 0; c < vocab_; ++c) {
        const float a = expected.at(first + r, c);
        const float b = got.at(first_got + r, c);
        if (close(a, b)) continue;
        fault f;
        f.result.differs = true;
        f.result.row = first_got + r;
        f.result.column = c;
        f.result.expected = a;
        f.result.got = b;
        f.result.detail = where + ": row " + std::to_string(first_got + r) + ", column " + std::to_string(c) + ": expected " +
                          std::to_string(a) + ", got " + std::to_string(b);
        throw f;
      }
    }
  }
  static void require(bool holds, const std::string& otherwise) {
    if (holds) return;
    fault f;
    f.result.detail = otherwise;
    throw f;
  }

  void check_chains() {
    run("rows", [&] { rows(); });
    run("split", [&] { split(); });
    run("want", [&] { want(); });
    run("rewind", [&] { rewind(); });
    run("sessions", [&] { sessions(); });
    if (capacity_ == unlimited || capacity_ > options_.largest_capacity) {
      skip("capacity", "the session has no capacity(), or a large one");
    } else {
      run("capacity", [&] { capacity(); });
    }
  }
  void check_blocks() {
    if (trees_) {
      run("tree", [&] { tree(); });
      run("keep", [&] { keep(); });
    } else {
      skip("tree", "the session has no eval(tree_block) with keep(path)");
      skip("keep", "the session has no eval(tree_block) with keep(path)");
    }
    if (masks_) {
      run("mask", [&] { mask(); });
    } else {
      skip("mask", "the session has no eval(masked_block)");
    }
    if (batches_) {
      run("batch", [&] { batch(); });
    } else {
      skip("batch", "the model has no eval(std::span<batch_item>)");
    }
  }

 private:
  bool close(float a, float b) const noexcept {
    if (a == b) return true;
    const double x = static_cast<double>(a);
    const double y = static_cast<double>(b);
    double scale = 1.0;
    for (const double v : {x, -x, y, -y}) scale = v > scale ? v : scale;
    const double d = x > y ? x - y : y - x;
    return d <= options_.tolerance * scale && d < 1e300;
  }
  std::vector<token_id> random_tokens(std::size_t count, std::uint32_t lane) const {
    const philox source{options_.seed};
    std::vector<token_id> tokens(count);
    const std::size_t choices = options_.tokens.empty() ? vocab_ : options_.tokens.size();
    for (std::size_t i = 0; i < count; ++i) {
      const double u = source.uniform({purpose::selection, static_cast<std::uint32_t>(i), 0, lane});
      const auto k = static_cast<std::size_t>(u * static_cast<double>(choices));
      tokens[i] = options_.tokens.empty() ? static_cast<token_id>(k) : options_.tokens[k];
    }
    return tokens;
  }
  std::span<const token_id> part(std::size_t begin, std::size_t count) const noexcept {
    return std::span<const token_id>{text_}.subspan(begin, count);
  }

  void rows() {
    require(vocab_ > 0, "vocab_size() is 0");
    any_session s = model_.open();
    require(s.length() == 0, "a new session has length() " + std::to_string(s.length()));
    const matrix m = eval(s, chain_block{text_, text_.size()});
    for (std::size_t r = 0; r < m.rows; ++r) {
      for (std::size_t c = 0; c < vocab_; ++c) {
        const float x = m.at(r, c);
        require(x == x && x < std::numeric_limits<float>::infinity(), "row " + std::to_string(r) + ", column " + std::to_string(c) +
                                           " is NaN or +infinity: no law can be read from it");
      }
    }
  }

  void split() {
    const matrix whole = reference(text_);
    for (const std::size_t first : {std::size_t{1}, text_.size() / 2, text_.size() - 1}) {
      any_session s = model_.open();
      const matrix a = eval(s, chain_block{part(0, first), first});
      const matrix b = eval(s, chain_block{part(first, text_.size() - first), text_.size() - first});
      const std::string where = "eval(a + b) and eval(a), eval(b) with " + std::to_string(first) + " tokens in a";
      same(whole, 0, a, 0, a.rows, where);
      same(whole, first, b, 0, b.rows, where);
    }
    any_session s = model_.open();
    for (std::size_t i = 0; i < text_.size(); ++i) {
      same(whole, i, eval(s, chain_block{part(i, 1), 1}), 0, 1, "token by token, token " + std::to_string(i));
    }
  }

  void want() {
    const matrix whole = reference(text_);
    for (std::size_t w = 1; w < text_.size(); w += 2) {
      any_session s = model_.open();
      same(whole, text_.size() - w, eval(s, chain_block{text_, w}), 0, w, "the last " + std::to_string(w) + " rows");
    }
    any_session s = model_.open();
    eval(s, chain_block{part(0, text_.size() - 2), 0});
    same(whole, text_.size() - 2, eval(s, chain_block{part(text_.size() - 2, 2), 2}), 0, 2, "after want = 0");
  }

  void rewind() {
    const matrix whole = reference(text_);
    const std::vector<token_id> wrong = random_tokens(options_.longest_draft + 1, 2);
    for (std::size_t back = 0; back <= back_; ++back) {
      // Go back inside the text itself, and behind a draft that was refused.
      const std::size_t stay = text_.size() - back;
      any_session s = model_.open();
      eval(s, chain_block{text_, 1});
      s.rewind(stay);
      require(s.length() == stay, "length() is " + std::to_string(s.length()) + " after rewind(" + std::to_string(stay) + ")");
      const std::string where = "after rewind by " + std::to_string(back);
      if (back > 0) same(whole, stay, eval(s, chain_block{part(stay, back), back}), 0, back, where);
      if (back > wrong.size() || stay == 0 || (capacity_ != unlimited && capacity_ < stay + back)) continue;
      any_session t = model_.open();
      eval(t, chain_block{part(0, stay), 1});
      if (back > 0) eval(t, chain_block{std::span<const token_id>{wrong}.first(back), back});
      t.rewind(stay);
      if (back > 0) same(whole, stay, eval(t, chain_block{part(stay, back), back}), 0, back, "after a refused draft, " + where);
    }
    any_session s = model_.open();
    eval(s, chain_block{std::span<const token_id>{wrong}.first(2), 1});
    s.rewind(0);
    require(s.length() == 0, "length() is " + std::to_string(s.length()) + " after rewind(0)");
    same(whole, 0, eval(s, chain_block{text_, text_.size()}), 0, text_.size(), "after rewind(0)");
  }

  void sessions() {
    const std::vector<token_id> other = random_tokens(text_.size(), 3);
    const matrix a = reference(text_);
    const matrix b = reference(other);
    any_session s = model_.open();
    any_session t = model_.open();
    for (std::size_t i = 0; i < text_.size(); ++i) {
      const matrix x = eval(s, chain_block{part(i, 1), 1});
      const matrix y = eval(t, chain_block{std::span<const token_id>{other}.subspan(i, 1), 1});
      same(a, i, x, 0, 1, "two sessions in turn, the first");
      same(b, i, y, 0, 1, "two sessions in turn, the second");
    }
  }

  void capacity() {
    const std::vector<token_id> tokens = random_tokens(capacity_, 4);
    const std::span<const token_id> all{tokens};
    any_session s = model_.open();
    const matrix whole = eval(s, chain_block{all, 1});
    any_session t = model_.open();
    if (capacity_ > 1) eval(t, chain_block{all.first(capacity_ - 1), 0});
    same(whole, 0, eval(t, chain_block{all.last(1), 1}), 0, 1, "the last row of a full session");
    if (back_ == 0) return;
    t.rewind(capacity_ - 1);
    same(whole, 0, eval(t, chain_block{all.last(1), 1}), 0, 1, "a full session after rewind by 1");
  }

  struct shape {
    std::vector<node_id> parents;
    std::vector<node_id> path;  // something to keep
  };
  static std::vector<shape> shapes() {
    return {{{-1, 0, 0, 1, 2, 2, 1}, {0, 2, 5}}, {{-1, 0, 1, 0, 3, 4}, {0, 3, 4, 5}}, {{-1, -1, 0, 1, 1}, {1, 4}}};
  }
  /// The text of node `n`: `prefix`, its ancestors, itself.
  static std::vector<token_id> path_text(std::span<const token_id> prefix, std::span<const token_id> tokens,
                                         const shape& tree, node_id n) {
    std::vector<token_id> up;
    for (; n != prefix_node; n = tree.parents[static_cast<std::size_t>(n)]) up.push_back(tokens[static_cast<std::size_t>(n)]);
    std::vector<token_id> all(prefix.begin(), prefix.end());
    all.insert(all.end(), up.rbegin(), up.rend());
    return all;
  }

  void tree() {
    std::uint32_t lane = 10;
    for (const shape& tree : shapes()) {
      const std::size_t size = tree.parents.size();
      const std::vector<token_id> tokens = random_tokens(size, ++lane);
      for (const std::size_t held : {std::size_t{0}, text_.size() / 2}) {
        for (const std::size_t w : {size, std::size_t{3}}) {
          any_session s = model_.open();
          if (held > 0) eval(s, chain_block{part(0, held), 0});
          const matrix got = eval(s, tree_block{tokens, tree.parents, w});
          for (std::size_t r = 0; r < w; ++r) {
            const std::size_t node = size - w + r;
            const std::vector<token_id> along = path_text(part(0, held), tokens, tree, static_cast<node_id>(node));
            same(reference(along), along.size() - 1, got, r, 1,
                 "tree " + std::to_string(lane - 10) + " on " + std::to_string(held) + " tokens, node " + std::to_string(node));
          }
        }
      }
    }
  }

  void keep() {
    std::uint32_t lane = 20;
    for (const shape& tree : shapes()) {
      const std::size_t size = tree.parents.size();
      const std::size_t held = text_.size() / 2;
      any_session s = model_.open();
      eval(s, chain_block{part(0, held), 0});
      std::vector<token_id> now(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(held));
      for (int twice = 0; twice < 2; ++twice) {
        if (capacity_ != unlimited && capacity_ < now.size() + size + 2) break;
        const std::vector<token_id> tokens = random_tokens(size, ++lane);
        eval(s, tree_block{tokens, tree.parents, size});
        s.keep(tree.path);
        for (const node_id n : tree.path) now.push_back(tokens[static_cast<std::size_t>(n)]);
        require(s.length() == now.size(), "length() is " + std::to_string(s.length()) + " after keep(path), expected " +
                                              std::to_string(now.size()));
        const std::vector<token_id> next = random_tokens(2, ++lane);
        now.insert(now.end(), next.begin(), next.end());
        const matrix got = eval(s, chain_block{next, 2});
        same(reference(now), now.size() - 2, got, 0, 2, "after keep(path) in tree " + std::to_string(lane / 4 - 4));
      }
      if (back_ < size - 1) continue;
      // A path that is a prefix of the block is kept by a rewind.
      const std::vector<token_id> tokens = random_tokens(size, ++lane);
      any_session t = model_.open();
      eval(t, chain_block{part(0, held), 0});
      eval(t, tree_block{tokens, tree.parents, size});
      t.rewind(held + 1);
      now.assign(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(held));
      now.push_back(tokens[0]);
      now.push_back(tokens[1]);
      const matrix got = eval(t, chain_block{std::span<const token_id>{tokens}.subspan(1, 1), 1});
      same(reference(now), now.size() - 1, got, 0, 1, "after a tree of which only the root stayed");
    }
  }

  void mask() {
    std::uint32_t lane = 40;
    for (const shape& tree : shapes()) {
      const std::size_t size = tree.parents.size();
      std::vector<token_id> tokens = random_tokens(size, ++lane);
      std::vector<std::uint64_t> visible(size, 0);  // one word per row: size <= 64
      for (std::size_t i = 0; i < size; ++i) {
        const node_id parent = tree.parents[i];
        visible[i] = std::uint64_t{1} << i;
        if (parent != prefix_node) visible[i] |= visible[static_cast<std::size_t>(parent)];
      }
      const std::size_t held = text_.size() / 2;
      const auto rows_of = [&](std::span<const std::uint64_t> bits) {
        any_session s = model_.open();
        eval(s, chain_block{part(0, held), 0});
        return eval(s, masked_block{tree_block{tokens, tree.parents, size}, bits});
      };
      same(rows_of({}), 0, rows_of(visible), 0, size, "the ancestors as an explicit mask");
      // What a node does not see does not matter: hide all others from the last node (through one that it sees, it could
      // still learn of the rest), then change node 0.
      visible[size - 1] = std::uint64_t{1} << (size - 1);
      const matrix before = rows_of(visible);
      const token_id first = tokens[0];
      for (std::uint32_t i = 0; i < 64 && tokens[0] == first; ++i) tokens[0] = random_tokens(1, 100 + i)[0];
      same(before, size - 1, rows_of(visible), size - 1, 1, "a node's row after a change of a node that it does not see");
    }
  }

  void batch() {
    constexpr std::size_t count = 4;
    std::vector<any_session> alone;
    std::vector<any_session> together;
    for (std::size_t i = 0; i < count; ++i) {
      alone.push_back(model_.open());
      together.push_back(model_.open());
    }
    model_batch all{model_};
    const shape tree = shapes()[0];
    for (std::size_t tick = 0; tick < 4; ++tick) {
      std::vector<std::vector<token_id>> tokens;
      std::vector<any_batch_item> items;
      std::vector<std::size_t> who;
      for (std::size_t k = 0; k < count; ++k) {
        const std::size_t i = tick % 2 == 0 ? k : count - 1 - k;
        if (tick == 2 && i == 1) continue;  // a session may sit out
        const bool branch = trees_ && tick == 3 && i % 2 == 1;
        tokens.push_back(random_tokens(branch ? tree.parents.size() : (tick == 0 ? 4 + i : 1 + (i + tick) % 3),
                                       static_cast<std::uint32_t>(200 + tick * count + i)));
        who.push_back(i);
      }
      for (std::size_t k = 0; k < who.size(); ++k) {
        const bool branch = trees_ && tick == 3 && who[k] % 2 == 1;
        const std::size_t w = tick == 0 && who[k] == 3 ? 0 : tokens[k].size();
        const masked_block block = branch ? masked_block{tree_block{tokens[k], tree.parents, w}}
                                          : masked_block{chain_block{tokens[k], w}};
        items.push_back({&together[who[k]], block});
      }
      std::vector<std::size_t> before;
      for (const std::size_t i : who) before.push_back(together[i].length());
      all.eval(items);
      for (std::size_t k = 0; k < who.size(); ++k) {
        const matrix got = taken(items[k].rows, items[k].block, before[k], together[who[k]].length());
        const matrix expected = eval(alone[who[k]], items[k].block);
        same(expected, 0, got, 0, expected.rows, "call " + std::to_string(tick) + ", session " + std::to_string(who[k]) + " of the batch");
      }
    }
  }

  model_ref model_;
  check_options options_;
  std::vector<token_id> text_;
  std::size_t vocab_ = 0;
  std::size_t capacity_ = 0;
  std::size_t back_ = 0;
  bool trees_, masks_, batches_;
};

/// Checks that a model means what the concepts say: shapes and lengths, eval(a + b) = eval(a); eval(b), wanted rows,
/// rewind then re-evaluation, independent sessions, capacity, moved sessions; and where offered, tree rows = chain
/// rows along the path, keep(path) = feeding the path, masks, and one call on many sessions = calls one by one.
///
/// Needs no test framework. Reads logits on the host and evaluates a few thousand tokens. The report holds one entry
/// per check; exceptions of the model become failures.
///
///     const auto report = proviso::testing::check_model(my_model, {.tolerance = 1e-4});
///     if (!report.passed()) std::puts(report.text().c_str());
template <class M>
check_report check_model(M& model, const check_options& options = {}) {
  static_assert(explain_model<M>());
  model_checker c{model, tree_model<M>, masked_model<M>, batched_model<M>, options};
  c.check_chains();
  c.run("move", [&] {
    using S = session_t<M>;
    const std::span<const token_id> text = c.text();
    const model_checker::matrix whole = c.reference(text);
    const auto next = [&](S& s, std::size_t i, const char* where) {
      const std::size_t before = s.length();
      const masked_block block{chain_block{text.subspan(i, 1), 1}};
      const logits_rows rows{any_session::evaluate(s, block)};
      c.same(whole, i, c.taken(rows, block, before, s.length()), 0, 1, where);
    };
    S first = model.open();
    next(first, 0, "before a move");
    S second{std::move(first)};
    next(second, 1, "after a move construction");
    S third = model.open();
    next(third, 0, "another session");
    third = std::move(second);
    next(third, 2, "after a move assignment");
  });
  c.check_blocks();
  return std::move(c.report);
}

}  // namespace testing
}  // namespace v0
}  // namespace proviso
