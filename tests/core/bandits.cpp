// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/bandits.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <proviso/core/random.hpp>

#include "support/catch.hpp"

namespace {

using namespace proviso;
using bandits::belief;
using bandits::record;

TEST_CASE("bandits: square roots and normal probabilities are those of the mathematical library") {
  for (double x = 1e-300; x < 1e300; x *= 7.3) CHECK(std::abs(bandits::square_root(x) / std::sqrt(x) - 1.0) < 1e-15);
  CHECK(bandits::square_root(0.0) == 0.0);
  CHECK(bandits::square_root(-1.0) == 0.0);
  for (double z = -6.0; z <= 6.0; z += 0.1) {
    CHECK(std::abs(bandits::normal_below(z) - 0.5 * std::erfc(-z / std::sqrt(2.0))) < 3e-7);
  }
}

TEST_CASE("bandits: a record of weighted rates is the ratio of sums") {
  record r;
  CHECK(r.mean() == 0.0);
  r.add(3.0 / 1.4, 1.4);  // three tokens at a cost of 1.4
  r.add(1.0 / 1.0, 1.0);
  CHECK(std::abs(r.mean() - 4.0 / 2.4) < 1e-15);
  r.fade(0.5);
  CHECK(std::abs(r.mean() - 4.0 / 2.4) < 1e-15);
  CHECK(r.weight == 1.2);
}

TEST_CASE("bandits: UCB1 is the published formula, plays new arms first, and explores more where less is known") {
  CHECK(std::abs(bandits::ucb1_index(0.4, 7.0, 30.0) - (0.4 + std::sqrt(2.0 * std::log(30.0) / 7.0))) < 1e-14);
  CHECK(std::abs(bandits::ucb1_index(0.4, 7.0, 30.0, 3.0) - (0.4 + 3.0 * std::sqrt(2.0 * std::log(30.0) / 7.0))) <
        1e-14);
  CHECK(bandits::ucb1_index(0.9, 0.0, 30.0) == std::numeric_limits<double>::infinity());
  std::vector<record> arms(3);
  arms[0].add(1.0);
  CHECK(bandits::ucb1(arms) == 1);
  arms[1].add(0.5);
  arms[2].add(0.5);
  CHECK(bandits::ucb1(arms) == 0);
  for (int i = 0; i < 20; ++i) arms[0].add(0.6);
  CHECK(bandits::ucb1(arms) == 1);  // equal means below, but fewer plays
}

/// Regret of `rounds` plays of Bernoulli arms.
template <class Choose>
double regret(const std::vector<double>& odds, std::size_t rounds, std::uint32_t seed, Choose choose) {
  const philox source{seed};
  std::vector<record> arms(odds.size());
  double best = 0.0;
  for (const double p : odds) best = p > best ? p : best;
  double lost = 0.0;
  for (std::size_t t = 0; t < rounds; ++t) {
    const auto at = static_cast<std::uint32_t>(t);
    const std::size_t arm = choose(arms, source, at);
    arms[arm].add(source.flip(odds[arm], 1.0, {purpose::acceptance, at, 0, 0}) ? 1.0 : 0.0);
    lost += best - odds[arm];
  }
  return lost;
}

TEST_CASE("bandits: the regret of UCB1 stays below its theorem, and one bonus for all arms does not learn") {
  const std::vector<double> odds{0.3, 0.5, 0.8};
  const auto ucb = [](const std::vector<record>& arms, const philox&, std::uint32_t) { return bandits::ucb1(arms); };
  // A known wrong version: the same bonus for every arm is no bonus.
  const auto same_bonus = [](const std::vector<record>& arms, const philox&, std::uint32_t t) {
    if (t < arms.size()) return static_cast<std::size_t>(t);
    std::size_t best = 0;
    for (std::size_t i = 1; i < arms.size(); ++i) best = arms[i].mean() > arms[best].mean() ? i : best;
    return best;
  };
  constexpr std::size_t rounds = 4000;
  double worst = 0.0;
  double worst_wrong = 0.0;
  double mean_first = 0.0;
  double mean_all = 0.0;
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    worst = (std::max)(worst, regret(odds, rounds, seed, ucb));
    worst_wrong = (std::max)(worst_wrong, regret(odds, rounds, seed, same_bonus));
    mean_first += regret(odds, rounds / 4, seed, ucb) / 20.0;
    mean_all += regret(odds, rounds, seed, ucb) / 20.0;
  }
  double bound = 0.0;  // Theorem 1 of Auer et al.
  for (const double p : odds) {
    if (p < 0.8) bound += 8.0 * std::log(static_cast<double>(rounds)) / (0.8 - p);
    bound += (1.0 + 3.2898681) * (0.8 - p);
  }
  CHECK(worst < bound);
  CHECK(worst > 1.0);
  CHECK(mean_all < 2.0 * mean_first);  // four times the rounds: logarithmic, not linear
  CHECK(worst_wrong > bound);
}

