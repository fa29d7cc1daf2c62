// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stdexcept>

#include <proviso/core/canvas_step.hpp>

namespace proviso {
inline namespace v0 {
namespace orders {

/// Wide in, narrow out: every step fills all positions whose drawn token has at least the probability `in` (and always
/// the most confident one), and masks again the earlier tokens whose probability, given all other tokens, is below
/// `out`. Fewer are masked than filled, so every step gains at least one position.
///
/// Cost per step: one evaluation with one more node per filled position, where the sessions of the denoiser take a
/// visibility (the Eigen denoiser; what the other positions have learnt from the token is then still there); else one
/// more evaluation per filled position. Approximate: what is taken back depends on what was drawn.
/// Throws `std::invalid_argument` for a bound outside [0, 1].
/// Source: the idea of Hong et al. (WINO), arXiv 2507.18578.
class remasking {
 public:
  static constexpr bool scheduled = false;
  static constexpr bool looks_back = true;

  explicit remasking(double in = 0.6, double out = 0.5) : in_{in}, out_{out} {
    if (!(in >= 0.0 && in <= 1.0 && out >= 0.0 && out <= 1.0)) {
      throw std::invalid_argument("proviso: orders::remasking: both bounds must lie between 0 and 1");
    }
  }

  void operator()(canvas_step& s) const {
    for (std::size_t k = 0; k < s.filled(); ++k) {
      s.scores().push_back(s.posterior(k)(s.state().tokens()[s.filled_position(k)]));
    }
    std::size_t best = 0;
    for (std::size_t i = 1; i < s.masked(); ++i) {
      if (s.confidence(i) > s.confidence(best)) best = i;
    }
    std::size_t gained = 0;
    for (std::size_t i = 0; i < s.masked(); ++i) {
      if (i != best && s.confidence(i) < in_) continue;
      s.fill(i);
      ++gained;
    }
    for (std::size_t taken = 0; taken + 1 < gained; ++taken) {
      std::size_t worst = s.filled();
      for (std::size_t k = 0; k < s.filled(); ++k) {
        if (s.scores()[k] < (worst == s.filled() ? out_ : s.scores()[worst])) worst = k;
      }
      if (worst == s.filled()) return;
      s.clear(worst);
      s.scores()[worst] = 1.0;
    }
  }

 private:
  double in_;
  double out_;
};

}  // namespace orders
}  // namespace v0
}  // namespace proviso
