// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <proviso/backends/eigen/product.hpp>

#if defined(__x86_64__)
#include <immintrin.h>

// GCC 12 warns about its own header of intrinsics.
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Row kernels in float arithmetic for AVX-512 (F and BW).
namespace avx512 {

struct load_f32 {
  using weight = float;
  [[gnu::target("avx512f,avx512bw")]] static __m512 at(const float* p) { return _mm512_loadu_ps(p); }
};
struct load_f16 {
  using weight = std::uint16_t;
  [[gnu::target("avx512f,avx512bw")]] static __m512 at(const std::uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
};

/// value * scale, or out + value * scale with one rounding: spelled out, as a compiler might fuse the two in some tiles
/// and not in others.
[[gnu::target("avx512f,avx512bw")]] inline __m512 scaled(__m512 value, __m512 scale, const float* out, bool add) {
  return add ? _mm512_fmadd_ps(value, scale, _mm512_loadu_ps(out)) : _mm512_mul_ps(value, scale);
}

/// `Panels` panels times `Tokens` rows in registers; each output is one chain of fused multiply-adds.
template <class Load, std::size_t Panels, std::size_t Tokens>
[[gnu::target("avx512f,avx512bw")]] inline void tile(const product& m, std::size_t panel, std::size_t token) {
  const auto* w = static_cast<const typename Load::weight*>(m.weights) + panel * m.panel_stride;
  const float* x[Tokens];
  __m512 sum[Tokens][Panels];
#pragma GCC unroll 8
  for (std::size_t t = 0; t < Tokens; ++t) {
    x[t] = m.x[token + t];
#pragma GCC unroll 8
    for (std::size_t p = 0; p < Panels; ++p) sum[t][p] = _mm512_setzero_ps();
  }
  for (std::size_t k = 0; k < m.columns; ++k) {
    __m512 column[Panels];
#pragma GCC unroll 8
    for (std::size_t p = 0; p < Panels; ++p) column[p] = Load::at(w + p * m.panel_stride + k * panel_rows);
#pragma GCC unroll 8
    for (std::size_t t = 0; t < Tokens; ++t) {
      const __m512 value = _mm512_set1_ps(x[t][k]);
#pragma GCC unroll 8
      for (std::size_t p = 0; p < Panels; ++p) sum[t][p] = _mm512_fmadd_ps(column[p], value, sum[t][p]);
    }
  }
  const float* scales = m.scales;
  const bool add = m.add;
#pragma GCC unroll 8
  for (std::size_t t = 0; t < Tokens; ++t) {
    float* out = m.out[token + t] + panel * panel_rows;
#pragma GCC unroll 8
    for (std::size_t p = 0; p < Panels; ++p) {
      const std::size_t row = p * panel_rows;
      const __m512 scale =
          scales == nullptr ? _mm512_set1_ps(1.0F) : _mm512_loadu_ps(scales + panel * panel_rows + row);
      _mm512_storeu_ps(out + row, scaled(sum[t][p], scale, out + row, add));
    }
  }
}

template <class Load, std::size_t Panels>
[[gnu::target("avx512f,avx512bw")]] inline void tiles(const product& m, std::size_t panel) {
  constexpr std::size_t most = 6;
  for (std::size_t t = 0; t < m.tokens;) {
    // As few tiles as can be, all of about the same size: a small one leaves the multipliers idle.
    const std::size_t left = m.tokens - t;
    const std::size_t count = (left + most - 1) / most;
    const std::size_t size = (left + count - 1) / count;
    switch (size) {
      case 1:
        tile<Load, Panels, 1>(m, panel, t);
        break;
      case 2:
        tile<Load, Panels, 2>(m, panel, t);
        break;
      case 3:
        tile<Load, Panels, 3>(m, panel, t);
        break;
      case 4:
        tile<Load, Panels, 4>(m, panel, t);
        break;
      case 5:
        tile<Load, Panels, 5>(m, panel, t);
        break;
      default:
        tile<Load, Panels, 6>(m, panel, t);
    }
    t += size;
  }
}

template <class Load>
[[gnu::target("avx512f,avx512bw")]] inline void multiply(const product& m) {
  std::size_t panel = m.first_panel;
  for (; panel + 4 <= m.last_panel; panel += 4) tiles<Load, 4>(m, panel);
  for (; panel + 2 <= m.last_panel; panel += 2) tiles<Load, 2>(m, panel);
  for (; panel < m.last_panel; ++panel) tiles<Load, 1>(m, panel);
}

inline void multiply_f32(const product& m) { multiply<load_f32>(m); }
inline void multiply_f16(const product& m) { multiply<load_f16>(m); }

[[gnu::target("avx512f,avx512bw")]] inline void normalise(const float* row, const float* gain, std::size_t size,
                                                          float columns, float epsilon, float* out) {
  __m512 sum = _mm512_setzero_ps();
  for (std::size_t i = 0; i < size; i += panel_rows) {
    const __m512 x = _mm512_loadu_ps(row + i);
    sum = _mm512_fmadd_ps(x, x, sum);
  }
  const __m512 factor = _mm512_set1_ps(1.0F / std::sqrt(_mm512_reduce_add_ps(sum) / columns + epsilon));
  for (std::size_t i = 0; i < size; i += panel_rows) {
    const __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(row + i), factor);
    _mm512_storeu_ps(out + i, _mm512_mul_ps(scaled, _mm512_loadu_ps(gain + i)));
  }
}

[[gnu::target("avx512f,avx512bw")]] inline __m512 exp(__m512 x) {
  using e = exponential;
  // The operand order of min and max keeps NaN.
  x = _mm512_min_ps(_mm512_set1_ps(e::highest), _mm512_max_ps(_mm512_set1_ps(e::lowest), x));
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(e::log2e)), 8);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(e::ln2_high), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(e::ln2_low), r);
  __m512 p = _mm512_set1_ps(e::c6);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(e::c5));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(e::c4));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(e::c3));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(e::c2));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(e::c1));
  p = _mm512_fmadd_ps(_mm512_mul_ps(r, r), p, _mm512_add_ps(r, _mm512_set1_ps(1.0F)));
  return _mm512_scalef_ps(p, n);
}

