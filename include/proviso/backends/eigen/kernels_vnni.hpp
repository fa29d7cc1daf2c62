// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include <proviso/backends/eigen/kernels_avx512.hpp>
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

/// Int8 weights times 16-bit fixed point rows for AVX-512 VNNI: two exact integer sums per output, one per digit,
/// joined in floats. An activation is rounded by at most 1.6e-5 of the largest in its row; nothing else is lost before
/// the sums are joined.
namespace vnni {

/// Joins the two sums of 16 outputs and stores them. Weights were stored plus 128, which the offsets take back.
[[gnu::target("avx512f,avx512bw")]] inline void store(const product& m, std::size_t row, std::size_t token, __m512i low,
                                                      __m512i high) {
  const std::int32_t* offset = m.fixed.offset + 2 * token;
  low = _mm512_sub_epi32(low, _mm512_set1_epi32(offset[0]));
  high = _mm512_sub_epi32(high, _mm512_set1_epi32(offset[1]));
  if (m.columns > 2 * exact_columns) {  // else both are below 2^24, and their floats exact anyway
    high = _mm512_add_epi32(high, _mm512_srai_epi32(low, 8));
    low = _mm512_and_si512(low, _mm512_set1_epi32(255));
  }
  const __m512 units = _mm512_cvtepi32_ps(low);
  const __m512 more = _mm512_cvtepi32_ps(high);
  const __m512 unit = _mm512_mul_ps(_mm512_set1_ps(m.fixed.unit[token]), _mm512_loadu_ps(m.scales + row));
  float* out = m.out[token] + row;
  _mm512_storeu_ps(out, avx512::scaled(_mm512_fmadd_ps(more, _mm512_set1_ps(256.0F), units), unit, out, m.add));
}

/// sum += (four unsigned bytes of each lane of `weights`) . (four signed digits of each lane of `digits`). Around the
/// intrinsic, GCC 12 copies every sum twice.
[[gnu::target("avx512f,avx512vnni")]] inline void dot(__m512i& sum, __m512i weights, __m512i digits) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(weights), "v"(digits));
}

/// `Panels` panels times `Tokens` rows in registers.
template <std::size_t Panels, std::size_t Tokens>
[[gnu::target("avx512f,avx512bw,avx512vnni")]] inline void tile(const product& m, std::size_t panel,
                                                                std::size_t token) {
  const auto* w = static_cast<const std::uint8_t*>(m.weights) + panel * m.panel_stride;
  const std::int8_t* x = m.fixed.digits + 2 * token * fixed_point_columns;
  __m512i sum[2 * Tokens][Panels];
#pragma GCC unroll 12
  for (auto& row : sum) {
#pragma GCC unroll 4
    for (__m512i& s : row) s = _mm512_setzero_si512();
  }
  for (std::size_t block = 0; block < m.columns; block += fixed_point_columns, x += m.fixed.block_stride) {
    for (std::size_t k = 0; k < fixed_point_columns; k += 4, w += 4 * panel_rows) {
      __m512i quads[Panels];
#pragma GCC unroll 4
      for (std::size_t p = 0; p < Panels; ++p) {
        quads[p] = _mm512_loadu_si512(w + p * m.panel_stride);
        // One token waits for memory anyway; harmless behind the end of the matrix.
        if (Tokens > 1) __builtin_prefetch(w + (p + Panels) * m.panel_stride, 0, 3);
      }
#pragma GCC unroll 12
      for (std::size_t i = 0; i < 2 * Tokens; ++i) {
        std::int32_t four = 0;
        std::memcpy(&four, x + i * fixed_point_columns + k, sizeof four);
        const __m512i digits = _mm512_set1_epi32(four);
#pragma GCC unroll 4
        for (std::size_t p = 0; p < Panels; ++p) dot(sum[i][p], quads[p], digits);
      }
    }
  }
#pragma GCC unroll 6
  for (std::size_t t = 0; t < Tokens; ++t) {
#pragma GCC unroll 4
    for (std::size_t p = 0; p < Panels; ++p) {
      store(m, (panel + p) * panel_rows, token + t, sum[2 * t][p], sum[2 * t + 1][p]);
    }
  }
}

