// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>

#include <proviso/combine/combiner.hpp>
#include <proviso/core/numeric.hpp>

namespace proviso {
inline namespace v0 {
namespace combine {

/// Contrastive decoding of two models: the expert's logits, pushed away from the amateur's,
/// (1 + mu) l_expert(x) - mu l_amateur(x), for tokens with p_expert(x) >= plausibility * max p_expert; all others are
/// excluded. The transforms act on the result; plausibility is that before the transforms. A token that the amateur
/// excludes counts as its least probable other token.
///
///     combine::contrastive{0.1, 0.1}      // model 0 is the expert, model 1 the amateur
///     combine::contrastive{0.1, 0.1, 1}   // model 1 is the expert
///
/// Errors: `std::invalid_argument` when mu is negative or not finite, when the plausibility is outside [0, 1], when
/// the expert is not 0 or 1, and when there are not two models. Cost: two passes over each row.
/// Source: Li et al., "Contrastive decoding", arXiv 2210.15097; O'Brien and Lewis, arXiv 2309.09117, eq. 1-2.
class contrastive {
 public:
  explicit contrastive(double mu, double plausibility = 0.1, std::size_t expert = 0)
      : mu_{static_cast<float>(mu)},
        reach_{plausibility > 0.0 ? static_cast<float>(numeric::log(plausibility)) : none},
        expert_{expert} {
    if (!(mu >= 0.0 && mu <= 1e30)) {
      throw std::invalid_argument("proviso: combine::contrastive: mu must be finite and not negative, got " +
                                  std::to_string(mu));
    }
    if (!(plausibility >= 0.0 && plausibility <= 1.0)) {
      throw std::invalid_argument("proviso: combine::contrastive: the plausibility must be in [0, 1], got " +
                                  std::to_string(plausibility));
    }
    if (expert > 1) {
      throw std::invalid_argument("proviso: combine::contrastive: the expert is model 0 or 1, got " +
                                  std::to_string(expert));
    }
  }
  void check(std::size_t models) const {
    if (models == 2) return;
    throw std::invalid_argument("proviso: combine::contrastive: an expert and an amateur are needed, got " +
                                std::to_string(models) + " models");
  }

  void operator()(std::span<const std::span<const float>> rows, std::span<float> out) const {
    const float* const expert = rows[expert_].data();
    const float* const amateur = rows[1 - expert_].data();
    const float least = numeric::maximum(rows[expert_]).value + reach_;
    float floor = (std::numeric_limits<float>::max)();
    for (const float x : rows[1 - expert_]) floor = x < floor && x > none ? x : floor;
    if (floor == (std::numeric_limits<float>::max)()) floor = std::numeric_limits<float>::quiet_NaN();  // no law
    for (std::size_t x = 0; x < out.size(); ++x) {
      const float push = amateur[x] == none ? floor : amateur[x];
      const float pushed = (1.0F + mu_) * expert[x] - (mu_ > 0.0F ? mu_ * push : 0.0F);
      out[x] = expert[x] < least ? none : pushed;  // NaN is not less, and stays
    }
  }

 private:
  static constexpr float none = -std::numeric_limits<float>::infinity();

  float mu_;
  float reach_;  // below the largest logit
  std::size_t expert_;
};

}  // namespace combine
}  // namespace v0
}  // namespace proviso
