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

/// exp(x) for x <= 0 within 2e-7 relative; 0 below -87. A polynomial, so that loops over it vectorise and every
/// platform gives the same bits.
inline float exp_nonpositive(float x) noexcept {
  constexpr float lowest = -87.0F;
  constexpr float shift = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  const float clamped = x > lowest ? x : lowest;
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
  const auto exponent = (std::bit_cast<std::uint32_t>(z) + 127U) << 23U;
  const float value = p * std::bit_cast<float>(exponent);
  return x > lowest ? value : 0.0F;
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

inline row_maximum maximum(std::span<const float> row) noexcept {
  float best[16];
  std::uint32_t nan[16] = {};
  for (float& b : best) b = -std::numeric_limits<float>::infinity();
  const std::size_t whole = row.size() - row.size() % 16;
  for (std::size_t i = 0; i < whole; i += 16) {
    for (std::size_t j = 0; j < 16; ++j) {
      const float x = row[i + j];
      best[j] = x > best[j] ? x : best[j];
      nan[j] |= static_cast<std::uint32_t>(x != x);
    }
  }
  for (std::size_t i = whole; i < row.size(); ++i) {
    const float x = row[i];
    best[0] = x > best[0] ? x : best[0];
    nan[0] |= static_cast<std::uint32_t>(x != x);
  }
  row_maximum result;
  for (std::size_t j = 0; j < 16; ++j) {
    result.value = best[j] > result.value ? best[j] : result.value;
    result.has_nan = result.has_nan || nan[j] != 0;
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

/// Sum in double: `lanes` interleaved partial sums, added in order.
inline double sum(std::span<const float> values) noexcept {
  double part[lanes] = {};
  const std::size_t whole = values.size() - values.size() % lanes;
  for (std::size_t i = 0; i < whole; i += lanes) {
    for (std::size_t j = 0; j < lanes; ++j) part[j] += static_cast<double>(values[i + j]);
  }
  for (std::size_t i = whole; i < values.size(); ++i) part[i - whole] += static_cast<double>(values[i]);
  double total = 0.0;
  for (const double p : part) total += p;
  return total;
}

/// weights[i] = exp((logits[i] - top) * scale), and their sum. `top` is the largest logit, `scale` > 0.
inline double exp_weights(std::span<const float> logits, float top, float scale, std::span<float> weights) noexcept {
  for (std::size_t i = 0; i < logits.size(); ++i) weights[i] = exp_nonpositive((logits[i] - top) * scale);
  return sum(weights.first(logits.size()));
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
/// is `p` without that token. Cost: one pass over the entries of `p`.
inline law_view residual(const law_view& p, const law_view& q, law_buffer& buffer) {
  if (p.is_point()) return p;
  const std::span<const float> w = p.weights();
  buffer.weights.resize(w.size());
  const double scale = p.total() / (q ? q.total() : 1.0);  // in units of p's weights
  if (p.kind() == law_view::form::dense && q.kind() == law_view::form::dense && q.size() == w.size()) {
    const std::span<const float> v = q.weights();
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double rest = static_cast<double>(w[i]) - static_cast<double>(v[i]) * scale;
      buffer.weights[i] = static_cast<float>(rest > 0.0 ? rest : 0.0);
    }
  } else {
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double rest = static_cast<double>(w[i]) - q(p.token(i)) * p.total();
      buffer.weights[i] = static_cast<float>(rest > 0.0 ? rest : 0.0);
    }
  }
  const double total = sum(detail::view(buffer.weights));
  if (!(total > 0.0)) return p;
  return p.kind() == law_view::form::dense ? law_view::dense(detail::view(buffer.weights), total)
                                           : law_view::sparse(p.ids(), detail::view(buffer.weights), total);
}

/// `law` without `token`, in `buffer`; an empty law when nothing remains. `law` may already lie in `buffer`.
inline law_view without(const law_view& law, token_id token, law_buffer& buffer) {
  if (law.is_point()) return law.token(0) == token ? law_view{} : law;
  if (law.weights().data() != buffer.weights.data()) {
    detail::copy(law.weights(), buffer.weights);
    detail::copy(law.ids(), buffer.ids);
  }
  for (std::size_t i = 0; i < buffer.weights.size(); ++i) {
    if (law.token(i) == token) buffer.weights[i] = 0.0F;
  }
  const double total = sum(detail::view(buffer.weights));
  if (!(total > 0.0)) return {};
  return law.kind() == law_view::form::dense ? law_view::dense(detail::view(buffer.weights), total)
                                             : law_view::sparse(detail::view(buffer.ids), detail::view(buffer.weights), total);
}

}  // namespace numeric
}  // namespace v0
}  // namespace proviso
