// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Rows of a matrix that are multiplied side by side; a packed matrix is a list of panels of this many rows.
inline constexpr std::size_t panel_rows = 16;

/// Rounds up to a multiple of `step`.
constexpr std::size_t padded(std::size_t size, std::size_t step = panel_rows) noexcept {
  return (size + step - 1) / step * step;
}

/// Columns of fixed point rows come in blocks of this many; a kernel may read this many rows together, also behind the
/// last.
inline constexpr std::size_t fixed_point_columns = 64;
inline constexpr std::size_t fixed_point_rows_at_once = 16;

/// The largest fixed point number: 127 in both digits.
inline constexpr float fixed_point_levels = 127.0F * 256.0F + 127.0F;

/// So many columns of int8 weights times fixed point numbers have a sum below 2^31.
inline constexpr std::size_t exact_columns = 512;

/// How the integer kernels of an instruction set want weights and activations.
struct fixed_point_layout {
  /// Columns of one row of a panel that lie side by side: those of row 0, those of row 1, ..., then the next columns.
  std::size_t together = 4;
  bool shifted = false;  ///< weights are stored plus 128
  bool split = false;    ///< activations lie in two signed digits of base 256, else as whole 16-bit numbers
};

/// Rows of activations as 16-bit fixed point numbers: unit[t] times an integer.
///
/// Split: digit i (0: low, 1: high) of column k of row t is `digits[k / 64 * block_stride + (2 * t + i) * 64 + k %
/// 64]`, and the integer is low + 256 * high. Whole: the integer lies in the two bytes at `digits + t * row_stride + 2
/// * k`.
struct fixed_point_rows {
  std::int8_t* digits = nullptr;
  std::size_t block_stride = 0;  ///< split: bytes from one block of columns to the next, 128 per row
  std::size_t row_stride = 0;    ///< whole: bytes from one row to the next
  float* unit = nullptr;
  std::int32_t* offset = nullptr;  ///< with shifted weights: offset[2 * t + i] is 128 times the sum of digits i
};

/// One product of packed weights with rows of activations:
/// out[t][r] (+)= scale[r] * sum over k of weight[r][k] * x[t][k].
///
/// A panel holds 16 rows. Weights for float arithmetic lie column by column (16 weights of column 0, 16 of column
/// 1, ...), int8 weights for integer arithmetic as `fixed_point_layout` says. Every output is one sum over the columns
/// in ascending order, or an exact one: it does not depend on how many panels and tokens the call covers. An exact sum
/// S becomes fma(float(S >> 8), 256, float(S & 255)) on every instruction set, which is S rounded once up to 1024
/// columns.
struct product {
  const void* weights = nullptr;
  const float* scales = nullptr;  ///< one per row, or null for 1
  std::size_t panel_stride = 0;   ///< weights from one panel to the next
  std::size_t columns = 0;        ///< in integer arithmetic a multiple of `fixed_point_columns`
  std::size_t first_panel = 0;
  std::size_t last_panel = 0;  ///< one past
  std::size_t tokens = 0;
  const float* const* x = nullptr;  ///< float arithmetic: rows of activations
  fixed_point_rows fixed;           ///< integer arithmetic: rows of activations
  float* const* out = nullptr;      ///< rows of at least 16 * last_panel floats
  bool add = false;                 ///< add to `out` instead of replacing it
};

/// exp(x) = 2^n * p(r) with r = x - n * ln 2 and |r| <= ln 2 / 2: the coefficients of all versions.
struct exponential {
  static constexpr float lowest = -87.0F;
  static constexpr float highest = 88.0F;
  static constexpr float log2e = 1.44269504088896341F;
  static constexpr float ln2_high = 0.693359375F;
  static constexpr float ln2_low = -2.12194440e-4F;
  static constexpr float c6 = 1.9875691500e-4F;
  static constexpr float c5 = 1.3981999507e-3F;
  static constexpr float c4 = 8.3334519073e-3F;
  static constexpr float c3 = 4.1665795894e-2F;
  static constexpr float c2 = 1.6666665459e-1F;
  static constexpr float c1 = 5.0000001201e-1F;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