TEST_CASE("bandits: the odds of the best of two arms are the closed form") {
  std::vector<double> odds;
  for (const double wide : {0.1, 0.5, 1.0, 3.0}) {
    for (const double shift : {-2.0, -0.3, 0.0, 0.4, 1.7}) {
      const std::vector<belief> arms{{1.0 + shift, wide}, {1.0, 0.7}};
      bandits::odds_of_best(arms, odds);
      const double z = shift / std::sqrt(wide * wide + 0.49);
      CHECK(std::abs(odds[0] - 0.5 * std::erfc(-z / std::sqrt(2.0))) < 1e-5);
      CHECK(std::abs(odds[0] + odds[1] - 1.0) < 1e-12);
    }
  }
}

TEST_CASE("bandits: the odds of the best are symmetric, need no order, and leave hopeless arms out") {
  std::vector<double> odds;
  const std::vector<belief> equal(7, belief{1.3, 0.2});
  bandits::odds_of_best(equal, odds);
  for (const double p : odds) CHECK(std::abs(p - 1.0 / 7.0) < 1e-12);

  const std::vector<belief> arms{{0.1, 0.3}, {1.2, 0.2}, {1.0, 0.0}, {0.9, 0.4}, {-9.0, 0.1}};
  bandits::odds_of_best(arms, odds);
  CHECK(odds[4] == 0.0);
  std::vector<double> backwards;
  bandits::odds_of_best(std::vector<belief>(arms.rbegin(), arms.rend()), backwards);
  // A simulation with the same beliefs, four deviations wide.
  const philox source{7};
  std::vector<double> wins(arms.size(), 0.0);
  constexpr std::uint32_t draws = 40000;
  for (std::uint32_t i = 0; i < draws; ++i) {
    std::size_t best = 0;
    double highest = -1e9;
    for (std::uint32_t a = 0; a < arms.size(); ++a) {
      const double u = source.uniform({purpose::selection, i, a, 0});
      const double v = source.uniform({purpose::selection, i, a, 1});
      const double value =
          arms[a].mean + arms[a].deviation * std::sqrt(-2.0 * std::log(1.0 - u)) * std::cos(6.283185307179586 * v);
      if (value > highest) {
        highest = value;
        best = a;
      }
    }
    wins[best] += 1.0 / draws;
  }
  for (std::size_t i = 0; i < arms.size(); ++i) {
    CHECK(std::abs(odds[i] - backwards[arms.size() - 1 - i]) < 1e-12);
    CHECK(std::abs(odds[i] - wins[i]) < 4.0 * std::sqrt(0.25 / draws));
  }
  bandits::odds_of_best(std::vector<belief>{{1.0, 0.0}, {2.0, 0.0}}, odds);
  CHECK(odds == std::vector<double>{0.0, 1.0});
  bandits::odds_of_best(std::vector<belief>{}, odds);
  CHECK(odds.empty());
}

TEST_CASE("bandits: the posterior of a normal mean is the conjugate one") {
  record seen;
  for (const double x : {2.0, 1.0, 3.0}) seen.add(x);
  const belief b = bandits::posterior(1.0, 2.0, seen, 0.5);
  CHECK(std::abs(b.mean - (2.0 * 1.0 + 6.0) / 5.0) < 1e-15);
  CHECK(std::abs(b.deviation - 0.5 / std::sqrt(5.0)) < 1e-15);
}

TEST_CASE("bandits: Thompson sampling has logarithmic regret") {
  const std::vector<double> odds{0.3, 0.5, 0.8};
  std::vector<double> best;
  const auto thompson = [&](const std::vector<record>& arms, const philox& source, std::uint32_t t) {
    std::vector<belief> beliefs;
    for (const record& a : arms) beliefs.push_back(bandits::posterior(0.5, 1.0, a, 0.5));
    bandits::odds_of_best(beliefs, best);
    const law_view law = law_view::dense(std::span<const double>{best}, 1.0);
    return static_cast<std::size_t>(source.pick(law, {purpose::selection, t, 0, 0}));
  };
  double first = 0.0;
  double all = 0.0;
  for (std::uint32_t seed = 0; seed < 8; ++seed) {
    first += regret(odds, 400, seed, thompson) / 8.0;
    all += regret(odds, 1600, seed, thompson) / 8.0;
  }
  CHECK(all < 2.0 * first);
  CHECK(all < 30.0);  // playing at random loses 427
}

}  // namespace
