// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>

#include <proviso/core/trials.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// How far a copy is worth drafting: for a match of m tokens, the probability that the text goes on as it went on
/// before, learned from what verification accepted in this generation.
///
/// A token is drafted while its marginal gain per marginal cost is at least the average of the round so far:
/// A(i + 1) / c >= (1 + A(1) + ... + A(i)) / (1 + i c), where A(i) is the probability that i copied tokens stand and
/// c the cost of one more token in an evaluation. Where not even one is worth it, one is tried now and then; see
/// `trials`. The decision reads verified text only, never the drafted tokens'
/// target laws, so any rule stays lossless. Cost: O(1) per drafted token, no memory.
class continuation_odds {
 public:
  /// Matches of `top` tokens and longer are counted together.
  static constexpr std::size_t top = 16;

  /// `token_cost`: time of one more token in an evaluation, in units of an evaluation of one token; 0 drafts as much
  /// as allowed. Throws `std::invalid_argument` outside [0, 1).
  explicit continuation_odds(double token_cost = 0.2) : cost_{token_cost} {
    if (!(token_cost >= 0.0 && token_cost < 1.0)) {
      throw std::invalid_argument("proviso: drafters: token_cost must lie in [0, 1), got " +
                                  std::to_string(token_cost));
    }
    start();
  }

  /// Forgets what was learned: texts stay a function of prompt and seed.
  void start() noexcept {
    for (std::size_t i = 0; i < top; ++i) odds_[i] = static_cast<double>(i + 1) / static_cast<double>(i + 5);
    trials_.start();
    trying_ = false;
  }

  /// Tokens worth drafting after a match of `length` >= 1 tokens, at most `limit`.
  std::size_t worth(std::size_t length, std::size_t limit) noexcept {
    double stands = 1.0;
    double expected = 1.0;
    std::size_t count = 0;
    for (; count < limit; ++count) {
      stands *= odds_[bin(length + count)];
      if (stands * (1.0 + static_cast<double>(count) * cost_) < cost_ * expected) break;
      expected += stands;
    }
    return count > 0 || limit == 0 || !tries() ? count : 1;
  }
  /// Whether to draft one token that seems not worth it; asked once in a round.
  bool tries() noexcept {
    trials_.pass();
    trying_ = trials_.due();
    return trying_;
  }

  /// Learns from a round: of `drafted` tokens after a match of `length` tokens, the first `accepted` stood.
  void observe(std::size_t length, std::size_t drafted, std::size_t accepted) noexcept {
    for (std::size_t i = 0; i < drafted && i <= accepted; ++i) {
      double& odds = odds_[bin(length + i)];
      odds += ((i < accepted ? 1.0 : 0.0) - odds) / 8.0;
    }
    if (trying_ && drafted > 0) trials_.judge(accepted > 0);
    trying_ = false;
  }

  /// Probability that a match of `length` >= 1 tokens goes on for one token more.
  double odds(std::size_t length) const noexcept { return odds_[bin(length)]; }

 private:
  static constexpr std::size_t bin(std::size_t length) noexcept { return (length < top ? length : top) - 1; }

  std::array<double, top> odds_{};
  double cost_;
  trials trials_;
  bool trying_ = false;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
