// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <proviso/backends/eigen/product.hpp>

#if defined(__x86_64__)
#include <immintrin.h>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Row kernels in float arithmetic for AVX2, FMA and F16C.
namespace avx2 {

/// Half a panel from eight weights.
struct load_f32 {
  using weight = float;
  [[gnu::target("avx2,fma,f16c")]] static __m256 at(const float* p) { return _mm256_loadu_ps(p); }
};
struct load_f16 {
  using weight = std::uint16_t;
  [[gnu::target("avx2,fma,f16c")]] static __m256 at(const std::uint16_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
};

/// `Panels` panels times `Tokens` rows in registers; each output is one chain of fused multiply-adds.
template <class Load, std::size_t Panels, std::size_t Tokens>
[[gnu::target("avx2,fma,f16c")]] inline void tile(const product& m, std::size_t panel, std::size_t token) {
  constexpr std::size_t halves = 2 * Panels;
  const auto* w = static_cast<const typename Load::weight*>(m.weights) + panel * m.panel_stride;
  const float* x[Tokens];
  __m256 sum[Tokens][halves];
#pragma GCC unroll 8
  for (std::size_t t = 0; t < Tokens; ++t) {
    x[t] = m.x[token + t];
#pragma GCC unroll 8
    for (std::size_t h = 0; h < halves; ++h) sum[t][h] = _mm256_setzero_ps();
  }
  for (std::size_t k = 0; k < m.columns; ++k) {
#pragma GCC unroll 8
    for (std::size_t h = 0; h < halves; ++h) {
      const __m256 column = Load::at(w + h / 2 * m.panel_stride + k * panel_rows + h % 2 * 8);
#pragma GCC unroll 8
      for (std::size_t t = 0; t < Tokens; ++t) {
        sum[t][h] = _mm256_fmadd_ps(column, _mm256_broadcast_ss(x[t] + k), sum[t][h]);
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t t = 0; t < Tokens; ++t) {
#pragma GCC unroll 8
    for (std::size_t h = 0; h < halves; ++h) {
      const std::size_t row = panel * panel_rows + 8 * h;
      float* out = m.out[token + t] + row;
      __m256 value = sum[t][h];
      if (m.add) value = _mm256_add_ps(value, _mm256_loadu_ps(out));
      _mm256_storeu_ps(out, value);
    }
  }
}

template <class Load>
[[gnu::target("avx2,fma,f16c")]] inline void multiply(const product& m) {
  std::size_t panel = m.first_panel;
  if (m.tokens == 1) {
    for (; panel + 4 <= m.last_panel; panel += 4) tile<Load, 4, 1>(m, panel, 0);
  }
  for (; panel < m.last_panel; ++panel) {
    std::size_t t = 0;
    for (; t + 5 <= m.tokens; t += 5) tile<Load, 1, 5>(m, panel, t);
    switch (m.tokens - t) {
      case 1:
        tile<Load, 1, 1>(m, panel, t);
        break;
      case 2:
        tile<Load, 1, 2>(m, panel, t);
        break;
      case 3:
        tile<Load, 1, 3>(m, panel, t);
        break;
      case 4:
        tile<Load, 1, 4>(m, panel, t);
        break;
      default:
        break;
    }
  }
}

inline void multiply_f32(const product& m) { multiply<load_f32>(m); }
inline void multiply_f16(const product& m) { multiply<load_f16>(m); }

/// The sum of 16 lanes in a fixed order.
[[gnu::target("avx2,fma,f16c")]] inline float total(__m256 first, __m256 last) {
  alignas(32) float lane[8];
  _mm256_store_ps(lane, _mm256_add_ps(first, last));
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

[[gnu::target("avx2,fma,f16c")]] inline void normalise(const float* row, const float* gain, std::size_t size,
                                                       float columns, float epsilon, float* out) {
  __m256 first = _mm256_setzero_ps();
  __m256 last = _mm256_setzero_ps();
  for (std::size_t i = 0; i < size; i += panel_rows) {
    const __m256 a = _mm256_loadu_ps(row + i);
    const __m256 b = _mm256_loadu_ps(row + i + 8);
    first = _mm256_fmadd_ps(a, a, first);
    last = _mm256_fmadd_ps(b, b, last);
  }
  const __m256 factor = _mm256_set1_ps(1.0F / std::sqrt(total(first, last) / columns + epsilon));
  for (std::size_t i = 0; i < size; i += 8) {
    _mm256_storeu_ps(out + i,
                     _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(row + i), factor), _mm256_loadu_ps(gain + i)));
  }
}

[[gnu::target("avx2,fma,f16c")]] inline __m256 exp(__m256 x) {
  using e = exponential;
  // The operand order of min and max keeps NaN.
  x = _mm256_min_ps(_mm256_set1_ps(e::highest), _mm256_max_ps(_mm256_set1_ps(e::lowest), x));
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(e::log2e)), 8);
  __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(e::ln2_high), x);
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(e::ln2_low), r);
  __m256 p = _mm256_set1_ps(e::c6);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(e::c5));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(e::c4));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(e::c3));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(e::c2));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(e::c1));
  p = _mm256_fmadd_ps(_mm256_mul_ps(r, r), p, _mm256_add_ps(r, _mm256_set1_ps(1.0F)));
  const __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(p, _mm256_castsi256_ps(exponent));
}

[[gnu::target("avx2,fma,f16c")]] inline float exponentials(float* scores, std::size_t size) {
  const std::size_t end = padded(size);
  std::fill(scores + size, scores + end, scores[0]);
  __m256 largest = _mm256_set1_ps(scores[0]);
  for (std::size_t i = 0; i < end; i += 8) largest = _mm256_max_ps(largest, _mm256_loadu_ps(scores + i));
  alignas(32) float lane[8];
  _mm256_store_ps(lane, largest);
  const __m256 maximum = _mm256_set1_ps(*std::max_element(lane, lane + 8));
  for (std::size_t i = 0; i < end; i += 8) {
    _mm256_storeu_ps(scores + i, exp(_mm256_sub_ps(_mm256_loadu_ps(scores + i), maximum)));
  }
  std::fill(scores + size, scores + end, 0.0F);
  __m256 first = _mm256_setzero_ps();
  __m256 last = _mm256_setzero_ps();
  for (std::size_t i = 0; i < end; i += panel_rows) {
    first = _mm256_add_ps(first, _mm256_loadu_ps(scores + i));
    last = _mm256_add_ps(last, _mm256_loadu_ps(scores + i + 8));
  }
  return total(first, last);
}

[[gnu::target("avx2,fma,f16c")]] inline void gated(const float* gate_up, float* out, std::size_t panels) {
  const __m256 one = _mm256_set1_ps(1.0F);
  for (std::size_t i = 0; i < panels * panel_rows; i += 8) {
    const float* gate = gate_up + i / panel_rows * 2 * panel_rows + i % panel_rows;
    const __m256 g = _mm256_loadu_ps(gate);
    const __m256 silu = _mm256_div_ps(g, _mm256_add_ps(one, exp(_mm256_sub_ps(_mm256_setzero_ps(), g))));
    _mm256_storeu_ps(out + i, _mm256_mul_ps(silu, _mm256_loadu_ps(gate + panel_rows)));
  }
}

}  // namespace avx2
}  // namespace eigen
}  // namespace v0
}  // namespace proviso
#endif
