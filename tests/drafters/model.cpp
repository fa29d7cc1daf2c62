// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/model.hpp>

#include <limits>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/lengths/confidence.hpp>
#include <proviso/lengths/fixed.hpp>
#include <proviso/lengths/heuristic.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/token.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"
#include "support/drafting.hpp"

namespace {

using namespace proviso;
using support::budget;
using support::tokens;

/// Always the same token.
testing::row_table constant(token_id token) {
  std::vector<float> row(3, 0.0F);
  row[static_cast<std::size_t>(token)] = 20.0F;
  return {3, 0, row};
}

template <class Target, class Small>
decoder greedy_decoder(Target& target, Small& small, std::size_t length) {
  return decoder{speculative{target, drafters::model{small}, rules::token{}, transforms::temperature{0.0F},
                             lengths::fixed{length}}};
}

TEST_CASE("model: is fed only what it misses, two tokens after full acceptance") {
  testing::table_model target{constant(1)};
  testing::table_model small{constant(1)};
  decoder d = greedy_decoder(target, small, 3);
  d.start(tokens{0, 2, 0, 2, 0}, budget(40));
  d.step();
  CHECK(d.output().size() == 4);
  CHECK(small.counts().calls == 3);
  CHECK(small.counts().tokens == 5 + 1 + 1);
  CHECK(small.counts().rows == 3);
  small.reset_counts();
  d.step();
  CHECK(d.output().size() == 8);
  CHECK(small.counts().calls == 3);
  CHECK(small.counts().tokens == 2 + 1 + 1);
  CHECK(small.counts().rewinds == 0);
  CHECK(d.stats().drafter_calls == 6);
}

TEST_CASE("model: forgets refused tokens and is fed one token after a refusal at once") {
  testing::table_model target{constant(1)};
  testing::table_model small{constant(2)};
  decoder d = greedy_decoder(target, small, 3);
  d.start(tokens{0, 2, 0, 2, 0}, budget(40));
  d.step();
  CHECK(d.output().size() == 1);
  small.reset_counts();
  d.step();
  CHECK(small.counts().calls == 3);
  CHECK(small.counts().tokens == 1 + 1 + 1);
  CHECK(small.counts().rewinds == 1);
  CHECK(d.stats().accepted == 0);
  CHECK(d.stats().corrected == 2);
}

TEST_CASE("model: a long prompt is fed in chunks without rows, a longer prompt costs only its new tokens") {
  testing::table_model target{testing::random_table(3, 2, 1)};
  testing::table_model small{testing::random_table(3, 2, 2)};
  decoder d{speculative{target, drafters::model{small}}, 5};
  limits bounds = budget(4);
  bounds.prefill_chunk = 8;
  d.start(tokens(30, 1), bounds);
  d.step();
  CHECK(small.counts().rows <= 4);
  CHECK(small.counts().tokens <= 30 + 3);
  while (!d.done()) d.step();

  tokens longer(d.text().begin(), d.text().end());
  longer.insert(longer.end(), 5, 2);
  small.reset_counts();
  d.start(longer, bounds);
  d.step();
  CHECK(small.counts().tokens <= 5 + 2 + 3);
}

TEST_CASE("model: a session that the text fills drafts one token still, of which it holds nothing") {
  testing::table_model target{constant(1)};
  testing::table_model small{constant(1), 5};
  decoder d = greedy_decoder(target, small, 3);
  d.start(tokens{0, 2, 0, 2, 0}, budget(40));
  d.step();
  CHECK(d.stats().drafted == 1);
}

TEST_CASE("model: capacity and rewind horizon smaller than the target's end drafting, not the text") {
  testing::table_model target{testing::random_table(3, 2, 1)};
  decoder plain{autoregressive{target}, 7};
  plain.run(
      tokens{1, 2}, [](generated_token) {}, budget(40));
  const auto capacity = static_cast<std::size_t>(GENERATE(1, 2, 3, 9, 20));
  const auto horizon = static_cast<std::size_t>(GENERATE(0, 1, 2, 100));
  testing::table_model small{testing::random_table(3, 2, 2), capacity, horizon};
  decoder d{speculative{target, drafters::model{small}, rules::match{}}, 7};
  REQUIRE(d.run(
              tokens{1, 2}, [](generated_token) {}, budget(40)) == stop_reason::budget);
  CHECK(std::equal(d.text().begin(), d.text().end(), plain.text().begin(), plain.text().end()));
  CHECK(d.sessions()[1].length() <= capacity);
  if (capacity > 8) CHECK(d.stats().drafted > 0);
}

TEST_CASE("model: a row that is not a law ends the draft, is counted, and biases nothing") {
  const testing::row_table p = testing::random_table(3, 2, 3);
  const testing::row_table q = testing::random_table(3, 2, 4);
  const float bad = GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity());
  testing::table_model target{p};
  testing::table_model small{3, [&](std::span<const token_id> context, std::span<float> row) {
                               const std::span<const float> good = q.row(context);
                               for (std::size_t i = 0; i < 3; ++i) row[i] = good[i];
                               if (context.back() == 1) row[2] = bad;
                             }};
  const tokens prompt{0, 2};
  std::size_t discarded = 0;
  auto make = [&] {
    return speculative{target, drafters::model{small}, rules::token{}, transforms::temperature{}, lengths::fixed{2}};
  };
  CHECK(support::distance(support::law_of(make, prompt, 4), support::exact_law(p, prompt, 4)) < 1e-6);

  decoder d{make(), 1};
  d.start(tokens{1}, budget(10));
  d.step();
  CHECK(d.stats().discarded == 1);
  CHECK(d.stats().drafted == 0);
  CHECK(d.stats().fresh == 1);
  while (!d.done()) d.step();
  for (const token_id x : d.text()) discarded += x == 1 ? 1U : 0U;
  CHECK(d.stats().discarded >= discarded / 2);
}

}  // namespace

namespace {

/// Counts the rows that are shaped.
struct counting_shape {
  std::size_t* rows;
  void operator()(law_builder& row, const text_position&) const {
    ++*rows;
    row.divide(0.0F);
  }
};

template <class Length>
std::size_t shaped_rows(Length length) {
  testing::table_model target{testing::random_table(5, 2, 3)};
  testing::table_model small{testing::random_table(5, 2, 3)};
  std::size_t rows = 0;
  decoder d{speculative{target, drafters::model{small}, rules::token{}, counting_shape{&rows}, length}};
  support::decode(d, {1}, support::budget(50));
  CHECK(d.stats().accepted == 40);
  return rows;
}

}  // namespace

TEST_CASE("at temperature 0 no law is built for a length policy that reads none") {
  CHECK(shaped_rows(lengths::fixed{4}) == 40 + 50);
  CHECK(shaped_rows(lengths::heuristic{4, 4}) == 40 + 50);
  CHECK(shaped_rows(lengths::confidence{4, 0.0}) == 40 + 40 + 50);
}
