// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/k_seq.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <proviso/rules/siblings.hpp>
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

/// sum over x of min(q, p / rho)
double overlap(const weights& p, const weights& q, double rho) {
  double sum = 0.0;
  for (std::size_t x = 0; x < p.size(); ++x) sum += (std::min)(q[x], p[x] / rho);
  return sum;
}

TEST_CASE("k_seq: the law is the target's") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3, 4));
  const support::path_law p = support::random_laws(seed);
  const support::path_law q = support::random_laws(seed + 100);
  for (const auto& widths : {std::vector<std::size_t>{1, 1}, {2}, {3}, {4}, {2, 2}}) {
    CHECK(verify(rules::k_seq{}, tree{widths, children::with, q}, p, widths.size()).error < 1e-12);
  }
  CHECK(verify(rules::k_seq{}, tree{{1, 1}, children::pushed, q}, p, 2).error < 1e-12);
}

TEST_CASE("k_seq: one of k siblings stands with probability 1 - (1 - b)^k, and rho b is as much") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(11, 12, 13, 14));
  const weights p = support::random_laws(seed, 4)({});
  const weights q{0.5, 0.25, 0.125, 0.125};  // exact in float
  for (const std::size_t k : {1U, 2U, 3U, 4U}) {
    const double rho = rules::k_seq{}.discount(support::law_of_weights(p), support::law_of_weights(q), k);
    CHECK((rho >= 1.0 && rho <= static_cast<double>(k)));
    const double b = overlap(p, q, rho);
    const double expected = 1.0 - std::pow(1.0 - b, static_cast<double>(k));
    CHECK(near(expected, k == 1 ? b : rho * b));
    const auto constant_p = [&](support::path) { return p; };
    const auto constant_q = [&](support::path) { return q; };
    CHECK(near(verify(rules::k_seq{}, tree{{k}, children::with, constant_q}, constant_p, 1).accepted, expected));
  }
}

TEST_CASE("k_seq: golden values") {
  const weights p{0.75, 0.25};
  const weights q{0.25, 0.75};
  // b = 1/4 + 1 / (4 rho); 2 - b = rho gives 4 rho^2 - 7 rho + 1 = 0
  const double rho = (7.0 + std::sqrt(33.0)) / 8.0;
  CHECK(near(rules::k_seq{}.discount(support::law_of_weights(p), support::law_of_weights(q), 2), rho));
  const auto constant_p = [&](support::path) { return p; };
  const auto constant_q = [&](support::path) { return q; };
  const tree two{{2}, children::with, constant_q};
  CHECK(near(verify(rules::k_seq{}, two, constant_p, 1).accepted, rho * (0.25 + 0.25 / rho)));
  CHECK(near(verify(rules::siblings{}, two, constant_p, 1).accepted, 0.5 + 0.5 * 0.25));
}

TEST_CASE("k_seq: one child is token verification") {
  const support::path_law p = support::random_laws(21);
  const tree chain{{1, 1}, children::with, support::random_laws(22)};
  CHECK(near(verify(rules::k_seq{}, chain, p, 2).accepted, verify(rules::token{}, chain, p, 2).accepted));
}

TEST_CASE("k_seq: laws that are equal, disjoint, nearly disjoint, points") {
  const auto left = [](support::path) { return weights{0.5, 0.5, 0.0}; };
  const auto right = [](support::path) { return weights{0.0, 0.0, 1.0}; };
  const auto touching = [](support::path) { return weights{1e-14, 0.0, 1.0 - 1e-14}; };
  for (const auto& [p, q] : std::vector<std::pair<support::path_law, support::path_law>>{
           {left, left}, {left, right}, {right, left}, {touching, left}, {left, touching}}) {
    CHECK(verify(rules::k_seq{}, tree{{3}, children::with, q}, p, 1).error < 1e-12);
  }
  CHECK(near(verify(rules::k_seq{}, tree{{3}, children::with, left}, left, 1).accepted, 1.0));
  CHECK(verify(rules::k_seq{}, tree{{3}, children::with, right}, left, 1).accepted == 0.0);
}

TEST_CASE("k_seq: one law per level; other siblings are refused with a sentence") {
  const support::path_law p = support::random_laws(23);
  const support::path_law q = support::random_laws(24);
  CHECK(verify(rules::k_seq{}, tree{{2, 2}, children::with, q}, p, 2).most_rows == 3);
  const auto twice = [&](draft& d, random_ref random) {
    d.sample(draft::root(), support::law_of_weights(q({})), random);
    d.sample(draft::root(), support::law_of_weights(q({})), random);
  };
  REQUIRE_THROWS_AS(verify(rules::k_seq{}, tree{{2}, children::pushed, q}, p, 1), std::invalid_argument);
  REQUIRE_THROWS_AS(verify(rules::k_seq{}, tree{{2}, children::without, q}, p, 1), std::invalid_argument);
  REQUIRE_THROWS_AS(verify(rules::k_seq{}, tree{{2}, children::mixed, q}, p, 1), std::invalid_argument);
  REQUIRE_THROWS_AS(verify(rules::k_seq{}, twice, p, 1), std::invalid_argument);
}

}  // namespace

static_assert(proviso::rules::k_seq::lossless);
