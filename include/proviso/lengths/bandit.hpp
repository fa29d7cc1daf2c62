// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <limits>
#include <stdexcept>

#include <proviso/core/bandits.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace lengths {

/// Learns which of some draft lengths gives most tokens per cost, by upper confidence bounds. A round with a draft of n
/// tokens also shows what every shorter draft had given, so those lengths learn from it, too.
///
/// Guarantee: the length of a round depends on the rounds before it, so lossless rules stay lossless; it forgets when a
/// generation starts, so equal seeds give equal texts. It needs no laws: right for drafters that have none. Cost:
/// O(number of lengths) per round. Errors: `std::invalid_argument` without lengths, for lengths that do not ascend, and
/// unless 0 <= token_cost < 1, memory > 1 and exploration >= 0. Source: Auer et al. (2002); discounting after Garivier
/// and Moulines, arXiv 0805.3415.
class bandit {
 public:
  static constexpr bool reads_laws = false;

  /// `token_cost` as in `cost_model`; `memory`: rounds after which a round counts 1/e; `exploration`: share of the
  /// bonus of UCB1. Its theorem wants 1, which tries all lengths for hundreds of rounds; texts are shorter.
  explicit bandit(std::initializer_list<std::size_t> lengths = {1, 2, 3, 4, 6, 8}, double token_cost = 0.2,
                  double memory = 100.0, double exploration = 0.2)
      : cost_{token_cost}, keep_{1.0 - 1.0 / memory}, exploration_{exploration} {
    bool ascends = lengths.size() > 0;
    for (const std::size_t n : lengths) {
      ascends = ascends && (arms_.empty() || n > arms_.back().length);
      arms_.push_back({n, {}});
    }
    if (!ascends || !(token_cost >= 0.0 && token_cost < 1.0) || !(memory > 1.0) || !(exploration >= 0.0)) {
      throw std::invalid_argument(
          "proviso: lengths::bandit needs ascending lengths, a token_cost in [0, 1), memory > 1 and exploration >= 0");
    }
    start();
  }

  /// Begins with the longest draft, which teaches most.
  void start() noexcept {
    for (arm& a : arms_) a.seen = {};
    chosen_ = arms_.size() - 1;
  }
  std::size_t limit() const noexcept { return arms_[chosen_].length; }
  bool proceed(std::size_t, const law_view&) const noexcept { return true; }

  void observe(const feedback& f) noexcept {
    const std::size_t drafted = f.proposal.proposed();
    for (arm& a : arms_) {
      a.seen.fade(keep_);
      if (a.length > drafted) continue;
      a.seen.add(rate(a.length, f.result.path.size() < a.length ? f.result.path.size() : a.length));
    }
    choose();
  }

 private:
  struct arm {
    std::size_t length;
    bandits::record seen;
  };

  double rate(std::size_t drafted, std::size_t accepted) const noexcept {
    return (1.0 + static_cast<double>(accepted)) / (1.0 + static_cast<double>(drafted) * cost_);
  }
  /// Ties go to the longest draft.
  void choose() noexcept {
    double total = 0.0;
    for (const arm& a : arms_) total = a.seen.weight > total ? a.seen.weight : total;
    double highest = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < arms_.size(); ++i) {
      const arm& a = arms_[i];
      const double range = exploration_ * (rate(a.length, a.length) - rate(a.length, 0));
      const double index = bandits::ucb1_index(a.seen.mean(), a.seen.weight, total, range);
      if (index < highest) continue;
      highest = index;
      chosen_ = i;
    }
  }

  double cost_;
  double keep_;
  double exploration_;
  detail::list<arm> arms_;
  std::size_t chosen_ = 0;
};

}  // namespace lengths
}  // namespace v0
}  // namespace proviso
