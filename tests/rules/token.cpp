// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/token.hpp>

#include <algorithm>
#include <stdexcept>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/none.hpp>

#include "proving.hpp"
#include "support/catch.hpp"
#include "support/drafting.hpp"
#include "support/numbers.hpp"

namespace {

using namespace proviso;
using rules_test::error_of;
using rules_test::prompt_of_two;

TEST_CASE("token: the law of a drafted chain is the target's") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3));
  const auto length = static_cast<std::size_t>(GENERATE(1, 2, 3));
  const testing::row_table p = testing::random_table(3, 2, seed);
  testing::table_model small{testing::random_table(3, 2, seed + 100)};
  CHECK(error_of(rules::token{}, p, drafters::model{small}, length) < 1e-6);
}

TEST_CASE("token: laws with zero entries, near and equal laws, temperatures") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(4, 5));
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, seed), 1);
  const testing::row_table q = support::with_holes(testing::random_table(3, 2, seed + 100), 2);
  testing::table_model other{q};
  testing::table_model same{p};
  testing::table_model near{testing::blended(testing::random_table(3, 2, seed), testing::random_table(3, 2, 9), 0.2)};
  CHECK(error_of(rules::token{}, p, drafters::model{other}, 2) < 1e-6);
  CHECK(error_of(rules::token{}, p, drafters::model{same}, 2) < 1e-6);
  CHECK(error_of(rules::token{}, p, drafters::model{near}, 2) < 1e-6);
  CHECK(error_of(rules::token{}, p, drafters::model{other}, 2, 0.5F) < 1e-6);
  CHECK(error_of(rules::token{}, p, drafters::model{other}, 2, 0.0F) == 0.0);
}

TEST_CASE("token: disjoint supports") {
  testing::table_model small{testing::row_table{3, 0, {0.0F, support::never, support::never}}};
  CHECK(error_of(rules::token{}, {3, 0, {support::never, 0.5F, -0.5F}}, drafters::model{small}, 2) < 1e-6);
}

TEST_CASE("token: pushed chains and no draft") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(6, 7));
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, seed), 2);
  CHECK(error_of(rules::token{}, p, support::pushed_tree{{1, 1}, 3}, 2) < 1e-6);
  CHECK(error_of(rules::token{}, p, drafters::none{}, 2) < 1e-6);
}

TEST_CASE("token: a drafted token stands with probability sum of min(p, q)") {
  const testing::row_table p = testing::random_table(3, 2, 8);
  const testing::row_table q = testing::random_table(3, 2, 108);
  testing::table_model target{p};
  testing::table_model small{q};
  double accepted = 0.0;
  testing::enumerator all;
  limits bounds;
  bounds.max_tokens = 2;
  all.run([&] {
    decoder d{sequence{
        speculative{target, drafters::model{small}, rules::token{}, transforms::temperature{}, lengths::fixed{1}},
        all.source()}};
    d.start(prompt_of_two, bounds);
    d.step();
    accepted += all.probability() * static_cast<double>(d.stats().accepted);
  });
  const auto a = support::softmax(p.row(prompt_of_two));
  const auto b = support::softmax(q.row(prompt_of_two));
  double expected = 0.0;
  for (std::size_t x = 0; x < 3; ++x) expected += (std::min)(a[x], b[x]);
  CHECK(std::abs(accepted - expected) < 1e-6);
}

TEST_CASE("token: a draft that branches is refused with a sentence") {
  testing::table_model target{testing::random_table(3, 1, 1)};
  decoder d{speculative{target, support::pushed_tree{{2}, 3}, rules::token{}}};
  REQUIRE_THROWS_AS(d.run(prompt_of_two, [](generated_token) {}), std::invalid_argument);
  CHECK(d.why() == stop_reason::failed);
}

}  // namespace

static_assert(proviso::rules::token::lossless);
