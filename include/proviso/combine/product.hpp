// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>

#include <proviso/combine/combiner.hpp>

namespace proviso {
inline namespace v0 {
namespace combine {

/// The weighted mean of the models' logits, a product of experts: v(x) proportional to the product of p_i(x)^w_i. The
/// transforms act on the mean. A token that a model with a positive weight excludes is excluded; a model of weight 0
/// has no say, whatever its logits (0 * infinity is 0).
///
///     combine::product{0.5, 0.5}
///
/// Errors: those of `combine::weighted`; `std::domain_error` at use when the models leave no common token.
/// Cost: one pass over every row. Source: Hinton, "Training products of experts", 2002.
class product {
 public:
  product(std::initializer_list<double> values) : product(std::span<const double>{values.begin(), values.size()}) {}
  explicit product(std::span<const double> values) : weights_{"combine::product", values} {}
  void check(std::size_t models) const { weights_.check(models); }

  void operator()(std::span<const std::span<const float>> rows, std::span<float> out) const {
    for (float& x : out) x = 0.0F;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto weight = static_cast<float>(weights_[i]);
      if (weight == 0.0F) continue;
      const float* const from = rows[i].data();
      float* const to = out.data();
      for (std::size_t x = 0; x < out.size(); ++x) to[x] += weight * from[x];
    }
  }

 private:
  weights weights_;
};

}  // namespace combine
}  // namespace v0
}  // namespace proviso
