// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <proviso/core/descent.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Verification from the leaves to the root. A node entered with probability a, and r = p after it, first offers its
/// children in the order drawn: child x is entered with min(1, a r(x) / q(x)), and if nothing below it stands,
///
///     a, r  <-  S / (S + 1 - a), norm([a r - q]+)      with S the sum of [a r - q]+.
///
/// Then the node itself stands with the a that is left, and the token after it is drawn from r. The root is entered
/// with 1 and always stands. Chains and trees; q is the law of each draw, so siblings with and without replacement
/// and pushed ones (points) may stand side by side.
/// Requirement: siblings keep the order of their draws.
/// Guarantee: exactly the target's law. Something in the subtree of a node stands with the probability that the node
/// was entered with. At least as many tokens are expected to stand as under `rules::siblings`; on a chain, exactly
/// as many as under `rules::block`.
/// Cost: one law per inner node that is entered (never below a node entered with 0) and one where the path ends; one
/// pass over the rows of p and q per child below which nothing stands. One residual row in memory per level that
/// branches.
/// Source: Weng et al., "Traversal verification for speculative tree decoding", arXiv 2505.12398.
class traversal {
 public:
  static constexpr bool lossless = true;

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    residuals_.extend(most_residuals(d));
    enter({d, p, random}, draft::root(), 1.0, 0);
    nodes_down_to(d, tip_, path_);
    return {detail::view(path_), next_, ending(d, tip_)};
  }

 private:
  struct round {
    const draft& d;
    const target_laws& p;
    random_ref random;
  };

  /// Whether something in the subtree of `v`, entered with probability `a`, stands; then `tip_` and `next_` say what.
  /// Residuals from `residuals_[level]` on are free.
  bool enter(const round& in, node_id v, double a, std::size_t level) {
    law_view r;  // empty as long as nothing was subtracted from p
    for (sibling x{in.d, v}; x && a > 0.0; x.next()) {
      const law_view target = r ? r : in.p(v);
      const double offered = a * target(x.token());
      const double drawn = x.q()(x.token());
      if (offered > 0.0 && enter(in, x.node(), offered < drawn ? offered / drawn : 1.0, r ? level + 1 : level)) {
        return true;
      }
      const numeric::excess left = numeric::excess_of(a, target, 1.0, x.q(), residual(level, target.size()));
      r = left.law;
      if (left.mass > 0.0 || a < 1.0) a = left.mass / (left.mass + 1.0 - a);  // else rounding: p again, a = 1
    }
    if (v != draft::root() && !(a > 0.0 && in.random.flip(a, 1.0, purpose::acceptance, v))) return false;
    tip_ = v;
    next_ = r ? in.random.pick(r, purpose::residual, v) : in.random.pick_token(in.p(v), in.d.next_position(v));
    return true;
  }

  /// Inner nodes hold a residual only while a later child is entered: at most one per level that branches, and one.
  static std::size_t most_residuals(const draft& d) noexcept {
    std::size_t most = 1;
    for (std::size_t i = 0; i < d.size() && !d.is_chain(); ++i) {
      const auto node = static_cast<node_id>(i);
      const node_id child = d.first_child(node);
      const bool branches = child != prefix_node && d.next_sibling(child) != prefix_node;
      if (branches && d.depth(node) + 2 > most) most = d.depth(node) + 2;
    }
    return most;
  }
  law_buffer& residual(std::size_t level, std::size_t size) {
    if (residuals_[level].wide.capacity() < size) {  // for all that are free: later rounds may hold more of them
      for (std::size_t i = level; i < residuals_.size(); ++i) residuals_[i].wide.reserve(size);
    }
    return residuals_[level];
  }

  detail::list<node_id> path_;
  detail::list<law_buffer> residuals_;
  node_id tip_ = draft::root();
  token_id next_ = 0;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
