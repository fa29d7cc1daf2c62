// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <proviso/core/law.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace lengths {

/// Always the same draft length.
class fixed {
 public:
  static constexpr bool reads_laws = false;

  explicit constexpr fixed(std::size_t tokens = 4) noexcept : tokens_{tokens} {}
  void start() const noexcept {}
  std::size_t limit() const noexcept { return tokens_; }
  bool proceed(std::size_t, const law_view&) const noexcept { return true; }
  void observe(const feedback&) const noexcept {}

 private:
  std::size_t tokens_;
};

}  // namespace lengths
}  // namespace v0
}  // namespace proviso
