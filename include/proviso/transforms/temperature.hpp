// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

#include <proviso/core/law_builder.hpp>

namespace proviso {
inline namespace v0 {
namespace transforms {

/// Divides logits by a temperature: p(x) proportional to exp(logit(x) / value). At 0 all mass lies on the largest
/// logit (lowest id on ties), which is greedy decoding.
/// Errors: `std::invalid_argument` when the value is negative or not finite. Cost: none; it is folded into the
/// exponential.
class temperature {
 public:
  explicit temperature(float value = 1.0F) : value_{value} {
    if (!(value >= 0.0F) || !(value <= 3.4e38F)) {
      throw std::invalid_argument("proviso: temperature must be finite and not negative, got " + std::to_string(value));
    }
  }
  void operator()(law_builder& row, const text_position&) const { row.divide(value_); }
  float value() const noexcept { return value_; }

 private:
  float value_;
};

}  // namespace transforms
}  // namespace v0
}  // namespace proviso
