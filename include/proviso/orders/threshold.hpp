// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stdexcept>

#include <proviso/core/canvas_step.hpp>

namespace proviso {
inline namespace v0 {
namespace orders {

/// Every step fills all positions whose drawn token has at least the probability `confidence`, and always the most
/// confident one.
///
/// Guarantee: at temperature 0, a step that fills n positions whose confidences c all satisfy (n + 1) (1 - c) < 1 gives
/// the most probable values of these positions together, as filling them one by one does. Otherwise approximate. Cost:
/// one evaluation per step; never more steps than positions. Throws `std::invalid_argument` for a threshold outside
/// [0, 1].
/// Source: Wu et al. (Fast-dLLM), arXiv 2505.22618, algorithm 1 and theorem 1.
class threshold {
 public:
  static constexpr bool scheduled = false;

  explicit threshold(double confidence = 0.9) : least_{confidence} {
    if (!(confidence >= 0.0 && confidence <= 1.0)) {
      throw std::invalid_argument("proviso: orders::threshold: the confidence must lie between 0 and 1");
    }
  }

  void operator()(canvas_step& s) const {
    std::size_t best = 0;
    for (std::size_t i = 1; i < s.masked(); ++i) {
      if (s.confidence(i) > s.confidence(best)) best = i;
    }
    for (std::size_t i = 0; i < s.masked(); ++i) {
      if (i == best || s.confidence(i) >= least_) s.fill(i);
    }
  }

 private:
  double least_;
};

}  // namespace orders
}  // namespace v0
}  // namespace proviso
