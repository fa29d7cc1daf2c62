// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include <proviso/core/law_builder.hpp>
#include <proviso/core/selection.hpp>

namespace proviso {
inline namespace v0 {
namespace transforms {

/// Nucleus sampling: keeps the smallest set of most probable tokens (lowest ids on ties) whose probability reaches
/// `p`, and renormalises. The token that crosses `p` is kept, so at least one token is. Probabilities are those at
/// the temperature applied so far: stand after `temperature` to truncate the law that is sampled from.
/// A temperature of 0 or p = 1 leaves the row alone.
/// Guarantee: a function of the row alone; the sums are compared in double.
/// Errors: `std::invalid_argument` when `p` is outside (0, 1].
/// Cost: one exponential per candidate and about three passes; nothing is sorted.
/// Source: Holtzman et al., "The curious case of neural text degeneration", arXiv 1904.09751.
class top_p {
 public:
  explicit top_p(double p) : p_{p} {
    if (!(p > 0.0 && p <= 1.0)) {
      throw std::invalid_argument("proviso: top_p: p must be in (0, 1], got " + std::to_string(p));
    }
  }

  void operator()(law_builder& row, const text_position&) const {
    if (p_ == 1.0 || row.is_point()) return;
    double total = 0.0;
    const std::span<const float> w = row.weights(total);
    // Tokens lighter than `negligible` weigh together less than what is left out.
    const auto negligible = static_cast<float>(0.5 * (1.0 - p_) * total / static_cast<double>(w.size()));
    const numeric::border b = numeric::reach(
        w.size(), [w](std::size_t i) { return std::bit_cast<std::uint32_t>(w[i]); },
        [w](std::size_t i) { return static_cast<double>(w[i]); }, std::bit_cast<std::uint32_t>(negligible),
        std::bit_cast<std::uint32_t>(1.0F), p_ * total, row.members());
    row.keep(w, std::bit_cast<float>(b.key), b.ties);
  }

 private:
  double p_;
};

}  // namespace transforms
}  // namespace v0
}  // namespace proviso
