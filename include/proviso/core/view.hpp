// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace proviso {
inline namespace v0 {
namespace detail {

// The converting constructor of std::span checks range concepts at each new type, which costs every including file
// about 50 ms a type with GCC 12; pointer and size cost half of that.

/// The elements of a vector.
template <class T>
constexpr std::span<const T> view(const std::vector<T>& v) noexcept {
  return {v.data(), v.size()};
}
template <class T>
constexpr std::span<T> writable(std::vector<T>& v) noexcept {
  return {v.data(), v.size()};
}
/// `to` becomes a copy of `from`.
template <class T>
void copy(std::span<const T> from, std::vector<T>& to) {
  to.assign(from.data(), from.data() + from.size());
}

}  // namespace detail
}  // namespace v0
}  // namespace proviso
