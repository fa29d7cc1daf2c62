// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stdexcept>

#include <proviso/core/descent.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/law_pair.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// K-SEQ: k siblings drawn independently from one law q are tried in order with one discount, which makes up for the
/// k chances that a token has. With b(rho) = sum over x of min(q, p / rho), the smallest valid rho in [1, k] solves
///
///     1 - (1 - b(rho))^k = rho b(rho),
///
/// child x stands with probability min(1, p(x) / (rho q(x))), and if none stands, the correction is drawn from
/// norm([p - rho q]+). From the root down; chains and trees.
/// Requirement: the children of a node come from one call of `draft::sample_siblings` with replacement; an only
/// child may be drawn or pushed in any way.
/// Guarantee: exactly the target's law. One of k siblings stands with probability 1 - (1 - b(rho))^k, at least
/// 1 - (1 - 1/k)^k times what any rule can reach; with k = 1 it is `rules::token`.
/// Errors: `std::invalid_argument` for other siblings.
/// Cost: one law per level that is reached and one for the token after the draft; per level with several children
/// a few passes over the rows of p and q (Newton's method, about five steps), and one more where all children are
/// refused.
/// Source: Sun et al., "SpecTr: fast speculative decoding via optimal transport", arXiv 2310.15141.
class k_seq {
 public:
  static constexpr bool lossless = true;

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    return descend(d, p, random, path_, [&](node_id at) -> choice {
      const law_view target = p(at);
      const node_id first = d.first_child(at);
      const law_view q = d.q(first);
      const double rho = discount(target, q, count(d, first));
      for (node_id x = first; x != prefix_node; x = d.next_sibling(x)) {
        const token_id drafted = d.token(x);
        if (random.flip(target(drafted), rho * q(drafted), purpose::acceptance, x)) return {x};
      }
      const law_view rest = numeric::excess_of(1.0, target, rho, q, residual_).law;
      return {prefix_node, random.pick(rest ? rest : target, purpose::residual, at)};
    });
  }

  /// The smallest valid rho for `count` siblings, to rounding.
  double discount(const law_view& p, const law_view& q, std::size_t count) {
    if (count == 1) return 1.0;
    // b(rho) is the least of q(A) + p(not A) / rho over all sets A, attained by the tokens with p >= rho q. So the
    // solution for the set of a rho that is too small is larger, yet not too large.
    laws_.align(p, q);
    for (double rho = 1.0;;) {
      const double ours = laws_.sum([rho](double a, double b) { return a >= rho * b ? b : 0.0; });
      const double theirs = laws_.sum([rho](double a, double b) { return a >= rho * b ? 0.0 : a; });
      const double larger = solution(ours, theirs, count);
      if (!(larger > rho)) return rho;
      rho = larger;
    }
  }

 private:
  /// The smallest rho in [1, count] with 1 - (1 - b)^count <= rho b for b = ours + theirs / rho, to rounding.
  static double solution(double ours, double theirs, std::size_t count) noexcept {
    const auto valid = [&](double rho) {
      double chances = 0.0;  // (1 - (1 - b)^count) / b
      for (std::size_t j = 0; j < count; ++j) chances = 1.0 + (1.0 - ours - theirs / rho) * chances;
      return chances <= rho;
    };
    double below = 1.0;
    double above = static_cast<double>(count);
    if (valid(below)) return below;
    for (;;) {
      const double rho = below + (above - below) / 2.0;
      if (!(below < rho && rho < above)) return above;
      (valid(rho) ? above : below) = rho;
    }
  }

  /// Number of siblings from `first` on.
  static std::size_t count(const draft& d, node_id first) {
    std::size_t found = 1;
    for (node_id x = d.next_sibling(first); x != prefix_node; x = d.next_sibling(x), ++found) {
      if (!independent(d, first) || !independent(d, x) || !same(d.q(first), d.q(x))) {
        throw std::invalid_argument(
            "proviso: rules::k_seq verifies siblings that one call of draft::sample_siblings drew with replacement; "
            "use rules::siblings or rules::traversal for others");
      }
    }
    return found;
  }
  static bool independent(const draft& d, node_id x) noexcept {
    return d.kind(x) == draft::role::sampled && d.drawn(x) == replacement::with;
  }
  /// Whether two recorded laws are one.
  static bool same(const law_view& a, const law_view& b) noexcept {
    if (a.is_point()) return b.is_point() && a.token(0) == b.token(0);
    return a.weights().data() == b.weights().data();
  }

  detail::list<node_id> path_;
  law_pair laws_;
  law_buffer residual_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
