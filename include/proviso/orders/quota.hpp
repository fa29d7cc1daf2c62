// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>

#include <proviso/core/canvas_step.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {
namespace orders {

/// By what masked positions are ranked.
enum class ranking : unsigned char {
  confidence,  ///< probability of the drawn token
  top,         ///< largest probability
  margin,      ///< largest probability less the second largest
  entropy,     ///< low entropy first
  random,      ///< uniformly
  spread       ///< in the order 0, 1/2, 1/4, 3/4, 1/8, ... of the window, its length rounded up to a power of two
};

/// How many positions a step fills.
enum class pace : unsigned char {
  even,     ///< total / steps each, the first total % steps steps one more
  schedule  ///< the masked positions times 1 - m_s / m_t, rounded down; all in the last step
};

/// Every step fills a fixed number of positions: those that rank highest, ties to the lowest position. With a
/// temperature > 0 they are drawn without replacement in proportion to exp(score / temperature).
///
/// Guarantee: a step fills exactly its quota, and the quotas sum to the number of masked positions. With exact
/// conditionals and one position per step the joint law is exact, unless positions are ranked by `confidence`: it looks
/// at the drawn tokens, keeps likely ones and draws the others again, so it sharpens the law, and the more so the more
/// steps there are. At temperature 0 it is the same as `top`. With `spread`, if the number of steps is a power of two
/// that divides a window of masks, the positions of a step are that many apart; else less, and some may be neighbours.
/// Cost: at most one evaluation per step; a step whose quota is 0 asks for none. Throws `std::invalid_argument` for a
/// negative temperature. Source: Nie et al. (LLaDA), arXiv 2502.09992, for `confidence` and `random` at an even pace;
/// Dream, arXiv 2508.15487, for `top`, `margin`, `entropy`, the schedule's pace and the temperature; `spread` after
/// Luxembourg et al., arXiv 2506.19037.
class quota {
 public:
  static constexpr bool scheduled = true;

  explicit quota(ranking by = ranking::confidence, double temperature = 0.0, pace speed = pace::even)
      : by_{by}, temperature_{temperature}, pace_{speed} {
    if (!(temperature >= 0.0)) throw std::invalid_argument("proviso: orders::quota: the temperature must be >= 0");
  }

  /// Positions to fill in the step.
  std::size_t count(const canvas_step& s) const {
    const canvas_plan& p = s.plan();
    if (p.step + 1 >= p.steps) return s.masked();
    if (pace_ == pace::schedule) return static_cast<std::size_t>(static_cast<double>(s.masked()) * (1.0 - p.stay));
    const std::size_t base = p.total / p.steps + static_cast<std::size_t>(p.step < p.total % p.steps);
    return base < s.masked() ? base : s.masked();
  }
  bool prepare(canvas_step& s) const { return count(s) > 0; }

  void operator()(canvas_step& s) const {
    const std::size_t fills = count(s);
    detail::list<double>& score = s.scores();
    for (std::size_t i = 0; i < s.masked(); ++i) score.push_back(rate(s, i));
    const std::span<const std::size_t> best = s.by_score();
    if (by_ != ranking::random && temperature_ == 0.0) {
      for (std::size_t n = 0; n < fills; ++n) s.fill(best[n]);
      return;
    }
    const double highest = score[best[0]];
    for (double& x : score)
      x = by_ == ranking::random
              ? 1.0
              : static_cast<double>(numeric::exp_nonpositive(static_cast<float>((x - highest) / temperature_)));
    for (std::size_t n = 0, next = 0; n < fills; ++n) {
      while (!s.state().masked(s.position(best[next]))) ++next;
      // Once the weights that are left have vanished, what is left follows in its order.
      const std::size_t i = numeric::sum(detail::view(score)) > 0.0 ? s.choose(detail::view(score), n) : best[next];
      score[i] = 0.0;
      s.fill(i);
    }
  }

 private:
  double rate(canvas_step& s, std::size_t i) const {
    switch (by_) {
      case ranking::confidence:
        return s.confidence(i);
      case ranking::top:
        return top(s.law(i));
      case ranking::margin:
        return numeric::margin(s.law(i));
      case ranking::entropy:
        return -numeric::entropy(s.law(i));
      case ranking::random:
        return 0.0;
      case ranking::spread:
        return -mirrored(s.position(i) - s.plan().begin);
    }
    return 0.0;
  }

  /// The binary digits of n behind the point, in reverse: 0, 1/2, 1/4, 3/4, 1/8, 5/8, ... for 0, 1, 2, 3, 4, 5.
  static double mirrored(std::size_t n) {
    double x = 0.0;
    for (double digit = 0.5; n != 0; n /= 2, digit /= 2) x += digit * static_cast<double>(n % 2);
    return x;
  }

  static double top(const law_view& p) { return p(p.argmax()); }

  ranking by_;
  double temperature_;
  pace pace_;
};

}  // namespace orders
}  // namespace v0
}  // namespace proviso
