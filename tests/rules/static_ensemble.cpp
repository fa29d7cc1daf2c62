// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/static_ensemble.hpp>

#include <limits>
#include <stdexcept>

#include <proviso/rules/token.hpp>

#include "support/catch.hpp"
#include "support/verifying.hpp"

namespace {

using namespace proviso;
using support::children;
using support::near;
using support::tree;
using support::verify;
using support::weights;

TEST_CASE("static_ensemble: the law is the mixture, at a distance of (1 - w) TV") {
  const double w = GENERATE(0.0, 0.25, 0.5, 0.9);
  const weights p{0.1, 0.5, 0.4};
  const weights q{0.5, 0.375, 0.125};
  const auto law_p = [&](support::path) { return p; };
  const auto law_q = [&](support::path) { return q; };
  const support::verified v = verify(rules::static_ensemble{w}, tree{{1}, children::with, law_q}, law_p, 1);
  weights mixture(3);
  for (std::size_t x = 0; x < 3; ++x) mixture[x] = w * p[x] + (1.0 - w) * q[x];
  CHECK(near(support::first_token(v, 3), mixture));
  CHECK(near(v.deviation, (1.0 - w) * 0.4));
  CHECK(near(v.accepted, 1.0 - w * 0.4));
}

TEST_CASE("static_ensemble: what q has where the target has nothing goes to the correction") {
  const auto p = [](support::path) { return weights{0.0, 0.25, 0.5, 0.25}; };
  const auto q = [](support::path) { return weights{0.25, 0.5, 0.125, 0.125}; };
  const support::verified v = verify(rules::static_ensemble{0.5}, tree{{1}, children::with, q}, p, 1);
  // v = (1/8, 3/8, 5/16, 3/16); norm([p - q]+) = (0, 0, 3/4, 1/4)
  CHECK(near(support::first_token(v, 4), {0.0, 0.375, 0.3125 + 0.09375, 0.1875 + 0.03125}));
  CHECK(near(v.deviation, 0.125));
  CHECK(v.impossible == 0.0);
}

TEST_CASE("static_ensemble: the deviation is the distance of the emitted law; nothing impossible is emitted") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3, 4));
  const double w = GENERATE(0.0, 0.3, 0.8);
  const support::path_law p = support::random_laws(seed);
  const support::path_law q = support::random_laws(seed + 100);
  for (const children kind : {children::with, children::pushed}) {
    const support::verified one = verify(rules::static_ensemble{w}, tree{{1}, kind, q}, p, 1);
    CHECK(near(one.deviation, one.error));
    const support::verified two = verify(rules::static_ensemble{w}, tree{{1, 1}, kind, q}, p, 2);
    CHECK(two.deviation > two.error - 1e-12);
    CHECK(two.impossible == 0.0);
  }
}

TEST_CASE("static_ensemble: with w = 1 it is token verification") {
  const support::path_law p = support::random_laws(6);
  const tree chain{{1, 1}, children::with, support::random_laws(106)};
  const support::verified v = verify(rules::static_ensemble{1.0}, chain, p, 2);
  CHECK(v.error < 1e-12);
  CHECK(v.deviation == 0.0);
  CHECK(near(v.accepted, verify(rules::token{}, chain, p, 2).accepted));
}

TEST_CASE("static_ensemble: bad arguments and branches are refused with a sentence") {
  const support::path_law p = support::random_laws(7);
  REQUIRE_THROWS_AS(rules::static_ensemble{-0.1}, std::invalid_argument);
  REQUIRE_THROWS_AS(rules::static_ensemble{1.1}, std::invalid_argument);
  REQUIRE_THROWS_AS(rules::static_ensemble{std::numeric_limits<double>::quiet_NaN()}, std::invalid_argument);
  REQUIRE_THROWS_AS(verify(rules::static_ensemble{0.5}, tree{{2}, children::with, p}, p, 1), std::invalid_argument);
}

}  // namespace

static_assert(!proviso::rules::static_ensemble::lossless);
