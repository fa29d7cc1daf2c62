// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include <proviso/core/descent.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Lossy. Typical acceptance: a drafted token stands when p(x) > min(epsilon, delta exp(-H(p))), with H the entropy of
/// p in nats, and every token before it stands. Of several paths the longest is kept, the first one of equal length;
/// the token after it is drawn from p. Chains and trees; laws of the draft are not read.
/// Deviation: given the draft, a kept token has the point law at itself, which is 1 - p(x) away from p; summed over
/// the tokens kept. When nothing can stand (epsilon = 1, delta infinite) the rule is lossless. At temperature 0 it is
/// `rules::greedy`.
/// Errors: `std::invalid_argument` when epsilon is outside (0, 1] or delta is not positive.
/// Cost: one law per node that stands and has children, and one logarithm per token of its support.
/// Source: Cai et al., "Medusa", arXiv 2401.10774, section 2.3.1.
class typical {
 public:
  static constexpr bool lossless = false;

  explicit typical(double epsilon = 0.3, double delta = 0.09) : epsilon_{epsilon}, delta_{delta} {
    if (!(epsilon > 0.0 && epsilon <= 1.0)) {
      throw std::invalid_argument("proviso: rules::typical: epsilon must be in (0, 1], got " + std::to_string(epsilon));
    }
    if (!(delta > 0.0)) {
      throw std::invalid_argument("proviso: rules::typical: delta must be positive, got " + std::to_string(delta));
    }
  }

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    return keep_deepest(d, p, random, path_, [&](node_id at) {
      const law_view law = p(at);
      return [law, bar = threshold(law)](token_id x) { return law(x) > bar; };
    });
  }

 private:
  double threshold(const law_view& p) const noexcept {
    const double weighted = p.is_wide() ? log_sum(p.wide_weights()) : log_sum(p.weights());
    const double entropy = p.is_point() ? 0.0 : numeric::log(p.total()) - weighted / p.total();
    const double bar = delta_ * static_cast<double>(numeric::exp_nonpositive(static_cast<float>(-entropy)));
    return bar < epsilon_ ? bar : epsilon_;
  }

  /// sum of w ln w
  template <class Weight>
  static double log_sum(std::span<const Weight> w) noexcept {
    const std::size_t whole = w.size() - w.size() % numeric::lanes;
    double part[numeric::lanes] = {};
    for (std::size_t i = 0; i < whole; i += numeric::lanes) {
      for (std::size_t j = 0; j < numeric::lanes; ++j) {
        part[j] += static_cast<double>(w[i + j]) * static_cast<double>(fast_log(static_cast<float>(w[i + j])));
      }
    }
    for (std::size_t i = whole; i < w.size(); ++i) {
      part[i - whole] += static_cast<double>(w[i]) * static_cast<double>(fast_log(static_cast<float>(w[i])));
    }
    double all = 0.0;
    for (const double x : part) all += x;
    return all;
  }
  /// ln x within 2e-7 for positive normal x, finite at 0. Without branches, so that loops over it are vectorised.
  static float fast_log(float x) noexcept {
    constexpr std::uint32_t half = 0x3F3504F3U;  // of sqrt(1/2)
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    const std::int32_t exponent = static_cast<std::int32_t>(bits - half) >> 23;
    const float m = std::bit_cast<float>(bits - (static_cast<std::uint32_t>(exponent) << 23U));  // in [0.707, 1.414)
    // ln m = 2 atanh s
    const float s = (m - 1.0F) / (m + 1.0F);
    const float square = s * s;
    const float series = 1.0F + square * (1.0F / 3 + square * (1.0F / 5 + square * (1.0F / 7 + square / 9)));
    return 2.0F * s * series + static_cast<float>(exponent) * 0.693147181F;
  }

  double epsilon_;
  double delta_;
  detail::list<node_id> path_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
