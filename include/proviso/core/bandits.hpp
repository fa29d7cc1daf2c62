// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <proviso/core/list.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// Choosing among arms whose rewards are learned by playing them.
namespace bandits {

/// Square root within 1e-15 relative; 0 for x <= 0. No mathematical library decides its bits.
inline double square_root(double x) noexcept {
  if (!(x > 0.0)) return 0.0;
  double root = std::bit_cast<double>((std::bit_cast<std::uint64_t>(x) >> 1U) + 0x1FF8000000000000U);  // within 7 %
  for (int i = 0; i < 4; ++i) root = 0.5 * (root + x / root);
  return root;
}

/// Density of the standard normal law, times sqrt(2 pi).
inline double normal_shape(double z) noexcept {
  return static_cast<double>(numeric::exp_nonpositive(static_cast<float>(-0.5 * z * z)));
}

/// Probability that a standard normal variable is at most `z`, within 3e-7.
/// Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.2.17.
inline double normal_below(double z) noexcept {
  const double size = z < 0.0 ? -z : z;
  const double t = 1.0 / (1.0 + 0.2316419 * size);
  const double series =
      t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const double above = 0.3989422804014327 * normal_shape(size) * series;
  return z < 0.0 ? above : 1.0 - above;
}

/// Rewards of one arm. Each counts with a weight: 1 for a round, or, where rewards are rates per cost, the cost; the
/// mean is then the sum of gains over the sum of costs.
struct record {
  double weight = 0.0;
  double gain = 0.0;  ///< sum of weight * reward

  /// 0 before the first reward.
  double mean() const noexcept { return weight > 0.0 ? gain / weight : 0.0; }
  void add(double reward, double weighs = 1.0) noexcept {
    weight += weighs;
    gain += weighs * reward;
  }
  /// Forgets: what was seen counts `keep` times as much. Once per round this discounts rewards by their age, for arms
  /// that change. Source: Garivier and Moulines, arXiv 0805.3415.
  void fade(double keep) noexcept {
    weight *= keep;
    gain *= keep;
  }
};

/// The upper confidence bound of an arm: mean + range sqrt(2 ln t / n), with `n` the arm's weight, `t` that of all
/// arms, and rewards between two numbers `range` apart; +infinity for an arm that was never played.
/// Guarantee: playing the largest has regret O(log t) on arms that do not change.
/// Source: Auer, Cesa-Bianchi, Fischer, "Finite-time analysis of the multiarmed bandit problem" (2002), UCB1.
inline double ucb1_index(double mean, double n, double t, double range = 1.0) noexcept {
  if (!(n > 0.0)) return std::numeric_limits<double>::infinity();
  return mean + range * square_root(2.0 * numeric::log(t > 1.0 ? t : 1.0) / n);
}

/// The arm that UCB1 plays; ties go to the first. Requirement: at least one arm.
inline std::size_t ucb1(std::span<const record> arms, double range = 1.0) noexcept {
  double t = 0.0;
  for (const record& a : arms) t += a.weight;
  std::size_t best = 0;
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const double index = ucb1_index(arms[i].mean(), arms[i].weight, t, range);
    if (!(index > highest)) continue;
    highest = index;
    best = i;
  }
  return best;
}

/// What is believed of an arm's mean reward: a normal law.
struct belief {
  double mean = 0.0;
  double deviation = 1.0;  ///< standard deviation
};

/// The posterior of a mean that was expected to be `expected`, which counts like rewards of weight `certainty` > 0,
/// after the rewards of `seen`; `noise` is the standard deviation of a reward of weight 1.
inline belief posterior(double expected, double certainty, const record& seen, double noise) noexcept {
  const double weight = certainty + seen.weight;
  return {(certainty * expected + seen.gain) / weight, noise / square_root(weight)};
}

/// For each arm, a `belief`, the probability that its mean is the largest: the law with which Thompson sampling plays
/// it. One draw from `odds` is a step of Thompson sampling, whatever the number of arms, and an enumeration can walk
/// it.
///
/// Deviations below 1/32 of the largest count as that. Error: about 1e-5. Cost: 15 to 500 points per arm, some 20 ns
/// each; arms that have no chance cost nothing.
/// Source: Thompson, "On the likelihood that one unknown probability exceeds another" (1933); probability that an arm
/// is the best: integral of its density times the other arms' distribution functions.
template <class Arms, class Odds>
void odds_of_best(const Arms& arms, Odds& odds) {
  constexpr double reach = 5.0;  // deviations that matter
  odds.assign(arms.size(), 0.0);
  if (arms.empty()) return;
  double widest = 0.0;
  for (const belief& b : arms) widest = b.deviation > widest ? b.deviation : widest;
  std::size_t leader = 0;
  for (std::size_t i = 1; i < arms.size(); ++i) leader = arms[i].mean > arms[leader].mean ? i : leader;
  if (!(widest > 0.0)) {
    odds[leader] = 1.0;
    return;
  }
  const auto deviation = [&](std::size_t i) {
    return arms[i].deviation > widest / 32.0 ? arms[i].deviation : widest / 32.0;
  };
  double low = arms[leader].mean - reach * deviation(leader);
  double high = low;
  double narrowest = widest;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    low = arms[i].mean - reach * deviation(i) > low ? arms[i].mean - reach * deviation(i) : low;
  }
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const double top = arms[i].mean + reach * deviation(i);
    if (top <= low) continue;
    high = top > high ? top : high;
    narrowest = deviation(i) < narrowest ? deviation(i) : narrowest;
  }
  // The trapezoidal rule below one deviation: its error for normal densities is exponentially small.
  const double step = 0.75 * narrowest;
  for (double x = low; x < high + step; x += step) {
    double below = 1.0;  // of all arms
    for (std::size_t i = 0; i < arms.size(); ++i) {
      if (arms[i].mean + reach * deviation(i) > low) below *= normal_below((x - arms[i].mean) / deviation(i));
    }
    if (!(below > 0.0)) continue;
    for (std::size_t i = 0; i < arms.size(); ++i) {
      if (arms[i].mean + reach * deviation(i) <= low) continue;
      const double z = (x - arms[i].mean) / deviation(i);
      odds[i] += below / normal_below(z) * normal_shape(z) / deviation(i);
    }
  }
  const double total = numeric::sum(detail::view(odds));
  for (double& p : odds) p /= total;
}

}  // namespace bandits
}  // namespace v0
}  // namespace proviso
