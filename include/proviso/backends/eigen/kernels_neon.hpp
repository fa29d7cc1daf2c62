// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <proviso/backends/eigen/product.hpp>

#if defined(__aarch64__) && defined(__ARM_NEON) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PROVISO_NEON_KERNELS 1
#include <arm_neon.h>
#if defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#if defined(__clang__)
#define PROVISO_DOT_PRODUCTS [[gnu::target("dotprod")]]
#else
#define PROVISO_DOT_PRODUCTS [[gnu::target("arch=armv8.2-a+dotprod")]]
#endif

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Int8 weights times 16-bit fixed point rows for AArch64, with the bits of `vnni` and `madd`: by 16-bit multiply-adds
/// everywhere, by dot products of digits where the processor has them.
namespace neon {

/// Whether the processor has dot products.
inline bool dot_products() noexcept {
#if defined(__linux__)
  return (::getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#elif defined(__ARM_FEATURE_DOTPROD)
  return true;
#else
  return false;
#endif
}

/// Stores the four sums 256 * high + low.
inline void store(const product& m, std::size_t row, std::size_t token, int32x4_t high, int32x4_t low) {
  high = vaddq_s32(high, vshrq_n_s32(low, 8));
  low = vandq_s32(low, vdupq_n_s32(255));
  float* out = m.out[token] + row;
  const float32x4_t scale = vmulq_n_f32(vld1q_f32(m.scales + row), m.fixed.unit[token]);
  const float32x4_t value = vfmaq_f32(vcvtq_f32_s32(low), vcvtq_f32_s32(high), vdupq_n_f32(256.0F));
  vst1q_f32(out, m.add ? vfmaq_f32(vld1q_f32(out), value, scale) : vmulq_f32(value, scale));
}

/// Adds column `Lane` of the eight that `x` holds.
template <int Lane, std::size_t Tokens>
inline void add_column(int32x4_t (&sum)[Tokens][4], const std::int8_t* w, const int16x8_t (&x)[Tokens]) {
  const int8x16_t weights = vld1q_s8(w + Lane * static_cast<int>(panel_rows));
  const int16x8_t first = vmovl_s8(vget_low_s8(weights));
  const int16x8_t last = vmovl_high_s8(weights);
#pragma GCC unroll 8
  for (std::size_t t = 0; t < Tokens; ++t) {
    sum[t][0] = vmlal_laneq_s16(sum[t][0], vget_low_s16(first), x[t], Lane);
    sum[t][1] = vmlal_high_laneq_s16(sum[t][1], first, x[t], Lane);
    sum[t][2] = vmlal_laneq_s16(sum[t][2], vget_low_s16(last), x[t], Lane);
    sum[t][3] = vmlal_high_laneq_s16(sum[t][3], last, x[t], Lane);
  }
}

/// One panel times `Tokens` rows in registers, by multiply-adds.
template <std::size_t Tokens>
inline void tile(const product& m, std::size_t panel, std::size_t token) {
  const auto* w = static_cast<const std::int8_t*>(m.weights) + panel * m.panel_stride;
  const std::int8_t* rows = m.fixed.digits + token * m.fixed.row_stride;
  int32x4_t high[Tokens][4] = {};
  int32x4_t sum[Tokens][4] = {};
  for (std::size_t first = 0; first < m.columns; first += exact_columns) {
    const std::size_t last = (std::min)(first + exact_columns, m.columns);
    for (std::size_t k = first; k < last; k += 8, w += 8 * panel_rows) {
      int16x8_t x[Tokens];
#pragma GCC unroll 8
      for (std::size_t t = 0; t < Tokens; ++t) {
        x[t] = vreinterpretq_s16_s8(vld1q_s8(rows + t * m.fixed.row_stride + 2 * k));
      }
      add_column<0>(sum, w, x);
      add_column<1>(sum, w, x);
      add_column<2>(sum, w, x);
      add_column<3>(sum, w, x);
      add_column<4>(sum, w, x);
      add_column<5>(sum, w, x);
      add_column<6>(sum, w, x);
      add_column<7>(sum, w, x);
    }
    for (std::size_t t = 0; t < Tokens; ++t) {
      for (std::size_t q = 0; q < 4; ++q) {
        high[t][q] = vaddq_s32(high[t][q], vshrq_n_s32(sum[t][q], 8));
        sum[t][q] = vandq_s32(sum[t][q], vdupq_n_s32(255));
      }
    }
  }
  for (std::size_t t = 0; t < Tokens; ++t) {
    for (std::size_t q = 0; q < 4; ++q) store(m, panel * panel_rows + 4 * q, token + t, high[t][q], sum[t][q]);
  }
}

/// sum += four weights of each of four rows times quad `Lane` of `x`. As text, since clang 14 offers the intrinsic only
/// where the whole program may use it.
template <int Lane>
PROVISO_DOT_PRODUCTS inline void dot(int32x4_t& sum, int8x16_t weights, int8x16_t x) {
  asm("sdot %0.4s, %1.16b, %2.4b[%3]" : "+w"(sum) : "w"(weights), "w"(x), "i"(Lane));
}

/// Adds quad `Lane` of the four quads of columns that `x` holds, digit by digit.
template <int Lane, std::size_t Tokens>
PROVISO_DOT_PRODUCTS inline void add_quad(int32x4_t (&sum)[2 * Tokens][4], const std::int8_t* w,
                                          const int8x16_t (&x)[2 * Tokens]) {
#pragma GCC unroll 4
  for (std::size_t q = 0; q < 4; ++q) {
    const int8x16_t weights = vld1q_s8(w + static_cast<std::size_t>(Lane) * 4 * panel_rows + 16 * q);
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 2 * Tokens; ++i) dot<Lane>(sum[i][q], weights, x[i]);
  }
}

/// One panel times `Tokens` rows in registers, by dot products.
template <std::size_t Tokens>
PROVISO_DOT_PRODUCTS inline void dot_tile(const product& m, std::size_t panel, std::size_t token) {
  const auto* w = static_cast<const std::int8_t*>(m.weights) + panel * m.panel_stride;
  const std::int8_t* rows = m.fixed.digits + 2 * token * fixed_point_columns;
  int32x4_t sum[2 * Tokens][4] = {};
  for (std::size_t block = 0; block < m.columns; block += fixed_point_columns, rows += m.fixed.block_stride) {
    for (std::size_t k = 0; k < fixed_point_columns; k += 16, w += 16 * panel_rows) {
      int8x16_t x[2 * Tokens];
#pragma GCC unroll 8
      for (std::size_t i = 0; i < 2 * Tokens; ++i) x[i] = vld1q_s8(rows + i * fixed_point_columns + k);
      add_quad<0, Tokens>(sum, w, x);
      add_quad<1, Tokens>(sum, w, x);
      add_quad<2, Tokens>(sum, w, x);
      add_quad<3, Tokens>(sum, w, x);
    }
  }
  for (std::size_t t = 0; t < Tokens; ++t) {
    for (std::size_t q = 0; q < 4; ++q) {
      store(m, panel * panel_rows + 4 * q, token + t, sum[2 * t + 1][q], sum[2 * t][q]);
    }
  }
}

/// Every panel times all rows, in tiles of up to five.
inline void multiply(const product& m) {
  for (std::size_t panel = m.first_panel; panel < m.last_panel; ++panel) {
    std::size_t t = 0;
    for (; t + 5 <= m.tokens; t += 5) tile<5>(m, panel, t);
    switch (m.tokens - t) {
      case 1:
        tile<1>(m, panel, t);
        break;
      case 2:
        tile<2>(m, panel, t);
        break;
      case 3:
        tile<3>(m, panel, t);
        break;
      case 4:
        tile<4>(m, panel, t);
        break;
      default:
        break;
    }
  }
}

/// The same in tiles of up to three.
PROVISO_DOT_PRODUCTS inline void multiply_dot(const product& m) {
  for (std::size_t panel = m.first_panel; panel < m.last_panel; ++panel) {
    std::size_t t = 0;
    for (; t + 3 <= m.tokens; t += 3) dot_tile<3>(m, panel, t);
    if (m.tokens - t == 2) dot_tile<2>(m, panel, t);
    if (m.tokens - t == 1) dot_tile<1>(m, panel, t);
  }
}

/// Writes row `t` of `rows` from `size` floats, a multiple of 16; the columns behind them are zero. A row that is
/// not finite gets a unit that is not a number, so that all its products are none.
template <bool Split>
inline void fix(const float* row, std::size_t size, const fixed_point_rows& rows, std::size_t t) {
  // Without their sign, the bits of floats have the order of the numbers, with infinity and NaN above all others.
  uint32x4_t bits = vdupq_n_u32(0);
  for (std::size_t i = 0; i < size; i += 4) {
    bits = vmaxq_u32(bits, vreinterpretq_u32_f32(vabsq_f32(vld1q_f32(row + i))));
  }
  const std::uint32_t largest_bits = vmaxvq_u32(bits);
  if (largest_bits >= 0x7f800000U) {
    rows.unit[t] = std::numeric_limits<float>::quiet_NaN();
    return;
  }
  const float largest = (std::max)(std::bit_cast<float>(largest_bits), 1e-30F);
  const float factor = fixed_point_levels / largest;
  for (std::size_t i = 0; i < padded(size, fixed_point_columns); i += 8) {
    int32x4_t value[2] = {};
    for (std::size_t h = 0; h < 2 && i < size; ++h) {
      value[h] = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(row + i + 4 * h), factor));
    }
    const int16x8_t whole = vcombine_s16(vmovn_s32(value[0]), vmovn_s32(value[1]));
    if constexpr (Split) {
      const int16x8_t high = vcombine_s16(vrshrn_n_s32(value[0], 8), vrshrn_n_s32(value[1], 8));
      std::int8_t* block = rows.digits + i / fixed_point_columns * rows.block_stride + 2 * t * fixed_point_columns;
      vst1_s8(block + i % fixed_point_columns, vmovn_s16(whole));
      vst1_s8(block + fixed_point_columns + i % fixed_point_columns, vmovn_s16(high));
    } else {
      vst1q_s8(rows.digits + t * rows.row_stride + 2 * i, vreinterpretq_s8_s16(whole));
    }
  }
  rows.unit[t] = largest / fixed_point_levels;
}

}  // namespace neon
}  // namespace eigen
}  // namespace v0
}  // namespace proviso

#undef PROVISO_DOT_PRODUCTS
#endif
