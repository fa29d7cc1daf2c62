// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include <proviso/core/law.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// The tokens that `q` can draw, by ascending p / q: those that it proposes too often first. Keeps its memory.
class ratio_order {
 public:
  struct entry {
    double ratio;       ///< weight in `p` by weight in `q`: p / q but for a factor
    std::size_t index;  ///< entry of `q`
    /// Lowest index first among equals.
    bool before(const entry& other) const noexcept {
      return ratio < other.ratio || (!(other.ratio < ratio) && index < other.index);
    }
  };

  /// Entry `i` of `q`, of positive weight.
  static entry at(const law_view& p, const law_view& q, std::size_t i) noexcept {
    const std::size_t j = p.find(q.token(i));
    return {j < p.size() ? p.weight(j) / q.weight(i) : 0.0, i};
  }

  /// Valid until the next call. Cost: O(V), V the entries of `q`: a radix sort.
  const detail::list<entry>& operator()(const law_view& p, const law_view& q) {
    entries_.clear();
    entries_.reserve(q.size());
    for (std::size_t i = 0; i < q.size(); ++i) {
      if (q.weight(i) > 0.0) entries_.push_back(at(p, q, i));
    }
    sorted_.resize(entries_.size());
    counts_.resize(digits);
    entry* from = entries_.begin();
    entry* to = sorted_.begin();
    const std::size_t size = entries_.size();
    for (unsigned shift = 0; shift < 64; shift += bits) {
      for (std::size_t& count : counts_) count = 0;
      for (std::size_t i = 0; i < size; ++i) ++counts_[digit(from[i], shift)];
      if (size == 0 || counts_[digit(from[0], shift)] == size) continue;
      std::size_t begin = 0;
      for (std::size_t& count : counts_) {
        const std::size_t here = count;
        count = begin;
        begin += here;
      }
      for (std::size_t i = 0; i < size; ++i) to[counts_[digit(from[i], shift)]++] = from[i];
      entry* const sorted = to;
      to = from;
      from = sorted;
    }
    if (from != entries_.begin()) entries_.swap(sorted_);
    return entries_;
  }

 private:
  static constexpr unsigned bits = 11;
  static constexpr std::size_t digits = std::size_t{1} << bits;

  /// Ratios are not negative, so their bits order as they do.
  static std::size_t digit(const entry& e, unsigned shift) noexcept {
    return static_cast<std::size_t>(std::bit_cast<std::uint64_t>(e.ratio) >> shift) & (digits - 1);
  }

  detail::list<entry> entries_;
  detail::list<entry> sorted_;
  detail::list<std::size_t> counts_;
};

/// The largest probability with which any rule can keep one of `k` siblings drawn independently from `q`, exactly in
/// the target's law `p`: 1 + the minimum over sets A of p(A) - q(A)^k, attained by the first tokens in the order of
/// p / q. With k = 1 it is the sum of min(p, q).
/// Cost: O(k V). Source: Hu et al., "Towards optimal multi-draft speculative decoding", arXiv 2502.18779.
inline double optimal_acceptance(const law_view& p, const law_view& q, std::size_t k) {
  if (k == 0) return 0.0;
  ratio_order order;
  double least = 0.0;  // of the empty set
  double in_p = 0.0;
  double in_q = 0.0;
  for (const ratio_order::entry& e : order(p, q)) {
    in_p += p(q.token(e.index));
    in_q += q.weight(e.index) / q.total();
    double all = 1.0;
    for (std::size_t i = 0; i < k; ++i) all *= in_q;
    least = in_p - all < least ? in_p - all : least;
  }
  return 1.0 + least;
}

/// The probability that races of `p` and `q` on the same noise pick the same token, which is how often
/// `rules::coupled` keeps a drafted token: the sum over x of 1 / sum over y of max(p(y) / p(x), q(y) / q(x)).
/// Cost: O(V). Source: Daliri, Musco, Suresh, arXiv 2408.07978.
inline double coupled_acceptance(const law_view& p, const law_view& q) {
  // max(p(y) / p(x), q(y) / q(x)) is the former for the tokens y that do not come before x in the order of p / q
  ratio_order order;
  double equal = 0.0;
  double p_before = 0.0;
  double q_before = 0.0;
  for (const ratio_order::entry& e : order(p, q)) {
    const double p_x = p(q.token(e.index));
    const double q_x = q.weight(e.index) / q.total();
    const double p_rest = 1.0 - p_before > p_x ? 1.0 - p_before : p_x;
    if (p_x > 0.0) equal += 1.0 / (p_rest / p_x + q_before / q_x);
    p_before += p_x;
    q_before += q_x;
  }
  return equal;
}

/// Expected number of accepted tokens of a draft of `length` under `rules::token` when every token is accepted with
/// probability `alpha`, whatever came before: alpha + alpha^2 + .. + alpha^length. One more token is emitted.
/// Cost: O(length). Source: Leviathan et al., arXiv 2211.17192, equation 1.
inline double expected_token_length(double alpha, std::size_t length) noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < length; ++i) sum = alpha * (1.0 + sum);
  return sum;
}

/// Expected number of accepted tokens of a chain under `rules::block`, the sum of E[P_i], when the laws of the i-th
/// token are `p[i]` and `q[i]` whatever was drafted before it. P_i is followed on `points` + 1 values with linear
/// interpolation between them: the result is a lower bound, short by K^2 / (8 points) at most for K tokens.
/// Errors: `std::invalid_argument` when there are not as many `p` as `q`, or no points.
/// Cost: O(K V points), V the entries of a q. Source: Sun et al., arXiv 2403.10444.
inline double expected_block_length(std::span<const law_view> p, std::span<const law_view> q,
                                    std::size_t points = 1024) {
  if (p.size() != q.size() || points == 0) {
    throw std::invalid_argument("proviso: expected_block_length: needs as many laws of the target (" +
                                std::to_string(p.size()) + ") as of the draft (" + std::to_string(q.size()) +
                                ") and at least one point");
  }
  // below[j]: tokens accepted from token i on when P before it is j / points; concave, so that chords lie below it
  const double step = 1.0 / static_cast<double>(points);
  detail::list<double> below(points + 1, 0.0);
  detail::list<double> here(points + 1, 0.0);
  for (std::size_t i = p.size(); i-- > 0;) {
    for (double& value : here) value = 0.0;
    for (std::size_t t = 0; t < q[i].size(); ++t) {
      const double drawn = q[i].weight(t) / q[i].total();
      const double ratio = drawn > 0.0 ? p[i](q[i].token(t)) / drawn : 0.0;
      for (std::size_t j = i == 0 ? points : 0; j <= points; ++j) {
        const double joint = static_cast<double>(j) * step * ratio;
        const double cap = joint < 1.0 ? joint : 1.0;
        const double place = cap * static_cast<double>(points);
        const std::size_t left = place < static_cast<double>(points) ? static_cast<std::size_t>(place) : points - 1;
        const double part = place - static_cast<double>(left);
        here[j] += drawn * (cap + below[left] + part * (below[left + 1] - below[left]));
      }
    }
    below.swap(here);
  }
  return below[points];
}

}  // namespace rules
}  // namespace v0
}  // namespace proviso
