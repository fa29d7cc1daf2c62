// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/core/descent.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/law_pair.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Lossy, for vocabularies whose tokens have near equals (image tokens). Drafted x borrows the probability of its
/// nearest neighbours, N(x): as many of its list as sum up to `delta` at most. It stands with probability
/// min(1, (p(x) + p(N(x))) / q(x)); else the correction is drawn from norm([p - q]+) without N(x). A token with
/// p(x) = 0 borrows nothing and never stands. Chains only; a pushed token counts as the point law at itself.
/// Shape: `table` lists `per_token` neighbours for every token of the vocabulary, nearest first, row after row; tokens
/// behind the table have none.
/// Deviation: the total variation distance from p of the law emitted, at every position whose drafted token was
/// tested. It may exceed `delta`, which bounds what one token borrows. With delta = 0, or no neighbours, it is
/// `rules::token`, lossless.
/// Errors: `std::invalid_argument` when the table has another shape, names a token outside it, a token as its own
/// neighbour or a neighbour twice, when delta is outside [0, 1], and when the draft branches.
/// Cost: one law per tested token and one for the token after the draft; per tested token, for the deviation,
/// `per_token` look-ups for every token with q > 0 and two passes over the rows of p and q.
/// Source: Jang et al., "LANTERN", arXiv 2410.03355.
class neighbours {
 public:
  static constexpr bool lossless = false;

  neighbours(const std::vector<token_id>& table, std::size_t per_token, double delta)
      : per_token_{per_token}, delta_{delta} {
    detail::copy(detail::view(table), table_);
    if (!(delta >= 0.0 && delta <= 1.0)) fail("delta must be in [0, 1], got " + std::to_string(delta));
    if (per_token == 0 ? !table_.empty() : table_.size() % per_token != 0) {
      fail("a table of " + std::to_string(table_.size()) + " tokens does not hold " + std::to_string(per_token) +
           " neighbours per token");
    }
    check_lists();
  }

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    double paid = 0.0;
    outcome o = descend(d, p, random, path_, [&](node_id at) -> choice {
      const node_id x = only_child(d, at, "rules::neighbours");
      const law_view target = p(at);
      const law_view q = d.q(x);
      laws_.align(target, q);
      paid += distance(target, q);
      const loan lent = borrow(target, d.token(x));
      if (random.flip(target(d.token(x)) + lent.mass, q(d.token(x)), purpose::acceptance, x)) return {x};
      return {prefix_node, random.pick(correction(target, q, lent), purpose::residual, at)};
    });
    o.deviation = paid;
    return o;
  }

 private:
  struct loan {
    std::span<const token_id> from;
    double mass = 0.0;
  };

  [[noreturn]] static void fail(const std::string& what) {
    throw std::invalid_argument("proviso: rules::neighbours: " + what);
  }
  void check_lists() const {
    const std::size_t vocab = per_token_ == 0 ? 0 : table_.size() / per_token_;
    detail::list<std::size_t> named_by(vocab, vocab);
    for (std::size_t i = 0; i < table_.size(); ++i) {
      const std::size_t x = i / per_token_;
      const auto y = static_cast<std::size_t>(table_[i]);
      if (y >= vocab || y == x || named_by[y] == x) {
        fail("neighbour " + std::to_string(i % per_token_) + " of token " + std::to_string(x) + " is " +
             std::to_string(table_[i]) + ": it must be another token below " + std::to_string(vocab) +
             " that is named once");
      }
      named_by[y] = x;
    }
  }

  /// p(x), from `laws_`.
  double probability(const law_view& p, token_id x) const noexcept {
    const std::size_t i = p.find(x);
    return i < p.size() ? laws_.p()[i] : 0.0;
  }
  loan borrow(const law_view& p, token_id x) const noexcept {
    const std::size_t first = static_cast<std::size_t>(x) * per_token_;
    if (first >= table_.size() || !(probability(p, x) > 0.0)) return {};
    double mass = 0.0;
    std::size_t count = 0;
    for (; count < per_token_; ++count) {
      const double more = mass + probability(p, table_[first + count]);
      if (more > delta_) break;
      mass = more;
    }
    return {detail::view(table_).subspan(first, count), mass};
  }

  law_view correction(const law_view& p, const law_view& q, const loan& lent) {
    const law_view rest = numeric::excess_of(1.0, p, 1.0, q, residual_).law;
    if (!rest || rest.is_point()) return p;
    for (const token_id y : lent.from) {
      if (const std::size_t i = rest.find(y); i < rest.size()) residual_.wide[i] = 0.0;
    }
    const std::span<const double> weights = detail::view(residual_.wide);
    const double mass = numeric::sum(weights);
    if (!(mass > 0.0)) return p;  // rounding
    return rest.is_dense() ? law_view::dense(weights, mass) : law_view::sparse(rest.ids(), weights, mass);
  }

  /// The sum of [p - out]+. Where p <= q, out is at least p. Elsewhere out = q + (p - q) s, where s sums the
  /// probability of a refusal at x over the mass of its correction, for all x that do not borrow from there.
  double distance(const law_view& p, const law_view& q) {
    const auto excess = [](double a, double b) { return detail::positive(a - b); };
    const double above = laws_.sum(excess);
    lenders_.assign(p.size(), 0.0);
    double all = 0.0;
    for (std::size_t j = 0; j < q.size(); ++j) {
      const double drawn = q.weight(j) / q.total();
      const loan lent = drawn > 0.0 ? borrow(p, q.token(j)) : loan{};
      const double refused = drawn - probability(p, q.token(j)) - lent.mass;
      if (!(refused > 0.0)) continue;
      double mass = above;
      for (const token_id y : lent.from) {
        if (const std::size_t i = p.find(y); i < p.size()) mass -= excess(laws_.p()[i], laws_.q()[i]);
      }
      const double scale = refused < mass ? refused / mass : 1.0;  // at most 1 but for rounding
      for (const token_id y : lent.from) {
        if (const std::size_t i = p.find(y); i < p.size()) lenders_[i] += scale;
      }
      all += scale;
    }
    double sum = 0.0;
    for (std::size_t i = 0; i < lenders_.size(); ++i) {
      sum += excess(laws_.p()[i], laws_.q()[i]) * detail::positive(1.0 - (all - lenders_[i]));
    }
    return sum;
  }

  detail::list<token_id> table_;
  std::size_t per_token_;
  double delta_;
  detail::list<node_id> path_;
  law_pair laws_;  // of the position
  detail::list<double> lenders_;
  law_buffer residual_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
