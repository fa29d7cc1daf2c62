// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>

#include <proviso/core/law.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/trials.hpp>

namespace proviso {
inline namespace v0 {
namespace lengths {

/// Drafts on while that is worth its cost: as long as the expected gain per cost of one more token is at least the
/// average of the round so far, A(i + 1) / c >= (1 + A(1) + ... + A(i)) / C(i), where A(i) is the probability that i
/// tokens stand, C(i) the cost of a round that drafts i and c what one more costs.
///
/// It is asked twice per token: before the drafter evaluates its law, where c is drafting and verifying and the gain is
/// the mean one of that depth; and with the law, where c is verifying alone and the gain that of a law which is as sure
/// as this one (its largest probability, in eighths). Both are learned from the rounds of this generation.
///
/// What is never drafted teaches nothing, so now and then a round tries one token more than seems worth it; see
/// `trials`. A depth that was seldom tried is taken to be as good as the one above it. Guarantee: decides by laws
/// before a token is drawn, and by rounds before; lossless rules stay lossless. Cost: one pass over `q`. Learns from
/// chains only; trees are as deep as `most` allows. Errors: `std::invalid_argument` unless most >= 1 and both costs lie
/// in [0, 1). Source: one-step look-ahead on expected tokens per time; Leviathan et al., arXiv 2211.17192, for the two
/// terms.
class cost_model {
 public:
  /// Times, in units of an evaluation of one token by the target: `draft_cost` of drafting one token, `verify_cost` of
  /// one more token in an evaluation by the target.
  explicit cost_model(std::size_t most = 8, double draft_cost = 0.1, double verify_cost = 0.1)
      : most_{most}, draft_cost_{draft_cost}, verify_cost_{verify_cost} {
    const auto senseless = [](double cost) { return !(cost >= 0.0 && cost < 1.0); };
    if (most == 0 || senseless(draft_cost) || senseless(verify_cost)) {
      throw std::invalid_argument("proviso: lengths::cost_model needs most >= 1 and costs in [0, 1)");
    }
    start();
  }

  void start() noexcept {
    // By the largest probability of the law; measured with the bundled models at temperatures 0.7 and 1.
    constexpr std::array<double, bins> usual{0.40, 0.42, 0.45, 0.52, 0.55, 0.62, 0.70, 0.92};
    for (std::size_t i = 0; i < bins; ++i) by_law_[i] = {usual[i], 8.0};
    by_depth_ = {};
    drawn_ = 0;
    trial_ = none;
    trials_.start();
  }
  std::size_t limit() const noexcept { return most_; }

  bool proceed(std::size_t depth, const law_view& q) noexcept {
    if (depth == 0) {
      stands_ = 1.0;
      expected_ = 1.0;
      drawn_ = 0;
    } else if (depth != drawn_) {
      return true;  // another node of a tree
    }
    const double spent = 1.0 + static_cast<double>(depth) * (draft_cost_ + verify_cost_);
    if (!q) return worth(chance_at(depth), draft_cost_ + verify_cost_, spent) || tries(depth);
    const std::size_t bin = bin_of(q(q.argmax()));
    if (!worth(by_law_[bin].value, verify_cost_, spent + draft_cost_) && !tries(depth)) return false;
    stands_ *= by_law_[bin].value;
    expected_ += stands_;
    if (depth < kept) bins_[depth] = bin;
    ++drawn_;
    return true;
  }

  void observe(const feedback& f) noexcept {
    std::size_t drafted = f.proposal.proposed() < drawn_ ? f.proposal.proposed() : drawn_;
    drawn_ = 0;
    judge_trial(f);
    if (!f.proposal.is_chain()) return;
    drafted = drafted < kept ? drafted : kept;
    for (std::size_t i = 0; i < drafted && i <= f.result.path.size(); ++i) {
      const double stood = i < f.result.path.size() ? 1.0 : 0.0;
      by_law_[bins_[i]].learn(stood);
      by_depth_[place(i)].learn(stood);
    }
  }

  /// Probability that a token drawn from a law with the largest probability `top` stands, as learned so far.
  double chance(double top) const noexcept { return by_law_[bin_of(top)].value; }

 private:
  static constexpr std::size_t bins = 8;
  static constexpr std::size_t kept = 64;  // depths that are learned from

  /// A probability: the mean of what was seen, of the last 64 results or so.
  struct chance_record {
    double value = 0.0;
    double seen = 0.0;
    void learn(double stood) noexcept {
      if (seen < 64.0) seen += 1.0;
      value += (stood - value) / seen;
    }
  };

  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// Whether a token that seems not worth it is tried.
  bool tries(std::size_t depth) noexcept {
    if (trial_ == none && trials_.due()) trial_ = depth;
    return trial_ == depth;
  }
  void judge_trial(const feedback& f) noexcept {
    trials_.pass();
    const std::size_t stood = f.result.path.size();
    if (trial_ != none && f.proposal.proposed() > trial_ && stood >= trial_) trials_.judge(stood > trial_);
    trial_ = none;
  }

  static std::size_t bin_of(double top) noexcept {
    const auto i = static_cast<std::size_t>(top * static_cast<double>(bins));
    return i < bins ? i : bins - 1;
  }
  static std::size_t place(std::size_t depth) noexcept { return depth < 3 ? depth : 3; }
  /// Probability that a token at `depth` stands if those above it do, before its law is known: what was seen there,
  /// with the weight of 8 results the chance above.
  double chance_at(std::size_t depth) const noexcept {
    double chance = 0.62;
    for (std::size_t i = 0; i <= place(depth); ++i) {
      chance = (by_depth_[i].value * by_depth_[i].seen + chance * 8.0) / (by_depth_[i].seen + 8.0);
    }
    return chance;
  }

  bool worth(double chance, double cost, double spent) const noexcept {
    return stands_ * chance * spent >= cost * expected_;
  }

  std::size_t most_;
  double draft_cost_;
  double verify_cost_;
  std::array<chance_record, bins> by_law_{};
  std::array<chance_record, 4> by_depth_{};  // given that the tokens above stand
  std::array<std::size_t, kept> bins_{};     // of this round's tokens
  std::size_t drawn_ = 0;                    // how many these are
  std::size_t trial_ = none;                 // depth at which this round's trial begins
  trials trials_;
  double stands_ = 1.0;
  double expected_ = 1.0;
};

}  // namespace lengths
}  // namespace v0
}  // namespace proviso