[[gnu::target("avx512f,avx512bw")]] inline float exponentials(float* scores, std::size_t size) {
  const std::size_t end = (size - 1) / panel_rows * panel_rows;  // of the vectors before the last
  const auto inside = static_cast<__mmask16>(0xffffU >> (end + panel_rows - size));
  const __m512 rest = _mm512_mask_loadu_ps(_mm512_set1_ps(scores[0]), inside, scores + end);
  __m512 largest = rest;
  for (std::size_t i = 0; i < end; i += panel_rows) largest = _mm512_max_ps(largest, _mm512_loadu_ps(scores + i));
  const __m512 maximum = _mm512_set1_ps(_mm512_reduce_max_ps(largest));
  __m512 sum = _mm512_setzero_ps();
  for (std::size_t i = 0; i < end; i += panel_rows) {
    const __m512 value = exp(_mm512_sub_ps(_mm512_loadu_ps(scores + i), maximum));
    sum = _mm512_add_ps(sum, value);
    _mm512_storeu_ps(scores + i, value);
  }
  const __m512 value = _mm512_maskz_mov_ps(inside, exp(_mm512_sub_ps(rest, maximum)));
  _mm512_storeu_ps(scores + end, value);
  return _mm512_reduce_add_ps(_mm512_add_ps(sum, value));
}

[[gnu::target("avx512f,avx512bw")]] inline void gated(const float* gate_up, float* out, std::size_t panels) {
  const __m512 one = _mm512_set1_ps(1.0F);
  for (std::size_t panel = 0; panel < panels; ++panel, gate_up += 2 * panel_rows) {
    const __m512 g = _mm512_loadu_ps(gate_up);
    const __m512 silu = _mm512_div_ps(g, _mm512_add_ps(one, exp(_mm512_sub_ps(_mm512_setzero_ps(), g))));
    _mm512_storeu_ps(out + panel * panel_rows, _mm512_mul_ps(silu, _mm512_loadu_ps(gate_up + panel_rows)));
  }
}

}  // namespace avx512
}  // namespace eigen
}  // namespace v0
}  // namespace proviso

#pragma GCC diagnostic pop
#endif
