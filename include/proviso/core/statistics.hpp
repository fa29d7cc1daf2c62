// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace proviso {
inline namespace v0 {

/// What a generation did, as plain counters; `docs/guarantees.md` defines each. Invariant:
/// `emitted == accepted + corrected + bonus + fresh`.
struct statistics {
  std::uint64_t rounds = 0;          ///< verifications (plain decoding: one per token)
  std::uint64_t target_calls = 0;    ///< evaluations of the target, prefill excluded
  std::uint64_t target_tokens = 0;   ///< tokens evaluated in those calls
  std::uint64_t prefill_calls = 0;   ///< evaluations that fed text without wanting logits, all models
  std::uint64_t prefill_tokens = 0;  ///< tokens fed in those calls
  std::uint64_t drafter_calls = 0;   ///< evaluations of models other than the target, prefill excluded
  std::uint64_t drafted = 0;         ///< tokens proposed
  std::uint64_t accepted = 0;        ///< drafted tokens that were emitted
  std::uint64_t corrected = 0;       ///< tokens drawn where a draft was refused
  std::uint64_t bonus = 0;           ///< tokens drawn after a fully accepted draft
  std::uint64_t fresh = 0;           ///< tokens drawn in rounds without a draft
  std::uint64_t emitted = 0;         ///< all tokens of the output
  std::uint64_t discarded = 0;       ///< draft laws refused because a row was not a law (NaN, +infinity)
  double deviation = 0.0;            ///< of a lossy rule: total variation distances, summed over its choices

  /// Rounds that drafted, and that accepted, a token at depth i + 1; depths past the end count in the last entry.
  std::array<std::uint64_t, 32> drafted_at{};
  std::array<std::uint64_t, 32> accepted_at{};

  double acceptance_rate() const noexcept { return ratio(accepted, drafted); }
  double tokens_per_call() const noexcept { return ratio(emitted, target_calls); }
  double drafted_per_call() const noexcept { return ratio(drafted, target_calls); }
  /// Of the rounds that drafted depth `i + 1`, the share that accepted it.
  double acceptance_at(std::size_t i) const noexcept { return ratio(accepted_at[i], drafted_at[i]); }

  statistics& operator+=(const statistics& o) noexcept {
    rounds += o.rounds;
    target_calls += o.target_calls;
    target_tokens += o.target_tokens;
    prefill_calls += o.prefill_calls;
    prefill_tokens += o.prefill_tokens;
    drafter_calls += o.drafter_calls;
    drafted += o.drafted;
    accepted += o.accepted;
    corrected += o.corrected;
    bonus += o.bonus;
    fresh += o.fresh;
    emitted += o.emitted;
    discarded += o.discarded;
    deviation += o.deviation;
    for (std::size_t i = 0; i < drafted_at.size(); ++i) {
      drafted_at[i] += o.drafted_at[i];
      accepted_at[i] += o.accepted_at[i];
    }
    return *this;
  }

 private:
  static double ratio(std::uint64_t a, std::uint64_t b) noexcept {
    return b == 0 ? 0.0 : static_cast<double>(a) / static_cast<double>(b);
  }
};

}  // namespace v0
}  // namespace proviso
