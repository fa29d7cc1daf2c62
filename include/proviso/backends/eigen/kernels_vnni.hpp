// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <proviso/backends/eigen/product.hpp>

#if defined(__x86_64__)
#include <immintrin.h>

// GCC 12 warns about its own header of intrinsics.
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Int8 weights times 24-bit fixed point rows for AVX-512 VNNI: three exact integer sums per output, one per digit,
/// joined in floats. An activation is rounded to 2^-23 of the largest in its row; nothing else is lost before the sums
/// are joined, so the logits are as close to exact ones as those of float arithmetic, several times faster.
namespace vnni {

/// Joins the three sums of 16 outputs and stores them. Weights were stored plus 128, which the offsets take back.
[[gnu::target("avx512f,avx512bw")]] inline void store(const product& m, std::size_t row, std::size_t token, __m512i low,
                                                      __m512i middle, __m512i high) {
  const std::int32_t* offset = m.fixed.offset + 3 * token;
  const __m512 base = _mm512_set1_ps(256.0F);
  __m512 value = _mm512_cvtepi32_ps(_mm512_sub_epi32(high, _mm512_set1_epi32(offset[2])));
  value = _mm512_fmadd_ps(value, base, _mm512_cvtepi32_ps(_mm512_sub_epi32(middle, _mm512_set1_epi32(offset[1]))));
  value = _mm512_fmadd_ps(value, base, _mm512_cvtepi32_ps(_mm512_sub_epi32(low, _mm512_set1_epi32(offset[0]))));
  value = _mm512_mul_ps(_mm512_mul_ps(value, _mm512_set1_ps(m.fixed.unit[token])), _mm512_loadu_ps(m.scales + row));
  float* out = m.out[token] + row;
  if (m.add) value = _mm512_add_ps(value, _mm512_loadu_ps(out));
  _mm512_storeu_ps(out, value);
}

/// sum += (four unsigned bytes of each lane of `weights`) . (four signed digits at `digits`). The compilers do not
/// fold the broadcast into the instruction by themselves.
[[gnu::target("avx512f,avx512vnni")]] inline void dot(__m512i& sum, __m512i weights, const std::int8_t* digits) {
  struct quad {
    std::int8_t digit[4];
  };
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(weights), "m"(*reinterpret_cast<const quad*>(digits)));
}

