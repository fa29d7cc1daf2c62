// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>

#include <proviso/core/canvas_step.hpp>

namespace proviso {
inline namespace v0 {
namespace orders {

/// Every step fills the n most confident positions, n being the largest number with (n + 1) (1 - c_n) < `factor`,
/// where c_n is the n-th largest probability of a drawn token; always at least one.
///
/// Guarantee: at temperature 0 and with factor <= 1, every step gives the most probable values of the positions that it
/// fills together, as filling them one by one does. Cost: one evaluation per step; never more steps than positions.
/// Throws `std::invalid_argument` when the factor is not positive.
/// Source: Wu et al. (Fast-dLLM), arXiv 2505.22618, section 3.3 and theorem 1.
class factor {
 public:
  static constexpr bool scheduled = false;

  explicit factor(double bound = 1.0) : bound_{bound} {
    if (!(bound > 0.0)) throw std::invalid_argument("proviso: orders::factor: the factor must be positive");
  }

  void operator()(canvas_step& s) const {
    for (std::size_t i = 0; i < s.masked(); ++i) s.scores().push_back(s.confidence(i));
    const std::span<const std::size_t> best = s.by_score();
    std::size_t count = 1;
    for (std::size_t n = 2; n <= best.size(); ++n) {
      if (static_cast<double>(n + 1) * (1.0 - s.confidence(best[n - 1])) < bound_) count = n;
    }
    for (std::size_t n = 0; n < count; ++n) s.fill(best[n]);
  }

 private:
  double bound_;
};

}  // namespace orders
}  // namespace v0
}  // namespace proviso