/// Two panels times all rows.
[[gnu::target("avx512f,avx512bw,avx512vnni")]] inline void two_panels(const product& m, std::size_t panel) {
  std::size_t t = 0;
  for (; t + 6 <= m.tokens; t += 6) tile<2, 6>(m, panel, t);
  switch (m.tokens - t) {
    case 1:
      return tile<2, 1>(m, panel, t);
    case 2:
      return tile<2, 2>(m, panel, t);
    case 3:
      return tile<2, 3>(m, panel, t);
    case 4:
      return tile<2, 4>(m, panel, t);
    case 5:
      return tile<2, 5>(m, panel, t);
    default:
      return;
  }
}

[[gnu::target("avx512f,avx512bw,avx512vnni")]] inline void multiply(const product& m) {
  std::size_t panel = m.first_panel;
  if (m.tokens == 1) {
    for (; panel + 4 <= m.last_panel; panel += 4) tile<4, 1>(m, panel, 0);
  }
  for (; panel + 2 <= m.last_panel; panel += 2) two_panels(m, panel);
  for (std::size_t t = 0; panel < m.last_panel && t < m.tokens; ++t) tile<1, 1>(m, panel, t);
}

/// Writes row `t` of `rows` from `size` floats, a multiple of 16; the columns behind them are zero. A row that is
/// not finite gets a unit that is not a number, so that all its products are none.
[[gnu::target("avx512f,avx512bw,avx512vnni")]] inline void fix(const float* row, std::size_t size,
                                                               const fixed_point_rows& rows, std::size_t t) {
  // Without their sign, the bits of floats have the order of the numbers, with infinity and NaN above all others.
  __m512i bits = _mm512_setzero_si512();
  for (std::size_t i = 0; i < size; i += panel_rows) {
    bits = _mm512_max_epu32(bits, _mm512_castps_si512(_mm512_abs_ps(_mm512_loadu_ps(row + i))));
  }
  const std::uint32_t largest_bits = _mm512_reduce_max_epu32(bits);
  if (largest_bits >= 0x7f800000U) {
    rows.unit[t] = std::numeric_limits<float>::quiet_NaN();
    rows.offset[2 * t] = rows.offset[2 * t + 1] = 0;
    return;
  }
  const float largest = (std::max)(std::bit_cast<float>(largest_bits), 1e-30F);
  const __m512 factor = _mm512_set1_ps(fixed_point_levels / largest);
  const __m512i half = _mm512_set1_epi32(128);
  __m512i sum = _mm512_setzero_si512();
  __m512i sum_high = _mm512_setzero_si512();
  for (std::size_t i = 0; i < padded(size, fixed_point_columns); i += panel_rows) {
    const __m512 x = i < size ? _mm512_loadu_ps(row + i) : _mm512_setzero_ps();
    const __m512i value = _mm512_cvtps_epi32(_mm512_mul_ps(x, factor));
    const __m512i high = _mm512_srai_epi32(_mm512_add_epi32(value, half), 8);
    std::int8_t* digits = rows.digits + i / fixed_point_columns * rows.block_stride + 2 * t * fixed_point_columns +
                          i % fixed_point_columns;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(digits), _mm512_cvtepi32_epi8(value));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(digits + fixed_point_columns), _mm512_cvtepi32_epi8(high));
    sum = _mm512_add_epi32(sum, value);
    sum_high = _mm512_add_epi32(sum_high, high);
  }
  const std::int32_t high = _mm512_reduce_add_epi32(sum_high);
  rows.unit[t] = largest / fixed_point_levels;
  rows.offset[2 * t] = 128 * (_mm512_reduce_add_epi32(sum) - 256 * high);
  rows.offset[2 * t + 1] = 128 * high;
}

}  // namespace vnni
}  // namespace eigen
}  // namespace v0
}  // namespace proviso

#pragma GCC diagnostic pop
#endif
