// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/match.hpp>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/none.hpp>

#include "support/catch.hpp"
#include "support/drafting.hpp"

namespace {

using namespace proviso;
using support::distance;
using support::exact_law;
using support::law_of;

constexpr std::size_t count = 4;
const support::tokens prompt{2, 0};

template <class Drafter>
double error_of(const testing::row_table& p, const Drafter& drafter, std::size_t length, float temperature = 1.0F) {
  testing::table_model target{p};
  auto make = [&] {
    return speculative{target, drafter, rules::match{}, transforms::temperature{temperature}, lengths::fixed{length}};
  };
  return distance(law_of(make, prompt, count), exact_law(p, prompt, count, static_cast<double>(temperature)));
}

TEST_CASE("match: the law of a drafted chain is the target's") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3));
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, seed), 2);
  testing::table_model small{testing::random_table(3, 2, seed + 100)};
  CHECK(error_of(p, drafters::model{small}, 1) < 1e-6);
  CHECK(error_of(p, drafters::model{small}, 2, 0.5F) < 1e-6);
  CHECK(error_of(p, support::pushed_tree{{1, 1}, 3}, 2) < 1e-6);
  CHECK(error_of(p, drafters::none{}, 2) < 1e-6);
}

TEST_CASE("match: pushed trees, also with equal siblings") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(4, 5));
  const testing::row_table p = testing::random_table(3, 2, seed);
  CHECK(error_of(p, support::pushed_tree{{2, 2}, 3}, 6) < 1e-6);
  CHECK(error_of(p, support::pushed_tree{{4, 1}, 2}, 8) < 1e-6);  // tokens 0 1 0 1 below the root
}

}  // namespace
