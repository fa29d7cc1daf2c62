// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

namespace proviso {
inline namespace v0 {
namespace detail {

/// The one owner of an object that was made by `new`: the part of `std::unique_ptr` that this library uses. The header
/// <memory> costs every including file 0.2 s (GCC 12, -O0); see `benchmarks/compile_time`.
template <class T>
class owner {
 public:
  explicit owner(T* object) noexcept : object_{object} {}
  owner(owner&& other) noexcept : object_{std::exchange(other.object_, nullptr)} {}
  owner& operator=(owner&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~owner() { delete object_; }

  T* operator->() const noexcept { return object_; }

 private:
  T* object_;
};

}  // namespace detail
}  // namespace v0
}  // namespace proviso
