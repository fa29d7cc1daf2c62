// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>

#include <Eigen/Core>

#include <proviso/backends/eigen/aligned_array.hpp>
#include <proviso/backends/eigen/config.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Rotary position embedding in the "rotate half" layout of Hugging Face: dimension i turns with dimension
/// i + head_dim / 2 by position * theta^(-2i / head_dim).
class rotary {
 public:
  rotary(const transformer_config& config, std::size_t positions)
      : half_{config.head_dim / 2}, cosine_(positions * half_), sine_(positions * half_) {
    for (std::size_t i = 0; i < half_; ++i) {
      // Single precision in the same places as in the training code of such models.
      const float exponent = static_cast<float>(2 * i) / static_cast<float>(config.head_dim);
      const float frequency = 1.0F / std::pow(static_cast<float>(config.rope_theta), exponent);
      for (std::size_t p = 0; p < positions; ++p) {
        const auto angle = static_cast<double>(static_cast<float>(p) * frequency);
        cosine_[p * half_ + i] = static_cast<float>(std::cos(angle));
        sine_[p * half_ + i] = static_cast<float>(std::sin(angle));
      }
    }
  }

  /// Writes `in` turned to `position` and multiplied by `scale`; `in` and `out` do not overlap.
  void turn(const float* in, std::size_t position, float scale, float* out) const {
    using array = ::Eigen::Map<const ::Eigen::ArrayXf>;
    const auto size = static_cast<::Eigen::Index>(half_);
    const array first(in, size);
    const array second(in + half_, size);
    const array cosine(cosine_.data() + position * half_, size);
    const array sine(sine_.data() + position * half_, size);
    ::Eigen::Map<::Eigen::ArrayXf>(out, size) = (first * cosine - second * sine) * scale;
    ::Eigen::Map<::Eigen::ArrayXf>(out + half_, size) = (second * cosine + first * sine) * scale;
  }

 private:
  std::size_t half_;
  aligned_array<float> cosine_;  ///< [position x head_dim / 2]
  aligned_array<float> sine_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
