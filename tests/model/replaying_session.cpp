// SPDX-License-Identifier: Apache-2.0
#include <proviso/model/replaying_session.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include <proviso/testing/check_model.hpp>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;

namespace {

constexpr std::size_t vocab = 10;

/// The rows of `whole_text_model`, from a recurrent state of one number.
struct recurrent {
  std::uint32_t state = 1;
  std::size_t count = 0;
  std::vector<float> rows{};
  std::size_t* evaluated = nullptr;

  std::size_t length() const { return count; }
  logits_view<float> eval(chain_block block) {
    *evaluated += block.tokens.size();
    rows.resize(block.want * vocab);
    for (std::size_t i = 0; i < block.tokens.size(); ++i) {
      state = state * 31 + static_cast<std::uint32_t>(block.tokens[i]) + 7;
      ++count;
      if (i + block.want < block.tokens.size()) continue;
      float* row = rows.data() + (i + block.want - block.tokens.size()) * vocab;
      for (std::size_t x = 0; x < vocab; ++x) {
        row[x] = static_cast<float>((state + static_cast<std::uint32_t>(x)) * 2654435761U >> 16U) / 65536.0F * 4.0F;
      }
    }
    return {rows.data(), block.want, vocab};
  }
};

/// The same state, not copyable, with `checkpoint` and `restore`.
struct saving {
  explicit saving(std::size_t* evaluated) { inner.evaluated = evaluated; }
  saving(saving&&) = default;
  saving& operator=(saving&&) = default;
  recurrent inner;
  std::size_t length() const { return inner.count; }
  std::size_t capacity() const { return 60; }
  logits_view<float> eval(chain_block block) { return inner.eval(block); }
  std::pair<std::uint32_t, std::size_t> checkpoint() const { return {inner.state, inner.count}; }
  void restore(const std::pair<std::uint32_t, std::size_t>& saved) {
    inner.state = saved.first;
    inner.count = saved.second;
  }
};

struct copied_model {
  std::size_t evaluated = 0;
  std::size_t vocab_size() const { return vocab; }
  recurrent open() {
    recurrent r;
    r.evaluated = &evaluated;
    return r;
  }
};
struct saving_model {
  std::size_t evaluated = 0;
  std::size_t vocab_size() const { return vocab; }
  saving open() { return saving{&evaluated}; }
};

}  // namespace

TEST_CASE("a session without rewind becomes a session") {
  STATIC_REQUIRE(!session<recurrent>);
  STATIC_REQUIRE(!session<saving>);
  STATIC_REQUIRE(session<replaying_session<recurrent>>);
  STATIC_REQUIRE(session<replaying_session<saving>>);
  STATIC_REQUIRE(!bounded_session<replaying_session<recurrent>>);
  STATIC_REQUIRE(bounded_session<replaying_session<saving>>);

  copied_model copied;
  saving_model saved;
  for (const std::size_t horizon : {0U, 3U, 16U}) {
    for (const std::size_t replay : {0U, 2U, 16U}) {
      replaying_model a{copied, horizon, replay};
      replaying_model b{saved, horizon, replay};
      const testing::check_report of_a = testing::check_model(a);
      const testing::check_report of_b = testing::check_model(b);
      INFO(of_a.text() + of_b.text());
      CHECK(of_a.passed());
      CHECK(of_b.passed());
      CHECK(!of_b.find("capacity")->skipped);
    }
  }
}

TEST_CASE("decoding with a recurrent target and drafter gives the text of the target") {
  testing::table_model reference = whole_text_model(vocab);
  const token_list prompt{1, 2, 3, 4};
  const token_list expected = plain(reference, prompt, budget(40), 6);
  copied_model target;
  saving_model small;
  replaying_model a{target};
  replaying_model b{small};
  decoder d{speculating(a, b), 6};
  CHECK(decode(d, prompt, budget(40)) == expected);
  CHECK(d.stats().accepted > 0);
  CHECK(d.stats().corrected > 0);
  CHECK(decode(d, {9, 8}, budget(20)) == plain(reference, {9, 8}, budget(20), 6));
}

TEST_CASE("a rewind replays from the newest saved state, and not more and more") {
  copied_model model;
  replaying_model replaying{model, 16, 8};
  auto s = replaying.open();
  token_list text(100, 3);
  s.eval(chain_block{text, 0});
  model.evaluated = 0;
  for (std::size_t round = 0; round < 50; ++round) {
    const std::size_t before = s.length();
    const token_list block{1, 2, 3, 4, 5};
    s.eval(chain_block{block, 5});
    s.rewind(before + 1);  // one token stays, four are taken back
  }
  CHECK(s.length() == 150);
  CHECK(model.evaluated <= 50 * (5 + 8 + 1));  // 5 new ones, up to 8 again with them, one by itself

  model.evaluated = 0;
  s.rewind(10);  // before every saved state but the empty one
  s.eval(chain_block{std::span<const token_id>{text}.first(1), 1});
  CHECK(model.evaluated == 11);
}

TEST_CASE("a rewind within the horizon goes back to the last block, one further back to the beginning") {
  const auto horizon = static_cast<std::size_t>(GENERATE(8, 9, 10));
  const auto evaluated = [horizon](std::size_t n) {
    copied_model model;
    replaying_model replaying{model, horizon, 4};
    auto s = replaying.open();
    const token_list block{1, 2, 3};
    for (std::size_t i = 0; i < 20; ++i) s.eval(chain_block{block, 1});
    s.rewind(n);
    model.evaluated = 0;
    s.eval(chain_block{std::span<const token_id>{block}.first(1), 1});
    return model.evaluated - 1;
  };
  const std::size_t oldest = horizon < 10 ? 48 : 45;  // of the states: the first at 57 - horizon or before
  for (std::size_t n = oldest; n < 60; ++n) CHECK(evaluated(n) == n % 3);
  CHECK(evaluated(60) == 0);
  CHECK(evaluated(oldest - 1) == oldest - 1);
}

TEST_CASE("what rewinds leave to evaluate again is saved once it is more than `replay` tokens") {
  copied_model model;
  replaying_model replaying{model, 16, 2};
  auto s = replaying.open();
  const token_list block{1, 2, 3, 4};
  std::vector<std::size_t> evaluated;
  for (std::size_t round = 0; round < 8; ++round) {
    model.evaluated = 0;
    s.eval(chain_block{block, 4});
    evaluated.push_back(model.evaluated);
    s.rewind(round + 1);
  }
  CHECK(evaluated == std::vector<std::size_t>{4, 5, 6, 7, 5, 6, 7, 5});
}

TEST_CASE("misuse is an error") {
  copied_model model;
  recurrent used = model.open();
  const token_list text{1, 2};
  used.eval(chain_block{text, 1});
  CHECK_THROWS_AS(replaying_session<recurrent>{used}, std::invalid_argument);
  replaying_session<recurrent> s{model.open()};
  CHECK_THROWS_AS(s.rewind(1), std::invalid_argument);
}
