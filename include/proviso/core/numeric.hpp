// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <proviso/core/law.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

#if defined(__FAST_MATH__)
#error "proviso needs NaN, infinities and a fixed order of sums: do not compile it with -ffast-math."
#endif

namespace proviso {
inline namespace v0 {

/// Arithmetic on rows. Every sum has a fixed order (independent lanes, then lanes in sequence), accumulates in
/// double, and is a plain loop that compilers vectorise.
namespace numeric {

inline constexpr std::size_t lanes = 8;

/// exp(x) for x <= 0 within 2e-7 relative; 0 at and below -87, exactly 1 at 0. A polynomial, so that loops over it
/// vectorise and no mathematical library decides its bits.
inline float exp_nonpositive(float x) noexcept {
  constexpr float lowest = 87.0F;
  constexpr float shift = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  // Integer comparisons of |x|: compilers turn float comparisons into branches here, and the loop stays scalar.
  const std::uint32_t size = std::bit_cast<std::uint32_t>(x) & 0x7FFFFFFFU;
  const std::uint32_t counts = 0U - static_cast<std::uint32_t>(size < std::bit_cast<std::uint32_t>(lowest));
  const float clamped = -std::bit_cast<float>((size & counts) | (std::bit_cast<std::uint32_t>(lowest) & ~counts));
  const float z = clamped * 1.44269504F + shift;
  const float n = z - shift;
  const float r = (clamped - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const std::uint32_t exponent = (std::bit_cast<std::uint32_t>(z) + 127U) << 23U;
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
  void add(std::span<const float> values) noexcept {
    const std::size_t whole = values.size() - values.size() % lanes;
    for (std::size_t i = 0; i < whole; i += lanes) {
      for (std::size_t j = 0; j < lanes; ++j) part_[j] += static_cast<double>(values[i + j]);
    }
    for (std::size_t i = whole; i < values.size(); ++i) part_[i - whole] += static_cast<double>(values[i]);
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

/// weights[i] = exp((logits[i] - top) * scale), and their sum. `top` is the largest logit, `scale` > 0; the spans
/// may be the same memory. Cost: one pass.
inline double exp_weights(std::span<const float> logits, float top, float scale, std::span<float> weights) noexcept {
  constexpr std::size_t piece = 1024;  // stays in the first-level cache between exponential and sum
  lane_sum s;
  for (std::size_t begin = 0; begin < logits.size(); begin += piece) {
    const std::size_t size = logits.size() - begin < piece ? logits.size() - begin : piece;
    const float* const from = logits.data() + begin;
    float* const to = weights.data() + begin;
    for (std::size_t i = 0; i < size; ++i) to[i] = exp_nonpositive((from[i] - top) * scale);
    s.add(weights.subspan(begin, size));
  }
  return s.total();
}

/// The entry at which the running sum of the weights first exceeds `u * total`, for u in [0, 1): inverse transform
/// sampling. Never an entry of weight 0. Cost: one pass over block sums, one over a block.
inline token_id inverse_cdf(const law_view& law, double u) noexcept {
  if (law.is_point()) return law.token(0);
  const std::span<const float> w = law.weights();
  constexpr std::size_t block = 256;
  double target = u * law.total();
  std::size_t last_positive = 0;
  for (std::size_t begin = 0; begin < w.size(); begin += block) {
    const std::size_t size = w.size() - begin < block ? w.size() - begin : block;
    const double mass = sum(w.subspan(begin, size));
    if (target < mass) {
      double running = 0.0;
      for (std::size_t i = begin; i < begin + size; ++i) {
        if (!(w[i] > 0.0F)) continue;
        last_positive = i;
        running += static_cast<double>(w[i]);
        if (target < running) break;
      }
      return law.token(last_positive);
    }
    target -= mass;
    if (mass > 0.0) {
      std::size_t i = begin + size - 1;
      while (!(w[i] > 0.0F)) --i;
      last_positive = i;
    }
  }
  return law.token(last_positive);
}

/// The residual law norm([p - q]+) in `buffer`; its support lies in that of `p`. When rounding leaves no mass, `p`
/// itself (verification by u*q < p refuses with positive probability only if mass remains). For a point `q` this
/// is `p` without that token; an empty `q` takes nothing away. Cost: one pass over the entries of both.
inline law_view residual(const law_view& p, const law_view& q, law_buffer& buffer) {
  if (p.is_point() || !q) return p;
  const std::span<const float> w = p.weights();
  buffer.weights.resize(w.size());
  float* const rest = buffer.weights.data();
  const double scale = p.total() / q.total();  // turns q's weights into units of p's
  const auto left = [scale](float pw, double qw) {
    const double r = static_cast<double>(pw) - qw * scale;
    return static_cast<float>(r > 0.0 ? r : 0.0);
  };
  const bool dense = p.kind() == law_view::form::dense;
  if (q.kind() == law_view::form::dense) {
    const std::span<const float> v = q.weights();
    if (dense && v.size() >= w.size()) {
      for (std::size_t i = 0; i < w.size(); ++i) rest[i] = left(w[i], static_cast<double>(v[i]));
    } else {
      for (std::size_t i = 0; i < w.size(); ++i) {
        const auto x = static_cast<std::size_t>(p.token(i));
        rest[i] = x < v.size() ? left(w[i], static_cast<double>(v[x])) : w[i];
      }
    }
  } else {
    for (std::size_t i = 0; i < w.size(); ++i) rest[i] = w[i];
    for (std::size_t j = 0, i = 0; j < q.size(); ++j) {
      const token_id x = q.token(j);
      if (dense) {
        i = static_cast<std::size_t>(x);
      } else {
        while (i < w.size() && p.token(i) < x) ++i;
      }
      if (i < w.size() && p.token(i) == x) rest[i] = left(w[i], q.weight(j));
    }
  }
  const std::span<const float> weights = detail::view(buffer.weights);
  const double total = sum(weights);
  if (!(total > 0.0)) return p;
  return dense ? law_view::dense(weights, total) : law_view::sparse(p.ids(), weights, total);
}

/// `law` without `token`, in `buffer`; an empty law when nothing remains. `law` may already lie in `buffer`.
/// Cost: one pass over the entries.
inline law_view without(const law_view& law, token_id token, law_buffer& buffer) {
  if (law.is_point()) return law.token(0) == token ? law_view{} : law;
  const std::size_t size = law.size();
  const bool dense = law.kind() == law_view::form::dense;
  if (law.weights().data() != buffer.weights.data()) {
    detail::copy(law.weights(), buffer.weights);
    detail::copy(law.ids(), buffer.ids);
  }
  for (std::size_t i = 0; i < size; ++i) {
    const token_id x = dense ? static_cast<token_id>(i) : buffer.ids[i];
    if (x == token) buffer.weights[i] = 0.0F;
  }
  const std::span<const float> weights{buffer.weights.data(), size};
  const double total = sum(weights);
  if (!(total > 0.0)) return {};
  return dense ? law_view::dense(weights, total) : law_view::sparse({buffer.ids.data(), size}, weights, total);
}

}  // namespace numeric
}  // namespace v0
}  // namespace proviso
