// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/typical.hpp>

#include <cmath>
#include <cstddef>
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

constexpr double infinite = std::numeric_limits<double>::infinity();

TEST_CASE("typical: a token stands when it is more probable than min(epsilon, delta exp(-H))") {
  const auto p = [](support::path) { return weights{0.25, 0.25, 0.25, 0.125, 0.125}; };  // H = 2.25 ln 2
  const auto accepted = [&](token_id x, double epsilon, double delta) {
    const auto one = [x](draft& d, random_ref) { d.push(draft::root(), x); };
    return verify(rules::typical{epsilon, delta}, one, p, 1).accepted;
  };
  CHECK(accepted(0, 0.24, infinite) == 1.0);
  CHECK(accepted(0, 0.25, infinite) == 0.0);        // strictly more
  const double typical_size = 0.21022410381342863;  // 2^-2.25
  CHECK(accepted(3, 1.0, 0.125 / typical_size - 1e-5) == 1.0);
  CHECK(accepted(3, 1.0, 0.125 / typical_size + 1e-5) == 0.0);
  CHECK(accepted(3, 0.1, 5.0) == 1.0);  // the smaller of both bounds
}

TEST_CASE("typical: the entropy of a law of any size and any weights") {
  const auto size = static_cast<std::size_t>(GENERATE(2, 3, 8, 9, 11, 16, 21));
  const auto kind =
      GENERATE(0, 1, 2);  // equal weights, where the logarithm is least exact; growing ones; one that rules
  weights w(size);
  double total = 0.0;
  for (std::size_t x = 0; x < size; ++x) {
    w[x] = kind == 0 ? 1.4 : kind == 1 ? 1.0 + static_cast<double>(x) : x == 1 ? 3.0 : 0.01;
    total += w[x];
  }
  double entropy = 0.0;
  for (const double x : w) entropy -= x / total * std::log(x / total);
  const double delta = w[0] / total * std::exp(entropy);  // token 0 lies on the bar
  const auto accepted = [&](double bar) {
    const auto one = [](draft& d, random_ref) { d.push(draft::root(), 0); };
    return verify(
               rules::typical{1.0, bar}, one, [&](support::path) { return w; }, 1)
        .accepted;
  };
  CHECK(accepted(delta * (1.0 - 1e-6)) > 0.5);
  CHECK(accepted(delta * (1.0 + 1e-6)) < 0.5);
}

TEST_CASE("typical: the longest path stands, the first one of equal length") {
  const auto p = [](support::path before) {
    if (before.empty()) return weights{0.4, 0.4, 0.2};
    return before.back() == 1 ? weights{0.1, 0.1, 0.8} : weights{0.8, 0.1, 0.1};
  };
  const auto build = [](draft& d, random_ref) {
    const node_id a = d.push(draft::root(), 0);  // stands, with nothing that stands below
    d.push(a, 1);
    const node_id b = d.push(draft::root(), 1);
    d.push(b, 2);
    const node_id c = d.push(draft::root(), 0);
    d.push(c, 0);
  };
  rules::typical rule{0.3, infinite};
  std::vector<node_id> kept;
  const auto watched = [&](const draft& d, const target_laws& laws, random_ref random) {
    const outcome o = rule(d, laws, random);
    kept.assign(o.path.begin(), o.path.end());
    return o;
  };
  const support::verified v = verify(watched, build, p, 2);
  CHECK(kept == std::vector<node_id>{3, 4});
  CHECK(near(v.deviation, 0.6 + 0.2));
}

TEST_CASE("typical: the deviation of a pushed token is the distance of the law emitted") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3, 4));
  const support::path_law p = support::random_laws(seed);
  const tree one{{1}, children::pushed, p};
  const support::verified v = verify(rules::typical{}, one, p, 1);
  CHECK(near(v.deviation, v.error));
  for (const children kind : {children::with, children::without, children::pushed}) {
    const support::verified two = verify(rules::typical{}, tree{{2, 2}, kind, support::random_laws(9)}, p, 2);
    CHECK(two.deviation > two.error - 1e-12);
    CHECK(two.impossible == 0.0);
  }
}

TEST_CASE("typical: lossless when nothing can stand, greedy on points") {
  const support::path_law p = support::random_laws(5);
  const support::verified v = verify(rules::typical{1.0, infinite}, tree{{2, 2}, children::pushed, p}, p, 2);
  CHECK(v.error < 1e-12);
  CHECK(v.deviation == 0.0);
  const auto point = [](support::path) { return weights{0.0, 1.0, 0.0}; };
  const support::verified greedy = verify(rules::typical{}, tree{{2, 2}, children::pushed, p}, point, 2);
  CHECK(greedy.error == 0.0);
  CHECK(greedy.deviation == 0.0);
  CHECK(greedy.accepted == 2.0);  // tokens 0 and 1 are pushed below the root, tokens 1 and 2 below those
}

TEST_CASE("typical: bad arguments are refused with a sentence") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  REQUIRE_THROWS_AS((rules::typical{0.0, 0.1}), std::invalid_argument);
  REQUIRE_THROWS_AS((rules::typical{1.1, 0.1}), std::invalid_argument);
  REQUIRE_THROWS_AS((rules::typical{nan, 0.1}), std::invalid_argument);
  REQUIRE_THROWS_AS((rules::typical{0.3, 0.0}), std::invalid_argument);
  REQUIRE_THROWS_AS((rules::typical{0.3, nan}), std::invalid_argument);
}

}  // namespace

static_assert(!proviso::rules::typical::lossless);
