// SPDX-License-Identifier: Apache-2.0
#include <proviso/lengths/heuristic.hpp>

#include <stdexcept>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/catch.hpp"
#include "support/drafting.hpp"

namespace {

using namespace proviso;

testing::row_table constant(token_id token) {
  std::vector<float> row(3, 0.0F);
  row[static_cast<std::size_t>(token)] = 20.0F;
  return {3, 0, row};
}

/// Draft lengths of the first `rounds` rounds.
std::vector<std::uint64_t> lengths_of(token_id target_token, token_id drafted_token, lengths::heuristic length,
                                      int rounds) {
  testing::table_model target{constant(target_token)};
  testing::table_model small{constant(drafted_token)};
  decoder d{speculative{target, drafters::model{small}, rules::token{}, transforms::temperature{0.0F}, length}};
  limits bounds;
  bounds.max_tokens = 500;
  std::vector<std::uint64_t> first;
  for (int generation = 0; generation < 2; ++generation) {  // every generation starts alike
    std::vector<std::uint64_t> drafted;
    d.start(std::vector<token_id>{0}, bounds);
    for (int i = 0; i < rounds; ++i) {
      const std::uint64_t before = d.stats().drafted;
      d.step();
      drafted.push_back(d.stats().drafted - before);
    }
    d.cancel();
    if (generation == 1) CHECK(drafted == first);
    first = drafted;
  }
  return first;
}

TEST_CASE("heuristic: two more after full acceptance, one less after a refusal, within its bounds") {
  CHECK(lengths_of(1, 1, lengths::heuristic{4, 9}, 5) == std::vector<std::uint64_t>{4, 6, 8, 9, 9});
  CHECK(lengths_of(1, 1, lengths::heuristic{}, 5) == std::vector<std::uint64_t>{4, 6, 8, 8, 8});
  CHECK(lengths_of(1, 2, lengths::heuristic{4, 9}, 5) == std::vector<std::uint64_t>{4, 3, 2, 1, 1});
}

TEST_CASE("heuristic: rounds without a draft change nothing") {
  lengths::heuristic length{3, 8};
  draft d;
  d.reset(0, 0, 3);
  const outcome o{{}, 1, origin::fresh};
  length.observe({d, o, {}, 0});
  CHECK(length.limit() == 3);
}

TEST_CASE("heuristic: a partly accepted draft shortens the next") {
  lengths::heuristic length{3, 8};
  draft d;
  d.reset(0, 0, 3);
  d.push(d.push(draft::root(), 1), 1);
  const node_id path[] = {1};
  const outcome o{path, 0, origin::corrected};
  length.observe({d, o, {}, 1});
  CHECK(length.limit() == 2);
}

TEST_CASE("heuristic: senseless bounds are refused") {
  REQUIRE_THROWS_AS((lengths::heuristic{0, 4}), std::invalid_argument);
  REQUIRE_THROWS_AS((lengths::heuristic{5, 4}), std::invalid_argument);
}

}  // namespace
