// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include <proviso/core/law.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {
namespace numeric {

namespace loops {

template <class Weight>
token_id inverse_cdf(const law_view& law, std::span<const Weight> w, double target) noexcept {
  constexpr std::size_t block = 256;
  std::size_t last_positive = 0;
  for (std::size_t begin = 0; begin < w.size(); begin += block) {
    const std::size_t size = w.size() - begin < block ? w.size() - begin : block;
    const double mass = sum(w.subspan(begin, size));
    if (target < mass) {
      double running = 0.0;
      for (std::size_t i = begin; i < begin + size; ++i) {
        if (!(w[i] > Weight{})) continue;
        last_positive = i;
        running += static_cast<double>(w[i]);
        if (target < running) break;
      }
      return law.token(last_positive);
    }
    target -= mass;
    if (mass > 0.0) {
      std::size_t i = begin + size - 1;
      while (!(w[i] > Weight{})) --i;
      last_positive = i;
    }
  }
  return law.token(last_positive);
}

template <class Weight>
void scaled(std::span<const Weight> w, double scale, double* to) noexcept {
  for (std::size_t i = 0; i < w.size(); ++i) to[i] = static_cast<double>(w[i]) * scale;
}

/// to[i] = [to[i] - scale * w[i]]+
template <class Weight>
void subtract(std::span<const Weight> w, double scale, double* to) noexcept {
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double rest = to[i] - static_cast<double>(w[i]) * scale;
    to[i] = rest > 0.0 ? rest : 0.0;
  }
}

}  // namespace loops

/// The entry at which the running sum of the weights first exceeds `u * total`, for u in [0, 1): inverse transform
/// sampling. Never an entry of weight 0. Cost: one pass over block sums, one over a block.
inline token_id inverse_cdf(const law_view& law, double u) noexcept {
  if (law.is_point()) return law.token(0);
  const double target = u * law.total();
  return law.is_wide() ? loops::inverse_cdf(law, law.wide_weights(), target)
                       : loops::inverse_cdf(law, law.weights(), target);
}

/// What of a law exceeds another: weights [keep p(x) - share q(x)]+, which are not normalised, and their sum. The law
/// is empty when no mass is left.
struct excess {
  law_view law;
  double mass = 0.0;
};

/// The excess of `keep * p` over `share * q`, in double in `buffer.wide`. Its support lies in that of `p`; the ids of
/// a sparse `p` are not copied. An empty `q` takes nothing away; `p` may itself lie in `buffer.wide`.
/// Cost: one pass over the entries of both.
inline excess excess_of(double keep, const law_view& p, double share, const law_view& q, law_buffer& buffer) {
  if (p.is_point()) {
    const double left = keep - share * q(p.token(0));
    return left > 0.0 ? excess{p, left} : excess{};
  }
  buffer.wide.resize(p.size());
  double* const rest = buffer.wide.data();
  const double scale = keep / p.total();
  if (p.is_wide()) {
    loops::scaled(p.wide_weights(), scale, rest);
  } else {
    loops::scaled(p.weights(), scale, rest);
  }
  if (q) {
    const double take = share / q.total();
    if (q.is_dense() && p.is_dense()) {
      const std::size_t both = p.size() < q.size() ? p.size() : q.size();
      if (q.is_wide()) {
        loops::subtract(q.wide_weights().first(both), take, rest);
      } else {
        loops::subtract(q.weights().first(both), take, rest);
      }
    } else if (q.is_dense()) {
      for (std::size_t i = 0; i < p.size(); ++i) {
        const double left = rest[i] - share * q(p.token(i));
        rest[i] = left > 0.0 ? left : 0.0;
      }
    } else {
      for (std::size_t j = 0; j < q.size(); ++j) {
        const std::size_t i = p.find(q.token(j));
        if (i == p.size()) continue;
        const double left = rest[i] - q.weight(j) * take;
        rest[i] = left > 0.0 ? left : 0.0;
      }
    }
  }
  const std::span<const double> weights = detail::view(buffer.wide);
  const double mass = sum(weights);
  if (!(mass > 0.0)) return {};
  return {p.is_dense() ? law_view::dense(weights, mass) : law_view::sparse(p.ids(), weights, mass), mass};
}

/// The residual law norm([p - q]+). When rounding leaves no mass, `p` itself (verification by u*q < p refuses with
/// positive probability only if mass remains). For a point `q` this is `p` without that token.
inline law_view residual(const law_view& p, const law_view& q, law_buffer& buffer) {
  const law_view rest = excess_of(1.0, p, 1.0, q, buffer).law;
  return rest ? rest : p;
}

/// sum over x of min(p(x), q(x)): the largest probability with which draws from `p` and `q` can be equal.
/// Cost: one pass over the entries of `p`.
inline double overlap(const law_view& p, const law_view& q) noexcept {
  double both = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double a = p.weight(i) / p.total();
    const double b = q(p.token(i));
    both += a < b ? a : b;
  }
  return both;
}

/// `law` without `token`, in `buffer`; an empty law when nothing remains. `law` has float weights, which may already
/// lie in `buffer`. Cost: one pass over the entries.
inline law_view without(const law_view& law, token_id token, law_buffer& buffer) {
  if (law.is_point()) return law.token(0) == token ? law_view{} : law;
  if (law.weights().data() != buffer.weights.data()) {
    detail::copy(law.weights(), buffer.weights);
    detail::copy(law.ids(), buffer.ids);
  }
  const std::size_t size = law.size();
  if (const std::size_t i = law.find(token); i < size) buffer.weights[i] = 0.0F;
  const std::span<const float> weights{buffer.weights.data(), size};
  const double total = sum(weights);
  if (!(total > 0.0)) return {};
  return law.is_dense() ? law_view::dense(weights, total) : law_view::sparse({buffer.ids.data(), size}, weights, total);
}

}  // namespace numeric
}  // namespace v0
}  // namespace proviso
