// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tuple>
#include <utility>

#include <proviso/core/law_builder.hpp>

namespace proviso {
inline namespace v0 {
namespace transforms {

/// Transforms applied one after another, in the order written: `chain{top_k{40}, top_p{0.95F}, temperature{0.8F}}`.
template <transform... Ts>
class chain {
 public:
  explicit chain(Ts... steps) : steps_{std::move(steps)...} {}
  void operator()(law_builder& row, const text_position& where) const {
    std::apply([&](const Ts&... step) { (step(row, where), ...); }, steps_);
  }

 private:
  std::tuple<Ts...> steps_;
};

}  // namespace transforms
}  // namespace v0
}  // namespace proviso
