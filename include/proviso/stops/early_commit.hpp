// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stdexcept>

#include <proviso/core/canvas_step.hpp>

namespace proviso {
inline namespace v0 {
namespace stops {

/// Never fills a window before its order does.
struct never {
  constexpr bool operator()(canvas_step&) const noexcept { return false; }
};

/// Fills everything that is masked as soon as every masked position has a clear favourite: its largest probability
/// exceeds the second largest by at least `gap`.
///
/// Approximate: positions filled together are drawn independently. Throws `std::invalid_argument` for a gap outside
/// [0, 1].
/// Source: Li et al. (Prophet), "Diffusion language models know the answer before decoding", arXiv 2508.19982.
class early_commit {
 public:
  explicit early_commit(double gap = 0.9) : gap_{gap} {
    if (!(gap >= 0.0 && gap <= 1.0)) {
      throw std::invalid_argument("proviso: stops::early_commit: the gap must lie between 0 and 1");
    }
  }
  bool operator()(canvas_step& s) const {
    for (std::size_t i = 0; i < s.masked(); ++i) {
      if (numeric::margin(s.law(i)) < gap_) return false;
    }
    return true;
  }

 private:
  double gap_;
};

}  // namespace stops
}  // namespace v0
}  // namespace proviso
