// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {

/// Rows of logits that lie in memory owned by a session.
///
/// Shape: `rows() x cols()`, row `i` starts at `data() + i * stride()`; one row per wanted token, one column per
/// vocabulary entry. The view stays valid until the next call on the session that returned it. Residency is part
/// of the type and there is no conversion between residencies: device rows have no `row()`.
template <class T, residency R = residency::host>
class logits_view {
 public:
  using value_type = T;
  static constexpr residency where = R;

  constexpr logits_view() = default;
  constexpr logits_view(const T* data, std::size_t rows, std::size_t cols) noexcept
      : logits_view(data, rows, cols, cols) {}
  constexpr logits_view(const T* data, std::size_t rows, std::size_t cols, std::size_t stride) noexcept
      : data_{data}, rows_{rows}, cols_{cols}, stride_{stride} {}

  constexpr const T* data() const noexcept { return data_; }
  constexpr std::size_t rows() const noexcept { return rows_; }
  constexpr std::size_t cols() const noexcept { return cols_; }
  constexpr std::size_t stride() const noexcept { return stride_; }
  constexpr std::span<const T> row(std::size_t i) const noexcept
    requires(R == residency::host)
  {
    return {data_ + i * stride_, cols_};
  }

 private:
  const T* data_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::size_t stride_ = 0;
};

/// How a row is computed when it is asked for: `compute(object, row)` writes it where its view says that it lies.
struct row_source {
  void* object = nullptr;
  void (*compute)(void* object, std::size_t row) = nullptr;  ///< null: every row is there already
};

/// Host rows that a session computes one by one when they are asked for, by `row` or through `logits_rows`. `data()`
/// alone computes nothing.
template <class T>
class lazy_logits_view : public logits_view<T> {
 public:
  constexpr lazy_logits_view() = default;
  constexpr lazy_logits_view(const logits_view<T>& rows, row_source from) noexcept
      : logits_view<T>{rows}, source_{from} {}

  constexpr row_source source() const noexcept { return source_; }
  std::span<const T> row(std::size_t i) const {
    if (source_.compute != nullptr) source_.compute(source_.object, i);
    return logits_view<T>::row(i);
  }

 private:
  row_source source_;
};

/// What `eval` of a session may return: a view with a value type, a residency, and a shape.
template <class V>
concept logits_like = requires(const V& v) {
  typename V::value_type;
  { V::where } -> std::convertible_to<residency>;
  { v.data() } -> std::convertible_to<const typename V::value_type*>;
  { v.rows() } -> std::convertible_to<std::size_t>;
  { v.cols() } -> std::convertible_to<std::size_t>;
  { v.stride() } -> std::convertible_to<std::size_t>;
};

/// Logits in host memory whose entries convert to `float`: what the host rules can read.
template <class V>
concept host_logits = logits_like<V> && (V::where == residency::host) &&
    std::convertible_to<typename V::value_type, float>;

/// Computes every row of a view that computes them when they are asked for: its `data()` can then be read.
template <host_logits V>
void compute_rows(const V& view) {
  if constexpr (requires { view.source(); }) {
    for (std::size_t i = 0; i < view.rows(); ++i) static_cast<void>(view.row(i));
  }
}

/// Host rows of any scalar type behind one concrete type; rows of `float` are read where they lie.
///
/// Same lifetime as the view it was made from. Cost: one row is converted when it is asked for, `float` rows never.
/// Rows of a `lazy_logits_view` are computed when they are asked for.
class logits_rows {
 public:
  constexpr logits_rows() = default;

  template <host_logits V>
  logits_rows(const V& view) noexcept  // NOLINT(google-explicit-constructor): views convert freely
      : data_{view.data()},
        rows_{view.rows()},
        cols_{view.cols()},
        stride_{view.stride()},
        load_{&load<typename V::value_type>} {
    if constexpr (requires { view.source(); }) source_ = view.source();
  }

  constexpr std::size_t rows() const noexcept { return rows_; }
  constexpr std::size_t cols() const noexcept { return cols_; }

  /// Row `i` as floats. `scratch` holds at least `cols()` floats and is used only for other scalar types.
  std::span<const float> row(std::size_t i, std::span<float> scratch) const {
    if (source_.compute != nullptr) source_.compute(source_.object, i);
    return load_(*this, i, scratch);
  }

 private:
  template <class T>
  static std::span<const float> load(const logits_rows& rows, std::size_t i, std::span<float> scratch) {
    const T* first = static_cast<const T*>(rows.data_) + i * rows.stride_;
    if constexpr (std::same_as<T, float>) {
      return {first, rows.cols_};
    } else {
      for (std::size_t j = 0; j < rows.cols_; ++j) scratch[j] = static_cast<float>(first[j]);
      return scratch.first(rows.cols_);
    }
  }

  const void* data_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::size_t stride_ = 0;
  std::span<const float> (*load_)(const logits_rows&, std::size_t, std::span<float>) = &load<float>;
  row_source source_;
};

}  // namespace v0
}  // namespace proviso
