// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#if defined(__FAST_MATH__)
#error "proviso: laws need NaN, infinities and sums in their order: do not compile with -ffast-math or -Ofast."
#elif defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ == 1
#error "proviso: a row that holds NaN must be seen: do not compile with -ffinite-math-only."
#elif defined(__ASSOCIATIVE_MATH__)
#error "proviso: sums keep their order: do not compile with -fassociative-math or -funsafe-math-optimizations."
#elif defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ < 0 || __FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error "proviso: float is computed as float: compile with -msse2 -mfpmath=sse, not for the x87 unit."
#endif

// Where no macro tells of such options (clang), they are switched off for what follows, on processors where clang can;
// see the end of this header.
#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(precise, on, push)
#endif

namespace proviso {
inline namespace v0 {

/// Arithmetic on rows. Every sum has a fixed order (independent lanes, then lanes in sequence), accumulates in
/// double, and is a plain loop that compilers vectorise.
namespace numeric {

inline constexpr std::size_t lanes = 8;

/// exp(x) for x <= 0 within 2e-7 relative; 0 at and below -87, exactly 1 at 0. A polynomial, so that loops over it
/// vectorise and no mathematical library decides its bits. The rounding to an integer is a conversion: no option of
/// compilers takes it away.
inline float exp_nonpositive(float x) noexcept {
  constexpr float lowest = 87.0F;
  // Integer comparisons of |x|: compilers turn float comparisons into branches here, and the loop stays scalar.
  const std::uint32_t size = std::bit_cast<std::uint32_t>(x) & 0x7FFFFFFFU;
  const std::uint32_t counts = 0U - static_cast<std::uint32_t>(size < std::bit_cast<std::uint32_t>(lowest));
  const float clamped = -std::bit_cast<float>((size & counts) | (std::bit_cast<std::uint32_t>(lowest) & ~counts));
  const auto rounded = static_cast<std::int32_t>(clamped * 1.44269504F - 0.5F);  // to nearest: it is not positive
  const auto n = static_cast<float>(rounded);
  const float r = (clamped - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const std::uint32_t exponent = (static_cast<std::uint32_t>(rounded) + 127U) << 23U;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p * std::bit_cast<float>(exponent)) & counts);
}

/// Natural logarithm of x > 0 within 1e-15 absolute (x in [0, 1] and normal); -infinity at 0.
inline double log(double x) noexcept {
  if (!(x > 0.0)) return -std::numeric_limits<double>::infinity();
  const auto bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52U) - 1023;
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFU) | 0x3FF0000000000000U);  // in [1, 2)
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);  // log m = 2 atanh s, |s| < 0.172
  const double square = s * s;
  double series = 0.0;
  for (int k = 21; k >= 1; k -= 2) series = series * square + 1.0 / k;
  return 2.0 * s * series + exponent * 0.6931471805599453;
}

/// Largest entry of a row and whether any entry is NaN.
struct row_maximum {
  float value = -std::numeric_limits<float>::infinity();
  bool has_nan = false;
};

/// `group_maxima` divides a row into stretches of `group_columns * group_rows` entries and a stretch into columns:
/// the entries of a column lie `group_columns` apart.
inline constexpr std::size_t group_columns = 64;
inline constexpr std::size_t group_rows = 32;

/// Number of columns of a row of `n` entries.
constexpr std::size_t group_count(std::size_t n) noexcept {
  constexpr std::size_t stretch = group_columns * group_rows;
  const std::size_t rest = n % stretch;
  return n / stretch * group_columns + (rest < group_columns ? rest : group_columns);
}

/// Largest entry of every column, in `largest` (room for `group_count(row.size())`), and of the row; NaN entries
/// do not count there. Cost: one pass over the row.
inline row_maximum group_maxima(std::span<const float> row, std::span<float> largest) noexcept {
  constexpr std::size_t stretch = group_columns * group_rows;
  std::uint32_t nan[group_columns] = {};
  float* best = largest.data();
  for (std::size_t begin = 0; begin < row.size(); begin += stretch) {
    const float* x = row.data() + begin;
    std::size_t left = row.size() - begin < stretch ? row.size() - begin : stretch;
    const std::size_t columns = left < group_columns ? left : group_columns;
    for (std::size_t j = 0; j < columns; ++j) best[j] = -std::numeric_limits<float>::infinity();
    for (; left >= group_columns; left -= group_columns, x += group_columns) {
      for (std::size_t j = 0; j < group_columns; ++j) {
        best[j] = x[j] > best[j] ? x[j] : best[j];
        nan[j] |= static_cast<std::uint32_t>(x[j] != x[j]);
      }
    }
    for (std::size_t j = 0; j < left; ++j) {
      best[j] = x[j] > best[j] ? x[j] : best[j];
      nan[j] |= static_cast<std::uint32_t>(x[j] != x[j]);
    }
    best += columns;
  }
  row_maximum result;
  for (const float* b = largest.data(); b != best; ++b) result.value = *b > result.value ? *b : result.value;
  for (const std::uint32_t n : nan) result.has_nan = result.has_nan || n != 0;
  return result;
}

