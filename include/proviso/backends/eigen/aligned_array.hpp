// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>
#include <utility>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// A fixed number of zeroed elements of a trivial type, aligned to a cache line. Pages that are never touched cost
/// nothing.
template <class T>
class aligned_array {
 public:
  aligned_array() = default;
  explicit aligned_array(std::size_t size) : size_{size} {
    if (size == 0) return;
    if (size > (std::numeric_limits<std::size_t>::max() - alignment) / sizeof(T)) throw std::bad_alloc{};
    block_ = std::calloc(1, size * sizeof(T) + alignment);
    if (block_ == nullptr) throw std::bad_alloc{};
    const auto address = reinterpret_cast<std::uintptr_t>(block_);
    data_ = reinterpret_cast<T*>((address + alignment - 1) / alignment * alignment);
  }
  aligned_array(aligned_array&& other) noexcept
      : block_{std::exchange(other.block_, nullptr)},
        data_{std::exchange(other.data_, nullptr)},
        size_{std::exchange(other.size_, 0)} {}
  aligned_array& operator=(aligned_array&& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~aligned_array() { std::free(block_); }

  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }

  /// Makes room for at least `size` elements; the content is lost when it grows.
  void reserve(std::size_t size) {
    if (size > size_) *this = aligned_array(size);
  }

 private:
  static constexpr std::size_t alignment = 64;

  void* block_ = nullptr;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
