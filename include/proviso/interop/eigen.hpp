// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <stdexcept>

#include <proviso/core/logits.hpp>

#if __has_include(<Eigen/Core>)
#include <Eigen/Core>
#endif

namespace proviso {
inline namespace v0 {

/// Something shaped like a dense Eigen object with its numbers in memory: a matrix, an array, a `Map`, a `Ref`, a
/// block. Recognised by its members, so it costs no include. Lazy expressions have no `data()` and are refused.
template <class M>
concept eigen_like = requires(const M& m) {
  typename M::Scalar;
  { m.data() } -> std::convertible_to<const typename M::Scalar*>;
  { m.rows() } -> std::convertible_to<std::ptrdiff_t>;
  { m.cols() } -> std::convertible_to<std::ptrdiff_t>;
  { m.innerStride() } -> std::convertible_to<std::ptrdiff_t>;
  { m.outerStride() } -> std::convertible_to<std::ptrdiff_t>;
  {static_cast<bool>(M::IsRowMajor)};
  {static_cast<bool>(M::IsVectorAtCompileTime)};
};

/// An Eigen object whose rows are contiguous: row-major, or a vector of either direction, which counts as one row.
template <class M>
concept eigen_rows = eigen_like<M> &&(static_cast<bool>(M::IsRowMajor) || static_cast<bool>(M::IsVectorAtCompileTime));

/// The rows of an Eigen object as logits, where they lie. The view lives as long as the memory of `m`.
///
/// Requires contiguous rows: a column-major matrix does not satisfy `eigen_rows`. Errors: std::invalid_argument
/// where the inner stride at run time is not 1.
template <class M>
requires eigen_rows<M> logits_view<typename M::Scalar> as_logits(const M& m) {
  const auto rows = static_cast<std::size_t>(m.rows());
  const auto cols = static_cast<std::size_t>(m.cols());
  const bool vector = static_cast<bool>(M::IsVectorAtCompileTime);
  if (m.innerStride() != 1 && rows * cols > 1) {
    throw std::invalid_argument("as_logits: the entries of a row are not contiguous (inner stride is not 1)");
  }
  if (!vector && rows > 1 && m.outerStride() < m.cols()) {
    throw std::invalid_argument("as_logits: the rows overlap (outer stride is smaller than the number of columns)");
  }
  if (vector) return {m.data(), 1, rows * cols};
  return {m.data(), rows, cols, static_cast<std::size_t>(m.outerStride())};
}

/// A temporary that owns its numbers would leave a dangling view.
template <class M>
requires eigen_rows<M> && std::same_as<M, typename M::PlainObject>
void as_logits(const M&& m) = delete;

#if __has_include(<Eigen/Core>)

/// Logits on the host as a row-major Eigen array that reads them where they lie; same lifetime as the view.
template <class T>
auto as_eigen(const logits_view<T, residency::host>& view) {
  using array = ::Eigen::Array<T, ::Eigen::Dynamic, ::Eigen::Dynamic, ::Eigen::RowMajor>;
  using map = ::Eigen::Map<const array, ::Eigen::Unaligned, ::Eigen::OuterStride<>>;
  return map(view.data(), static_cast<::Eigen::Index>(view.rows()), static_cast<::Eigen::Index>(view.cols()),
             ::Eigen::OuterStride<>(static_cast<::Eigen::Index>(view.stride())));
}

#endif

}  // namespace v0
}  // namespace proviso
