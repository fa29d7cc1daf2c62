// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/thresholds.hpp>

#include <limits>
#include <stdexcept>

#include <proviso/rules/match.hpp>

#include "support/catch.hpp"
#include "support/verifying.hpp"

namespace {

using namespace proviso;
using support::children;
using support::near;
using support::tree;
using support::verify;
using support::weights;

void push_both(draft& d, random_ref) {
  d.push(draft::root(), 1);
  d.push(draft::root(), 2);
}

TEST_CASE("thresholds: golden values") {
  const auto p = [](support::path) { return weights{0.1, 0.5, 0.4}; };
  const support::verified erased = verify(rules::thresholds{1.0, 0.5}, push_both, p, 1);
  CHECK(near(support::first_token(erased, 3), {0.0, 1.0, 0.0}));  // the second sibling is never emitted
  CHECK(near(erased.deviation, 0.5));
  const support::verified most = verify(rules::thresholds{1.0, 0.8}, push_both, p, 1);
  CHECK(near(support::first_token(most, 3), {0.0, 0.625, 0.375}));
  CHECK(near(most.deviation, 0.125));
  const support::verified single = verify(rules::thresholds{0.4, 1.0}, push_both, p, 1);
  CHECK(near(support::first_token(single, 3), {0.0, 1.0, 0.0}));
  CHECK(near(single.deviation, 0.5));
}

TEST_CASE("thresholds: the deviation is the distance of the law emitted; nothing impossible is emitted") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3, 4));
  const double single = GENERATE(0.3, 1.0);
  const double accumulated = GENERATE(0.2, 0.7, 1.0);
  const support::path_law p = support::random_laws(seed);
  for (const std::size_t count : {1U, 2U, 3U}) {
    const support::verified one =
        verify(rules::thresholds{single, accumulated}, tree{{count}, children::pushed, p}, p, 1);
    CHECK(near(one.deviation, one.error));
    CHECK(one.impossible == 0.0);
  }
  const tree two_levels{{2, 2}, children::without, support::random_laws(seed + 100)};
  const support::verified two = verify(rules::thresholds{single, accumulated}, two_levels, p, 2);
  CHECK(two.deviation > two.error - 1e-12);
  CHECK(two.impossible == 0.0);
}

TEST_CASE("thresholds: with both at 1 it is lossless for any draft, and accepts as match") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(5, 6, 7));
  const support::path_law p = support::random_laws(seed);
  for (const children kind : {children::with, children::without, children::pushed, children::mixed}) {
    const tree drafted{{2, 2}, kind, support::random_laws(seed + 100)};
    const support::verified v = verify(rules::thresholds{1.0, 1.0}, drafted, p, 2);
    CHECK(v.error < 1e-12);
    CHECK(v.deviation < 1e-12);
    // match goes down the first of two equal siblings, and so does the one coin
    CHECK(near(v.accepted, verify(rules::match{}, drafted, p, 2).accepted));
  }
}

TEST_CASE("thresholds: one law per level; bad arguments are refused with a sentence") {
  const support::path_law p = support::random_laws(8);
  CHECK(verify(rules::thresholds{0.5, 0.5}, tree{{2, 2}, children::pushed, p}, p, 2).most_rows == 3);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  REQUIRE_THROWS_AS((rules::thresholds{0.0, 1.0}), std::invalid_argument);
  REQUIRE_THROWS_AS((rules::thresholds{1.0, 0.0}), std::invalid_argument);
  REQUIRE_THROWS_AS((rules::thresholds{1.1, 1.0}), std::invalid_argument);
  REQUIRE_THROWS_AS((rules::thresholds{1.0, nan}), std::invalid_argument);
}

}  // namespace

static_assert(!proviso::rules::thresholds::lossless);
