// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <utility>

namespace proviso {
inline namespace v0 {
namespace detail {

/// A growing array with the members of `std::vector` that this library uses, for element types of its own. Every
/// element type of `std::vector` costs each including file about 20 ms (GCC 12, -O0), of this class about 3 ms; see
/// `benchmarks/compile_time`. Elements move without throwing.
template <class T>
class list {
 public:
  list() = default;
  list(const list& other) {
    reserve(other.size_);
    for (const T& element : other) push_back(element);
  }
  list& operator=(const list& other) { return *this = list(other); }
  list(list&& other) noexcept
      : data_{std::exchange(other.data_, nullptr)},
        size_{std::exchange(other.size_, 0)},
        capacity_{std::exchange(other.capacity_, 0)} {}
  list& operator=(list&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~list() {
    clear();
    ::operator delete(data_, std::align_val_t{alignof(T)});
  }

  T* begin() noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }
  const T* begin() const noexcept { return data_; }
  const T* end() const noexcept { return data_ + size_; }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  T& back() noexcept { return data_[size_ - 1]; }
  const T& back() const noexcept { return data_[size_ - 1]; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  void reserve(std::size_t count) {
    if (count <= capacity_) return;
    T* moved = static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t{alignof(T)}));
    for (std::size_t i = 0; i < size_; ++i) {
      ::new (static_cast<void*>(moved + i)) T(std::move(data_[i]));
      data_[i].~T();
    }
    ::operator delete(data_, std::align_val_t{alignof(T)});
    data_ = moved;
    capacity_ = count;
  }
  T& push_back(T value) {
    if (size_ == capacity_) reserve(2 * capacity_ + 4);
    return *::new (static_cast<void*>(data_ + size_++)) T(std::move(value));
  }
  void pop_back() noexcept { data_[--size_].~T(); }
  void clear() noexcept {
    while (size_ > 0) pop_back();
  }
  /// Grows with default elements to at least `count`.
  void extend(std::size_t count) {
    while (size_ < count) push_back(T{});
  }
  /// Removes element `i`; the order of the others stays.
  void remove(std::size_t i) noexcept {
    for (; i + 1 < size_; ++i) data_[i] = std::move(data_[i + 1]);
    pop_back();
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// The elements of a list.
template <class T>
constexpr std::span<const T> view(const list<T>& elements) noexcept {
  return {elements.begin(), elements.size()};
}
template <class T>
constexpr std::span<T> writable(list<T>& elements) noexcept {
  return {elements.begin(), elements.size()};
}

}  // namespace detail
}  // namespace v0
}  // namespace proviso
