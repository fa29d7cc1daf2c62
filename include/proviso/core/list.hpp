// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace detail {

/// A growing array with the members of `std::vector` that this library uses. Every element type of `std::vector` costs
/// each including file about 30 ms (GCC 12, -O0), of this class about 3 ms; see `benchmarks/compile_time`. Elements
/// move without throwing.
template <class T>
class list {
 public:
  list() = default;
  explicit list(std::size_t count, const T& value = T{}) : list{} { assign(count, value); }
  list(const list& other) : list{} {  // complete before a copy can throw, so that it is destroyed then
    reserve(other.size_);
    for (const T& element : other) push_back(element);
  }
  list& operator=(const list& other) { return *this = list(other); }
  list(list&& other) noexcept { swap(other); }
  list& operator=(list&& other) noexcept {
    swap(other);
    return *this;
  }
  ~list() {
    clear();
    ::operator delete (data_, std::align_val_t{alignof(T)});
  }

  void swap(list& other) noexcept {
    T* const data = data_;
    const std::size_t size = size_;
    const std::size_t capacity = capacity_;
    data_ = other.data_;
    size_ = other.size_;
    capacity_ = other.capacity_;
    other.data_ = data;
    other.size_ = size;
    other.capacity_ = capacity;
  }

  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  T* begin() noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }
  const T* begin() const noexcept { return data_; }
  const T* end() const noexcept { return data_ + size_; }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  T& back() noexcept { return data_[size_ - 1]; }
  const T& back() const noexcept { return data_[size_ - 1]; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size_ == 0; }

  void reserve(std::size_t count) {
    if (count <= capacity_) return;
    T* moved = static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{alignof(T)}));
    for (std::size_t i = 0; i < size_; ++i) {
      ::new (static_cast<void*>(moved + i)) T(std::move(data_[i]));
      data_[i].~T();
    }
    ::operator delete (data_, std::align_val_t{alignof(T)});
    data_ = moved;
    capacity_ = count;
  }
  T& push_back(T value) {
    if (size_ == capacity_) reserve(2 * capacity_ + 4);
    return *::new (static_cast<void*>(data_ + size_++)) T(std::move(value));
  }
  void pop_back() noexcept { data_[--size_].~T(); }
  void clear() noexcept { shrink(0); }
  /// Grows with default elements to at least `count`.
  void extend(std::size_t count) {
    if (count > capacity_) reserve(count < 2 * capacity_ ? 2 * capacity_ : count);
    for (; size_ < count; ++size_) ::new (static_cast<void*>(data_ + size_)) T{};
  }
  void resize(std::size_t count) {
    shrink(count);
    extend(count);
  }
  /// `count` copies of `value`, which may be an element.
  void assign(std::size_t count, const T& value) {
    const T kept = value;
    clear();
    extend(count);
    for (T& element : *this) element = kept;
  }
  /// Removes the first `count` elements.
  void drop_front(std::size_t count) noexcept {
    for (std::size_t i = count; i < size_; ++i) data_[i - count] = std::move(data_[i]);
    shrink(size_ - count);
  }
  /// Removes element `i`; the order of the others stays.
  void remove(std::size_t i) noexcept {
    for (; i + 1 < size_; ++i) data_[i] = std::move(data_[i + 1]);
    pop_back();
  }

 private:
  void shrink(std::size_t count) noexcept {
    if constexpr (std::is_trivially_destructible_v<T>) {
      size_ = size_ < count ? size_ : count;
    } else {
      while (size_ > count) pop_back();
    }
  }

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
/// `to` becomes a copy of `from`.
template <class T>
void copy(std::span<const T> from, list<T>& to) {
  to.resize(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i];
}
/// Puts a copy of `from` after the elements of `to`. `from` is no part of `to`.
template <class T>
void append(std::span<const T> from, list<T>& to) {
  const std::size_t before = to.size();
  to.resize(before + from.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[before + i] = from[i];
}

}  // namespace detail
}  // namespace v0
}  // namespace proviso
