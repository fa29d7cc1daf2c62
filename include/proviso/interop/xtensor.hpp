// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <stdexcept>

#include <proviso/core/logits.hpp>

#if __has_include(<xtensor/containers/xadapt.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/views/xview.hpp>
#define PROVISO_INTEROP_HAS_XADAPT 1
#elif __has_include(<xtensor/xadapt.hpp>)
#include <xtensor/xadapt.hpp>
#include <xtensor/xview.hpp>
#define PROVISO_INTEROP_HAS_XADAPT 1
#endif

namespace proviso {
inline namespace v0 {

/// Something shaped like an xtensor object with its numbers in memory: `xtensor`, `xarray`, an adaptor, a strided view.
/// Recognised by its members, so it costs no include. Lazy expressions have no `data()` and are refused.
template <class X>
concept xtensor_like = requires(const X& x) {
  typename X::value_type;
  { x.data() } -> std::convertible_to<const typename X::value_type*>;
  { x.data_offset() } -> std::convertible_to<std::size_t>;
  { x.dimension() } -> std::convertible_to<std::size_t>;
  { x.shape()[0] } -> std::convertible_to<std::size_t>;
  { x.strides()[0] } -> std::convertible_to<std::ptrdiff_t>;
};

/// The rows of a one- or two-dimensional xtensor object as logits, where they lie. One dimension is one row. The view
/// lives as long as the memory of `x`.
///
/// Errors: std::invalid_argument where `x` has other dimensions, or where a row is not contiguous.
template <class X>
requires xtensor_like<X> logits_view<typename X::value_type> as_logits(const X& x) {
  const auto dimension = static_cast<std::size_t>(x.dimension());
  if (dimension != 1 && dimension != 2)
    throw std::invalid_argument("as_logits: the array has neither one nor two dimensions");
  const std::size_t rows = dimension == 1 ? 1 : static_cast<std::size_t>(x.shape()[0]);
  const auto cols = static_cast<std::size_t>(x.shape()[dimension - 1]);
  const auto inner = static_cast<std::ptrdiff_t>(x.strides()[dimension - 1]);
  const auto outer = static_cast<std::ptrdiff_t>(x.strides()[0]);
  if (cols > 1 && inner != 1) {
    throw std::invalid_argument(
        "as_logits: the entries of a row are not contiguous (stride of the last dimension is not 1)");
  }
  if (rows > 1 && outer < static_cast<std::ptrdiff_t>(cols)) {
    throw std::invalid_argument("as_logits: the rows overlap or run backwards");
  }
  const auto* first = x.data() + static_cast<std::size_t>(x.data_offset());
  return {first, rows, cols, rows > 1 ? static_cast<std::size_t>(outer) : cols};
}

/// A temporary would leave a dangling view.
template <class X>
requires xtensor_like<X>
void as_logits(const X&& x) = delete;

#ifdef PROVISO_INTEROP_HAS_XADAPT
#undef PROVISO_INTEROP_HAS_XADAPT

/// Logits on the host as a two-dimensional xtensor view that reads them where they lie; same lifetime as `rows`.
template <class T>
auto as_xtensor(const logits_view<T, residency::host>& rows) {
  const std::array<std::size_t, 2> shape{rows.rows(), rows.stride()};
  return xt::view(xt::adapt(rows.data(), rows.rows() * rows.stride(), xt::no_ownership(), shape), xt::all(),
                  xt::range(std::size_t{0}, rows.cols()));
}

#endif

}  // namespace v0
}  // namespace proviso
