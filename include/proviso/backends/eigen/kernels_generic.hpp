// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <proviso/backends/eigen/product.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Row kernels in plain C++, for every machine.
namespace generic {

inline float widen(float weight) { return weight; }
inline float widen(std::int8_t weight) { return static_cast<float>(weight); }

/// The value of an IEEE half.
inline float widen(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7fffU) << 13;
  // A half moved to the float position is too small by 2^112; infinities and NaN keep the largest exponent.
  const std::uint32_t factor_bits = 0x77800000U;
  float factor = 0.0F;
  float value = 0.0F;
  std::memcpy(&factor, &factor_bits, sizeof factor);
  std::memcpy(&value, &magnitude, sizeof value);
  value *= factor;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  if ((half & 0x7c00U) == 0x7c00U) bits |= 0x7f800000U;
  bits |= sign;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// a * b + c, rounded once where the machine does that fast. Spelled out, as a compiler might fuse the two in some
/// tiles and not in others.
inline float multiply_add(float a, float b, float c) {
#if defined(__FP_FAST_FMAF) || defined(__FMA__) || defined(__aarch64__)
  return std::fma(a, b, c);
#else
  return a * b + c;
#endif
}

template <class Weight, std::size_t Tokens>
inline void tile(const product& m, std::size_t panel, std::size_t token) {
  const Weight* w = static_cast<const Weight*>(m.weights) + panel * m.panel_stride;
  float sum[Tokens][panel_rows] = {};
  for (std::size_t k = 0; k < m.columns; ++k, w += panel_rows) {
    float column[panel_rows];
    for (std::size_t r = 0; r < panel_rows; ++r) column[r] = widen(w[r]);
    for (std::size_t t = 0; t < Tokens; ++t) {
      const float value = m.x[token + t][k];
      for (std::size_t r = 0; r < panel_rows; ++r) sum[t][r] = multiply_add(column[r], value, sum[t][r]);
    }
  }
  const std::size_t row = panel * panel_rows;
  for (std::size_t t = 0; t < Tokens; ++t) {
    float* out = m.out[token + t] + row;
    for (std::size_t r = 0; r < panel_rows; ++r) {
      const float scale = m.scales == nullptr ? 1.0F : m.scales[row + r];
      out[r] = m.add ? multiply_add(sum[t][r], scale, out[r]) : sum[t][r] * scale;
    }
  }
}

template <class Weight>
inline void multiply(const product& m) {
  for (std::size_t panel = m.first_panel; panel < m.last_panel; ++panel) {
    std::size_t t = 0;
    for (; t + 4 <= m.tokens; t += 4) tile<Weight, 4>(m, panel, t);
    for (; t < m.tokens; ++t) tile<Weight, 1>(m, panel, t);
  }
}

inline void multiply_f32(const product& m) { multiply<float>(m); }
inline void multiply_f16(const product& m) { multiply<std::uint16_t>(m); }
inline void multiply_i8(const product& m) { multiply<std::int8_t>(m); }

inline void normalise(const float* row, const float* gain, std::size_t size, float columns, float epsilon, float* out) {
  float sum[panel_rows] = {};
  for (std::size_t i = 0; i < size; i += panel_rows) {
    for (std::size_t j = 0; j < panel_rows; ++j) sum[j] += row[i + j] * row[i + j];
  }
  float total = 0.0F;
  for (float part : sum) total += part;
  const float factor = 1.0F / std::sqrt(total / columns + epsilon);
  for (std::size_t i = 0; i < size; ++i) out[i] = row[i] * factor * gain[i];
}

#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(precise, on, push)  // the rounding below is arithmetic that other rules would take away
#endif
inline float exp(float x) {
  using e = exponential;
  if (!(x > e::lowest)) x = x != x ? x : e::lowest;
  x = (std::min)(x, e::highest);
  const float shift = 12582912.0F;  // adding it rounds to an integer
  const float n = (x * e::log2e + shift) - shift;
  float r = x - n * e::ln2_high;
  r -= n * e::ln2_low;
  float p = ((((e::c6 * r + e::c5) * r + e::c4) * r + e::c3) * r + e::c2) * r + e::c1;
  p = r * r * p + r + 1.0F;
  if (x != x) return x;
  const std::uint32_t bits = static_cast<std::uint32_t>(static_cast<std::int32_t>(n) + 127) << 23;
  float power = 0.0F;
  std::memcpy(&power, &bits, sizeof power);
  return p * power;
}
#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(pop)
#endif

inline float exponentials(float* scores, std::size_t size) {
  float maximum = scores[0];
  for (std::size_t i = 1; i < size; ++i) maximum = (std::max)(maximum, scores[i]);
  float sum[panel_rows] = {};
  for (std::size_t i = 0; i < size; ++i) {
    scores[i] = exp(scores[i] - maximum);
    sum[i % panel_rows] += scores[i];
  }
  std::fill(scores + size, scores + padded(size), 0.0F);
  float total = 0.0F;
  for (float part : sum) total += part;
  return total;
}

inline void gated(const float* gate_up, float* out, std::size_t panels) {
  for (std::size_t i = 0; i < panels * panel_rows; ++i) {
    const float gate = gate_up[i / panel_rows * 2 * panel_rows + i % panel_rows];
    const float up = gate_up[(i / panel_rows * 2 + 1) * panel_rows + i % panel_rows];
    out[i] = gate / (1.0F + exp(-gate)) * up;
  }
}

}  // namespace generic
}  // namespace eigen
}  // namespace v0
}  // namespace proviso
