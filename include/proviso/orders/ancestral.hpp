// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <proviso/core/canvas_step.hpp>

namespace proviso {
inline namespace v0 {
namespace orders {

/// The ancestral sampler: every masked position is filled with probability 1 - m_s / m_t, by a token drawn from its
/// law; the others stay masked.
///
/// Guarantee: exactly the reverse step of the masked diffusion, whatever the schedule. With exact conditionals the law
/// of the canvas tends to the joint law as the number of steps grows. Cost: which positions are filled is decided
/// without rows, so a step that fills none asks for no evaluation; with N steps on a schedule with m = t, L positions
/// are expected to take N (1 - (1 - 1/N)^L).
/// Source: Sahoo et al., "Simple and effective masked diffusion language models", arXiv 2406.07524.
struct ancestral {
  static constexpr bool scheduled = true;

  bool prepare(canvas_step& s) const {
    for (std::size_t i = 0; i < s.masked(); ++i) {
      if (!s.flip(s.plan().stay, i)) s.chosen().push_back(i);
    }
    return !s.chosen().empty();
  }
  void operator()(canvas_step& s) const {
    for (const std::size_t i : s.chosen()) s.fill(i);
  }
};

}  // namespace orders
}  // namespace v0
}  // namespace proviso
