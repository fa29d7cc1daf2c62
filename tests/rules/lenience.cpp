// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/lenience.hpp>

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

TEST_CASE("lenience: golden values") {
  const auto p = [](support::path) { return weights{0.1, 0.5, 0.4}; };
  const auto q = [](support::path) { return weights{0.5, 0.4, 0.1}; };
  const tree one{{1}, children::with, q};
  const support::verified half = verify(rules::lenience{0.5}, one, p, 1);
  CHECK(near(support::first_token(half, 3), {0.2, 0.4 + 0.3 * 0.3 / 0.65, 0.1 + 0.3 * 0.35 / 0.65}, 1e-7));
  CHECK(near(support::first_token(half, 3), {0.2, 0.538, 0.262}, 1e-3));
  CHECK(near(half.deviation, 0.4 - 0.1 - 0.3 * 0.35 / 0.65, 1e-7));
  const support::verified quarter = verify(rules::lenience{0.25}, one, p, 1);
  CHECK(near(support::first_token(quarter, 3), {0.4, 0.452, 0.148}, 1e-3));
  CHECK(near(quarter.accepted, 0.9, 1e-7));
}

TEST_CASE("lenience: the deviation is the distance of the emitted law; nothing impossible is emitted") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3, 4));
  const double l = GENERATE(0.9, 0.5, 0.1);
  const support::path_law p = support::random_laws(seed);
  const support::path_law q = support::random_laws(seed + 100);
  for (const children kind : {children::with, children::pushed}) {
    const support::verified one = verify(rules::lenience{l}, tree{{1}, kind, q}, p, 1);
    CHECK(near(one.deviation, one.error));
    const support::verified two = verify(rules::lenience{l}, tree{{1, 1}, kind, q}, p, 2);
    CHECK(two.deviation > two.error - 1e-12);
    CHECK(two.impossible == 0.0);
  }
}

TEST_CASE("lenience: with l = 1 it is token verification") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(5, 6));
  const support::path_law p = support::random_laws(seed);
  for (const children kind : {children::with, children::pushed}) {
    const tree chain{{1, 1}, kind, support::random_laws(seed + 100)};
    const support::verified v = verify(rules::lenience{1.0}, chain, p, 2);
    CHECK(v.error < 1e-12);
    CHECK(v.deviation < 1e-12);
    CHECK(near(v.accepted, verify(rules::token{}, chain, p, 2).accepted));
  }
}

TEST_CASE("lenience: points and empty drafts; bad arguments and branches are refused with a sentence") {
  const support::path_law p = support::random_laws(7);
  const auto point = [](support::path) { return weights{0.0, 1.0, 0.0}; };
  CHECK(verify(rules::lenience{0.3}, tree{{1}, children::with, p}, point, 1).error < 1e-12);
  const auto nothing = [](draft&, random_ref) {};
  CHECK(verify(rules::lenience{0.3}, nothing, p, 1).deviation == 0.0);
  REQUIRE_THROWS_AS(rules::lenience{0.0}, std::invalid_argument);
  REQUIRE_THROWS_AS(rules::lenience{1.1}, std::invalid_argument);
  REQUIRE_THROWS_AS(rules::lenience{std::numeric_limits<double>::quiet_NaN()}, std::invalid_argument);
  REQUIRE_THROWS_AS(verify(rules::lenience{0.5}, tree{{2}, children::with, p}, p, 1), std::invalid_argument);
}

TEST_CASE("lenience: where the draft's law is the target's, nothing is paid and everything stands") {
  const auto p = [](support::path) { return weights{0.25, 0.5, 0.25}; };
  const support::verified same = verify(rules::lenience{1.0}, tree{{1, 1}, children::with, p}, p, 2);
  CHECK(same.deviation == 0.0);
  CHECK(near(same.accepted, 2.0));
}

}  // namespace

static_assert(!proviso::rules::lenience::lossless);
