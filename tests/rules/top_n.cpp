// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/top_n.hpp>

#include <limits>
#include <stdexcept>

#include "support/catch.hpp"
#include "support/verifying.hpp"

namespace {

using namespace proviso;
using support::children;
using support::near;
using support::tree;
using support::verify;
using support::weights;

TEST_CASE("top_n: a token stands when it is among the n most probable and close to the first") {
  const auto p = [](support::path) { return weights{0.125, 0.5, 0.125, 0.25, 0.0}; };
  const auto accepted = [&](token_id x, std::size_t n, double margin) {
    const auto one = [x](draft& d, random_ref) { d.push(draft::root(), x); };
    return verify(rules::top_n{n, margin}, one, p, 1).accepted;
  };
  CHECK(accepted(1, 1, 0.0) == 1.0);
  CHECK(accepted(3, 1, 1.0) == 0.0);
  CHECK(accepted(3, 2, 0.25) == 1.0);
  CHECK(accepted(3, 2, 0.2) == 0.0);
  CHECK(accepted(0, 3, 1.0) == 1.0);  // the lower id of two equals
  CHECK(accepted(2, 3, 1.0) == 0.0);
  CHECK(accepted(2, 4, 1.0) == 1.0);
  CHECK(accepted(4, 5, 1.0) == 0.0);  // impossible
}

TEST_CASE("top_n: by default the margin excludes nothing") {
  const auto p = [](support::path) { return weights{0.96875, 0.015625, 0.015625}; };
  const auto last = [](draft& d, random_ref) { d.push(draft::root(), 2); };
  CHECK(verify(rules::top_n{3}, last, p, 1).accepted == 1.0);
  CHECK(verify(rules::top_n{2}, last, p, 1).accepted < 0.1);
}

TEST_CASE("top_n: the deviation of a pushed token is the distance of the law emitted") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3, 4));
  const support::path_law p = support::random_laws(seed);
  const support::verified v = verify(rules::top_n{2, 0.3}, tree{{1}, children::pushed, p}, p, 1);
  CHECK(near(v.deviation, v.error));
  for (const children kind : {children::with, children::without, children::pushed}) {
    const support::verified two = verify(rules::top_n{3}, tree{{2, 2}, kind, support::random_laws(9)}, p, 2);
    CHECK(two.deviation > two.error - 1e-12);
    CHECK(two.impossible == 0.0);
  }
}

TEST_CASE("top_n: lossless with n = 0, greedy on points") {
  const support::path_law p = support::random_laws(5);
  const support::verified v = verify(rules::top_n{0}, tree{{2, 2}, children::pushed, p}, p, 2);
  CHECK(v.error < 1e-12);
  CHECK((v.deviation == 0.0 && v.accepted == 0.0));
  const auto point = [](support::path) { return weights{0.0, 1.0, 0.0}; };
  const support::verified greedy = verify(rules::top_n{3}, tree{{2, 2}, children::pushed, p}, point, 2);
  CHECK((greedy.error == 0.0 && greedy.deviation == 0.0));
}

TEST_CASE("top_n: bad arguments are refused with a sentence") {
  REQUIRE_THROWS_AS((rules::top_n{1, -0.1}), std::invalid_argument);
  REQUIRE_THROWS_AS((rules::top_n{1, 1.1}), std::invalid_argument);
  REQUIRE_THROWS_AS((rules::top_n{1, std::numeric_limits<double>::quiet_NaN()}), std::invalid_argument);
}

}  // namespace

static_assert(!proviso::rules::top_n::lossless);
