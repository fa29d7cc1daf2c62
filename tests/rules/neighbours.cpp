// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/neighbours.hpp>

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

const std::vector<token_id> ring{1, 3, 2, 0, 3, 1, 0, 2};  // of four tokens, the next one first

TEST_CASE("neighbours: a token borrows from its list in order, up to delta") {
  const auto p = [](support::path) { return weights{0.1, 0.2, 0.3, 0.4}; };
  const auto zero = [](draft& d, random_ref) { d.push(draft::root(), 0); };
  const auto accepted = [&](double delta) { return verify(rules::neighbours{ring, 2, delta}, zero, p, 1).accepted; };
  CHECK(near(accepted(0.0), 0.1));
  CHECK(near(accepted(0.19), 0.1));
  CHECK(near(accepted(0.3), 0.3));
  CHECK(near(accepted(0.65), 0.7));
  const support::verified v = verify(rules::neighbours{ring, 2, 0.3}, zero, p, 1);
  CHECK(near(support::first_token(v, 4), {0.3, 0.0, 0.3, 0.4}));  // all of token 1 went to token 0
  CHECK(near(v.deviation, 0.2));
}

TEST_CASE("neighbours: the deviation is the distance of the emitted law; nothing impossible is emitted") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3, 4, 5));
  const double delta = GENERATE(0.1, 0.4, 1.0);
  const support::path_law p = support::random_laws(seed, 4);
  const support::path_law q = support::random_laws(seed + 100, 4);
  for (const children kind : {children::with, children::pushed}) {
    const support::verified one = verify(rules::neighbours{ring, 2, delta}, tree{{1}, kind, q}, p, 1);
    CHECK(near(one.deviation, one.error));
    const support::verified two = verify(rules::neighbours{ring, 2, delta}, tree{{1, 1}, kind, q}, p, 2);
    CHECK(two.deviation > two.error - 1e-12);
    CHECK(two.impossible == 0.0);
  }
}

TEST_CASE("neighbours: delta bounds what one token borrows, not the deviation") {
  const auto p = [](support::path) { return weights{0.125, 0.125, 0.375, 0.375}; };
  const auto q = [](support::path) { return weights{0.5, 0.5, 0.0, 0.0}; };
  const tree one{{1}, children::with, q};
  const support::verified v = verify(rules::neighbours{{2, 3, 0, 1}, 1, 0.375}, one, p, 1);
  CHECK(near(support::first_token(v, 4), q({})));
  CHECK(near(v.deviation, 0.75));
}

TEST_CASE("neighbours: with delta = 0, or no neighbours, it is token verification") {
  const support::path_law p = support::random_laws(6, 4);
  const tree chain{{1, 1}, children::with, support::random_laws(106, 4)};
  const double expected = verify(rules::token{}, chain, p, 2).accepted;
  for (const rules::neighbours& rule : {rules::neighbours{ring, 2, 0.0}, rules::neighbours{{}, 0, 1.0}}) {
    const support::verified v = verify(rule, chain, p, 2);
    CHECK(v.error < 1e-12);
    CHECK(v.deviation < 1e-12);
    CHECK(near(v.accepted, expected));
  }
}

TEST_CASE("neighbours: bad arguments and branches are refused with a sentence") {
  using rules::neighbours;
  const support::path_law p = support::random_laws(7, 4);
  REQUIRE_THROWS_AS((neighbours{ring, 3, 0.1}), std::invalid_argument);
  REQUIRE_THROWS_AS((neighbours{ring, 0, 0.1}), std::invalid_argument);
  REQUIRE_THROWS_AS((neighbours{ring, 2, -0.1}), std::invalid_argument);
  REQUIRE_THROWS_AS((neighbours{ring, 2, 1.1}), std::invalid_argument);
  REQUIRE_THROWS_AS((neighbours{ring, 2, std::numeric_limits<double>::quiet_NaN()}), std::invalid_argument);
  REQUIRE_THROWS_AS((neighbours{{1, 2}, 1, 0.1}), std::invalid_argument);              // outside
  REQUIRE_THROWS_AS((neighbours{{1, -1}, 1, 0.1}), std::invalid_argument);             // outside
  REQUIRE_THROWS_AS((neighbours{{1, 1}, 1, 0.1}), std::invalid_argument);              // itself
  REQUIRE_THROWS_AS((neighbours{{1, 1, 0, 2, 0, 1}, 2, 0.1}), std::invalid_argument);  // twice
  REQUIRE_THROWS_AS(verify(neighbours{ring, 2, 0.1}, tree{{2}, children::with, p}, p, 1), std::invalid_argument);
}

}  // namespace

static_assert(!proviso::rules::neighbours::lossless);
