// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>

#include <proviso/core/canvas_step.hpp>

namespace proviso {
inline namespace v0 {
namespace orders {

/// Every step fills the positions of lowest entropy, as many as keep the sum of their entropies less the largest of
/// them at or below `bound` (nats); always at least one.
///
/// Guarantee: with exact conditionals, drawing the positions of a step independently is at most `bound` nats
/// (Kullback-Leibler) away from drawing them jointly: the entropies' sum less the largest bounds their total
/// correlation. With bound 0 nothing is lost. Cost: one evaluation per step; never more steps than positions. Throws
/// `std::invalid_argument` for a negative bound.
/// Source: Ben-Hamu et al. (EB-Sampler), arXiv 2505.24857.
class entropy_bound {
 public:
  static constexpr bool scheduled = false;

  explicit entropy_bound(double bound = 0.1) : bound_{bound} {
    if (!(bound >= 0.0)) throw std::invalid_argument("proviso: orders::entropy_bound: the bound must be >= 0");
  }

  void operator()(canvas_step& s) const {
    for (std::size_t i = 0; i < s.masked(); ++i) s.scores().push_back(-numeric::entropy(s.law(i)));
    const std::span<const std::size_t> best = s.by_score();
    // Entropies ascend, so the largest of a prefix is its last: the sum before it is what the bound limits.
    double before = 0.0;
    for (std::size_t n = 0; n < best.size() && (n == 0 || before <= bound_); ++n) {
      s.fill(best[n]);
      before -= s.scores()[best[n]];
    }
  }

 private:
  double bound_;
};

}  // namespace orders
}  // namespace v0
}  // namespace proviso
