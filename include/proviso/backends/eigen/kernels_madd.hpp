// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include <proviso/backends/eigen/product.hpp>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Int8 weights times 16-bit fixed point rows for AVX2 and AVX-VNNI: one exact integer sum per output, the one that
/// `vnni` joins from its two, so the results have the same bits.
///
/// Bound: 32 weights (two vectors of pairs) cost two instructions to widen, and for each token two multiply-adds and,
/// on AVX2, two additions. A machine with four vector pipes needs at least 5.5 cycles for the 160 products of five
/// tokens, and 1.5 for the 32 products of one; Zen 4 takes 7.2 and 2.0.
namespace madd {

/// sum += pairs of products of 16-bit numbers.
struct avx2 {
  [[gnu::target("avx2,fma")]] static void dot(__m256i& sum, __m256i weights, __m256i x) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(weights, x));
  }
};
struct avx_vnni {
  [[gnu::target("avx2,fma")]] static void dot(__m256i& sum, __m256i weights, __m256i x) {
    asm("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(weights), "x"(x));
  }
};

inline bool has_avx_vnni() noexcept {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && ((a >> 4) & 1U) != 0;
}

/// `Panels` panels times `Tokens` rows in registers.
template <class Instructions, std::size_t Panels, std::size_t Tokens>
[[gnu::target("avx2,fma")]] inline void tile(const product& m, std::size_t panel, std::size_t token) {
  constexpr std::size_t halves = 2 * Panels;
  const auto* w = static_cast<const std::int8_t*>(m.weights) + panel * m.panel_stride;
  const std::int8_t* x[Tokens];
  const __m256i byte = _mm256_set1_epi32(255);
  // The sum of an output is 256 * high + sum; `high` takes what might not fit.
  __m256i high[Tokens][halves];
  __m256i sum[Tokens][halves];
#pragma GCC unroll 8
  for (std::size_t t = 0; t < Tokens; ++t) {
    x[t] = m.fixed.digits + (token + t) * m.fixed.row_stride;
#pragma GCC unroll 8
    for (std::size_t h = 0; h < halves; ++h) high[t][h] = sum[t][h] = _mm256_setzero_si256();
  }
  for (std::size_t first = 0; first < m.columns; first += exact_columns) {
    const std::size_t last = (std::min)(first + exact_columns, m.columns);
    for (std::size_t k = first; k < last; k += 2) {
      __m256i pair[Tokens];
#pragma GCC unroll 8
      for (std::size_t t = 0; t < Tokens; ++t) {
        std::int32_t two = 0;
        std::memcpy(&two, x[t] + 2 * k, sizeof two);
        pair[t] = _mm256_set1_epi32(two);
      }
#pragma GCC unroll 8
      for (std::size_t h = 0; h < halves; ++h) {
        const std::int8_t* at = w + h / 2 * m.panel_stride + k * panel_rows + h % 2 * panel_rows;
        const __m256i weights = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
#pragma GCC unroll 8
        for (std::size_t t = 0; t < Tokens; ++t) Instructions::dot(sum[t][h], weights, pair[t]);
      }
    }
#pragma GCC unroll 8
    for (std::size_t t = 0; t < Tokens; ++t) {
#pragma GCC unroll 8
      for (std::size_t h = 0; h < halves; ++h) {
        high[t][h] = _mm256_add_epi32(high[t][h], _mm256_srai_epi32(sum[t][h], 8));
        sum[t][h] = _mm256_and_si256(sum[t][h], byte);
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t t = 0; t < Tokens; ++t) {
    const __m256 unit = _mm256_set1_ps(m.fixed.unit[token + t]);
#pragma GCC unroll 8
    for (std::size_t h = 0; h < halves; ++h) {
      const std::size_t row = panel * panel_rows + 8 * h;
      float* out = m.out[token + t] + row;
      const __m256 scale = _mm256_mul_ps(unit, _mm256_loadu_ps(m.scales + row));
      const __m256 value =
          _mm256_fmadd_ps(_mm256_cvtepi32_ps(high[t][h]), _mm256_set1_ps(256.0F), _mm256_cvtepi32_ps(sum[t][h]));
      _mm256_storeu_ps(out, m.add ? _mm256_fmadd_ps(value, scale, _mm256_loadu_ps(out)) : _mm256_mul_ps(value, scale));
    }
  }
}

template <class Instructions>
[[gnu::target("avx2,fma")]] inline void multiply(const product& m) {
  constexpr std::size_t most = 5;  // the sums of more do not fit into the registers
  std::size_t panel = m.first_panel;
  if (m.tokens == 1) {
    for (; panel + 4 <= m.last_panel; panel += 4) tile<Instructions, 4, 1>(m, panel, 0);
  } else if (m.tokens == 2) {
    for (; panel + 2 <= m.last_panel; panel += 2) tile<Instructions, 2, 2>(m, panel, 0);
  }
  for (; panel < m.last_panel; ++panel) {
    for (std::size_t t = 0; t < m.tokens;) {
      // As few tiles as can be, all of about the same size.
      const std::size_t left = m.tokens - t;
      const std::size_t count = (left + most - 1) / most;
      const std::size_t size = (left + count - 1) / count;
      switch (size) {
        case 1:
          tile<Instructions, 1, 1>(m, panel, t);
          break;
        case 2:
          tile<Instructions, 1, 2>(m, panel, t);
          break;
        case 3:
          tile<Instructions, 1, 3>(m, panel, t);
          break;
        case 4:
          tile<Instructions, 1, 4>(m, panel, t);
          break;
        default:
          tile<Instructions, 1, 5>(m, panel, t);
          break;
      }
      t += size;
    }
  }
}

/// Writes row `t` of `rows` from `size` floats, a multiple of 16; the columns behind them are zero. A row that is
/// not finite gets a unit that is not a number, so that all its products are none.
[[gnu::target("avx2,fma")]] inline void fix(const float* row, std::size_t size, const fixed_point_rows& rows,
                                            std::size_t t) {
  // Without their sign, the bits of floats have the order of the numbers, with infinity and NaN above all others.
  const __m256i unsigned_bits = _mm256_set1_epi32(0x7fffffff);
  __m256i bits = _mm256_setzero_si256();
  for (std::size_t i = 0; i < size; i += 8) {
    bits = _mm256_max_epi32(bits, _mm256_and_si256(unsigned_bits, _mm256_castps_si256(_mm256_loadu_ps(row + i))));
  }
  alignas(32) std::int32_t lane[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lane), bits);
  const std::int32_t largest_bits = *std::max_element(lane, lane + 8);
  if (largest_bits >= 0x7f800000) {
    rows.unit[t] = std::numeric_limits<float>::quiet_NaN();
    return;
  }
  const float largest = (std::max)(std::bit_cast<float>(largest_bits), 1e-30F);
  const __m256 factor = _mm256_set1_ps(fixed_point_levels / largest);
  for (std::size_t i = 0; i < padded(size, fixed_point_columns); i += panel_rows) {
    __m256i both = _mm256_setzero_si256();
    if (i < size) {
      const __m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(row + i), factor));
      const __m256i b = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(row + i + 8), factor));
      both = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(rows.digits + t * rows.row_stride + 2 * i), both);
  }
  rows.unit[t] = largest / fixed_point_levels;
}

}  // namespace madd
}  // namespace eigen
}  // namespace v0
}  // namespace proviso
#endif
