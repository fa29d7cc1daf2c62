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

/// Locally typical sampling: keeps the smallest set of tokens, those first whose information content is closest to
/// the entropy of the law (lowest ids on ties), whose probability reaches `p`, and renormalises:
///
///     order by | -ln p(x) - H(p) |,   H(p) = - sum p ln p.
///
/// With z(x) = (logit(x) - top) / T this distance is | z(x) - sum p z |, so no logarithm is taken. The most probable
/// token may be dropped. Probabilities are those at the temperature applied so far; a temperature of 0 or p = 1
/// leaves the row alone.
/// Errors: `std::invalid_argument` when `p` is outside (0, 1].
/// Cost: one exponential per candidate and about five passes; nothing is sorted.
/// Source: Meister et al., "Locally typical sampling", arXiv 2202.00666, section 4.
class typical {
 public:
  explicit typical(double p) : p_{p} {
    if (!(p > 0.0 && p <= 1.0)) {
      throw std::invalid_argument("proviso: typical: p must be in (0, 1], got " + std::to_string(p));
    }
  }

  void operator()(law_builder& row, const text_position&) const {
    if (p_ == 1.0 || row.is_point()) return;
    double total = 0.0;
    const std::span<const float> w = row.weights(total);
    const std::span<const float> logits = row.logits();
    const std::span<float> score = row.scores();
    const float top = row.top();
    const float scale = row.scale();

    constexpr float least = -88.0F;  // weights are 0 there
    constexpr std::size_t lanes = 8;
    double part[lanes] = {};
    for (std::size_t i = 0; i < w.size(); ++i) {
      const float z = (logits[i] - top) * scale;
      score[i] = z > least ? z : least;
    }
    const std::size_t whole = w.size() - w.size() % lanes;
    for (std::size_t i = 0; i < whole; i += lanes) {
      for (std::size_t j = 0; j < lanes; ++j) {
        part[j] += static_cast<double>(w[i + j]) * static_cast<double>(score[i + j]);
      }
    }
    for (std::size_t i = whole; i < w.size(); ++i) part[0] += static_cast<double>(w[i]) * static_cast<double>(score[i]);
    double weighted = 0.0;
    for (const double x : part) weighted += x;
    const auto mean = static_cast<float>(weighted / total);

    // Scores in [-128, -1], so that their bits fall evenly into few powers of two.
    for (std::size_t i = 0; i < w.size(); ++i) {
      const float distance = std::bit_cast<float>(std::bit_cast<std::uint32_t>(score[i] - mean) & 0x7FFFFFFFU);
      score[i] = -1.0F - distance;
    }
    const std::span<const float> closeness = score;
    const numeric::border b = numeric::reach(
        w.size(), [closeness](std::size_t i) { return ~std::bit_cast<std::uint32_t>(closeness[i]); },  // its order_key
        [w](std::size_t i) { return static_cast<double>(w[i]); }, numeric::order_key(-128.0F),
        numeric::order_key(-1.0F), p_ * total, row.members());
    row.keep(closeness, numeric::from_order_key(b.key), b.ties);
  }

 private:
  double p_;
};

}  // namespace transforms
}  // namespace v0
}  // namespace proviso