template <std::size_t Panels, std::size_t Tokens>
[[gnu::target("avx512f,avx512bw,avx512vnni")]] inline void tile(const product& m, std::size_t panel,
                                                                std::size_t token) {
  const auto* w = static_cast<const std::uint8_t*>(m.weights) + panel * m.panel_stride;
  const std::size_t stride = m.fixed.stride;
  const std::int8_t* x[Tokens];
  __m512i sum[Tokens][3][Panels];
#pragma GCC unroll 8
  for (std::size_t t = 0; t < Tokens; ++t) {
    x[t] = m.fixed.digits + 3 * (token + t) * stride;
#pragma GCC unroll 8
    for (std::size_t p = 0; p < Panels; ++p) sum[t][0][p] = sum[t][1][p] = sum[t][2][p] = _mm512_setzero_si512();
  }
  for (std::size_t k = 0; k < m.columns; k += 4) {
    __m512i quads[Panels];
#pragma GCC unroll 8
    for (std::size_t p = 0; p < Panels; ++p) quads[p] = _mm512_loadu_si512(w + p * m.panel_stride + k * panel_rows);
#pragma GCC unroll 8
    for (std::size_t t = 0; t < Tokens; ++t) {
#pragma GCC unroll 8
      for (std::size_t p = 0; p < Panels; ++p) {
        dot(sum[t][0][p], quads[p], x[t] + k);
        dot(sum[t][1][p], quads[p], x[t] + k + stride);
        dot(sum[t][2][p], quads[p], x[t] + k + 2 * stride);
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t t = 0; t < Tokens; ++t) {
#pragma GCC unroll 8
    for (std::size_t p = 0; p < Panels; ++p) {
      store(m, (panel + p) * panel_rows, token + t, sum[t][0][p], sum[t][1][p], sum[t][2][p]);
    }
  }
}

template <std::size_t Panels>
[[gnu::target("avx512f,avx512bw,avx512vnni")]] inline void tiles(const product& m, std::size_t panel) {
  std::size_t t = 0;
  for (; t + 3 <= m.tokens; t += 3) tile<Panels, 3>(m, panel, t);
  if (m.tokens - t == 2) tile<Panels, 2>(m, panel, t);
  if (m.tokens - t == 1) tile<Panels, 1>(m, panel, t);
}

[[gnu::target("avx512f,avx512bw,avx512vnni")]] inline void multiply(const product& m) {
  std::size_t panel = m.first_panel;
  if (m.tokens == 1) {
    for (; panel + 4 <= m.last_panel; panel += 4) tile<4, 1>(m, panel, 0);
  }
  for (; panel + 2 <= m.last_panel; panel += 2) tiles<2>(m, panel);
  for (; panel < m.last_panel; ++panel) tiles<1>(m, panel);
}

/// Writes row `t` of `rows` from `size` floats, a multiple of 16; the columns behind them are zero. A row that is
/// not finite gets a unit that is not a number, so that all its products are none.
[[gnu::target("avx512f,avx512bw,avx512vnni")]] inline void fix(const float* row, std::size_t size,
                                                               const fixed_point_rows& rows, std::size_t t) {
  __m512 largest = _mm512_setzero_ps();
  __m512 zero = _mm512_setzero_ps();
  for (std::size_t i = 0; i < size; i += panel_rows) {
    const __m512 x = _mm512_loadu_ps(row + i);
    largest = _mm512_max_ps(largest, _mm512_abs_ps(x));
    zero = _mm512_fmadd_ps(x, _mm512_setzero_ps(), zero);
  }
  // The largest number is 1.m * 2^(exponent - 1). Scaled by 2^(23 - exponent) it stays below 2^23, and its highest
  // digit must not exceed 127, so a number close to the power of two above it takes the next exponent.
  const auto bits = std::bit_cast<std::uint32_t>(_mm512_reduce_max_ps(largest));
  const bool finite = _mm512_reduce_add_ps(zero) == 0.0F;
  int exponent = static_cast<int>(bits >> 23) - 126;
  if ((bits & 0x7fffffU) > 0x7e0000U) ++exponent;
  exponent = std::clamp(exponent, -100, 100);
  const __m512 factor = _mm512_castsi512_ps(_mm512_set1_epi32((23 - exponent + 127) << 23));
  const __m512i half = _mm512_set1_epi32(128);
  std::int8_t* digits = rows.digits + 3 * t * rows.stride;
  for (std::size_t i = 0; i < size; i += panel_rows) {
    const __m512i low = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(row + i), factor));
    const __m512i middle = _mm512_srai_epi32(_mm512_add_epi32(low, half), 8);
    const __m512i high = _mm512_srai_epi32(_mm512_add_epi32(middle, half), 8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(digits + i), _mm512_cvtepi32_epi8(low));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(digits + rows.stride + i), _mm512_cvtepi32_epi8(middle));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(digits + 2 * rows.stride + i), _mm512_cvtepi32_epi8(high));
  }
  rows.unit[t] = finite ? std::bit_cast<float>((exponent - 23 + 127) << 23) : std::numeric_limits<float>::quiet_NaN();
  for (std::size_t plane = 0; plane < 3; ++plane, digits += rows.stride) {
    if (size < rows.stride) std::fill(digits + size, digits + rows.stride, std::int8_t{0});
    __m512i sum = _mm512_setzero_si512();
    for (std::size_t i = 0; i < rows.stride; i += fixed_point_columns) {
      sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), _mm512_loadu_si512(digits + i));
    }
    rows.offset[3 * t + plane] = 128 * _mm512_reduce_add_epi32(sum);
  }
}

}  // namespace vnni
}  // namespace eigen
}  // namespace v0
}  // namespace proviso

#pragma GCC diagnostic pop
#endif
