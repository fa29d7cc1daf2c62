// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

#include <proviso/core/law_builder.hpp>
#include <proviso/core/numeric.hpp>

namespace proviso {
inline namespace v0 {
namespace transforms {

/// Keeps the tokens whose probability is at least `p` times that of the most probable token, and renormalises.
/// Compared as logits: logit(x) >= top + T ln p, T being the temperature applied so far. A temperature of 0 or p = 0
/// leaves the row alone; p = 1 keeps only the tokens that tie for the largest logit.
/// Errors: `std::invalid_argument` when `p` is outside [0, 1].
/// Cost: two passes over the row, no exponentials.
/// Source: Nguyen et al., "Turning up the heat: min-p sampling", arXiv 2407.01082.
class min_p {
 public:
  explicit min_p(double p) : log_p_{numeric::log(p)} {
    if (!(p >= 0.0 && p <= 1.0)) {
      throw std::invalid_argument("proviso: min_p: p must be in [0, 1], got " + std::to_string(p));
    }
  }

  void operator()(law_builder& row, const text_position&) const {
    if (row.is_point()) return;
    const double least = static_cast<double>(row.top()) + log_p_ / static_cast<double>(row.scale());
    constexpr double lowest = -3.4028234663852886e38;
    if (least > lowest) row.keep(row.logits(), static_cast<float>(least));
  }

 private:
  double log_p_;
};

}  // namespace transforms
}  // namespace v0
}  // namespace proviso