/// Largest entry of a row. Cost: one pass.
inline row_maximum maximum(std::span<const float> row) noexcept {
  row_maximum result;
  float largest[group_columns];
  constexpr std::size_t step = group_columns * group_rows;
  for (std::size_t begin = 0; begin < row.size(); begin += step) {
    const std::size_t size = row.size() - begin < step ? row.size() - begin : step;
    const row_maximum part = group_maxima(row.subspan(begin, size), largest);
    result.value = part.value > result.value ? part.value : result.value;
    result.has_nan = result.has_nan || part.has_nan;
  }
  return result;
}

/// Lowest index whose entry equals `value`; `row.size()` if there is none.
inline std::size_t first_equal(std::span<const float> row, float value) noexcept {
  constexpr std::size_t step = 64;
  std::size_t i = 0;
  for (; i + step <= row.size(); i += step) {
    std::uint32_t hit = 0;
    for (std::size_t j = 0; j < step; ++j) hit |= static_cast<std::uint32_t>(row[i + j] == value);
    if (hit != 0) break;
  }
  while (i < row.size() && row[i] != value) ++i;
  return i;
}

/// A sum in double: `lanes` interleaved partial sums, added in order. Feeding a row in pieces gives the bits of
/// feeding it at once, as long as every piece but the last is a multiple of `lanes` long.
class lane_sum {
 public:
  template <class Value>
  void add(std::span<const Value> values) noexcept {
    const std::size_t whole = values.size() - values.size() % lanes;
    for (std::size_t i = 0; i < whole; i += lanes) {
      for (std::size_t j = 0; j < lanes; ++j) part_[j] += static_cast<double>(values[i + j]);
    }
    for (std::size_t j = 0; j < values.size() % lanes; ++j) part_[j] += static_cast<double>(values[whole + j]);
  }
  double total() const noexcept {
    double all = 0.0;
    for (const double p : part_) all += p;
    return all;
  }

 private:
  double part_[lanes] = {};
};

/// Sum in double, in the order of `lane_sum`.
inline double sum(std::span<const float> values) noexcept {
  lane_sum s;
  s.add(values);
  return s.total();
}
inline double sum(std::span<const double> values) noexcept {
  lane_sum s;
  s.add(values);
  return s.total();
}

/// The loop of `exp_weights`, compiled once for every processor and once for AVX2, in wider registers.
#if defined(__GNUC__)
[[gnu::always_inline]]
#endif
inline double
exp_weights_loop(std::span<const float> logits, float top, float scale, std::span<float> weights) noexcept {
  constexpr std::size_t step = 64;  // a fixed number of turns over memory of our own: vectorised at -O2, too
  lane_sum s;
  float piece[step];
  for (std::size_t begin = 0; begin < logits.size(); begin += step) {
    const std::size_t size = logits.size() - begin < step ? logits.size() - begin : step;
    const float* const from = logits.data() + begin;
    float* const to = weights.data() + begin;
    if (size == step) {
      for (std::size_t i = 0; i < step; ++i) piece[i] = exp_nonpositive((from[i] - top) * scale);
    } else {
      for (std::size_t i = 0; i < size; ++i) piece[i] = exp_nonpositive((from[i] - top) * scale);
    }
    for (std::size_t i = 0; i < size; ++i) to[i] = piece[i];
    s.add(std::span<const float>{piece, size});
  }
  return s.total();
}
#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("avx2")]] inline double exp_weights_avx2(std::span<const float> logits, float top, float scale,
                                                       std::span<float> weights) noexcept {
  return exp_weights_loop(logits, top, scale, weights);
}
#endif

/// weights[i] = exp((logits[i] - top) * scale), and their sum. `top` is the largest logit, `scale` > 0; the spans
/// may be the same memory. Cost: one pass.
inline double exp_weights(std::span<const float> logits, float top, float scale, std::span<float> weights) noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
  if (__builtin_cpu_supports("avx2") != 0) return exp_weights_avx2(logits, top, scale, weights);
#endif
  return exp_weights_loop(logits, top, scale, weights);
}

}  // namespace numeric
}  // namespace v0
}  // namespace proviso

#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(pop)
#endif
