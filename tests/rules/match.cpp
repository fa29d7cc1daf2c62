// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/match.hpp>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/none.hpp>

#include "proving.hpp"
#include "support/catch.hpp"
#include "support/drafting.hpp"

namespace {

using namespace proviso;
using rules_test::error_of;

TEST_CASE("match: the law of a drafted chain is the target's") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3));
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, seed), 2);
  testing::table_model small{testing::random_table(3, 2, seed + 100)};
  CHECK(error_of(rules::match{}, p, drafters::model{small}, 1) < 1e-6);
  CHECK(error_of(rules::match{}, p, drafters::model{small}, 2, 0.5F) < 1e-6);
  CHECK(error_of(rules::match{}, p, support::pushed_tree{{1, 1}, 3}, 2) < 1e-6);
  CHECK(error_of(rules::match{}, p, drafters::none{}, 2) < 1e-6);
}

TEST_CASE("match: pushed trees, also with equal siblings") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(4, 5));
  const testing::row_table p = testing::random_table(3, 2, seed);
  CHECK(error_of(rules::match{}, p, support::pushed_tree{{2, 2}, 3}, 6) < 1e-6);
  CHECK(error_of(rules::match{}, p, support::pushed_tree{{4, 1}, 2}, 8) < 1e-6);  // tokens 0 1 0 1 below the root
}

}  // namespace

static_assert(proviso::rules::match::lossless);
