// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>

#include <proviso/core/descent.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Pushed siblings and at most one drawn sibling x ~ q: x stands with probability min(1, p(x) / q(x)); else the token
/// is drawn from norm([p - q]+), from p when no sibling was drawn, and where it is a pushed sibling, verification
/// goes on below it. From the root down; chains and trees.
/// Requirement, for acceptance only: q has no mass on the pushed siblings S, as when S are the most probable tokens
/// of a drafter and q is its law without them. Then a sibling stands with probability p(S) + sum over x of
/// min(p(x), q(x)), the most that any rule can reach on such a draft.
/// Guarantee: exactly the target's law, whatever S and q.
/// Errors: `std::invalid_argument` when a node has more than one drawn child.
/// Cost: one law per level that is reached and one for the token after the draft; one pass over the rows of p and q
/// per level whose drawn sibling is refused.
/// Source: Hu et al., "Towards optimal multi-draft speculative decoding", arXiv 2502.18779; with one pushed sibling
/// Sun et al., "SpecHub", arXiv 2411.05289.
class greedy_hub {
 public:
  static constexpr bool lossless = true;

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    return descend(d, p, random, path_, [&](node_id at) -> choice {
      const law_view target = p(at);
      const node_id drawn = drawn_child(d, at);
      if (drawn == prefix_node) return settle(d, at, random.pick_token(target, d.next_position(at)));
      const law_view q = d.q(drawn);
      if (random.flip(target(d.token(drawn)), q(d.token(drawn)), purpose::acceptance, drawn)) return {drawn};
      return settle(d, at, random.pick(numeric::residual(target, q, residual_), purpose::residual, at));
    });
  }

 private:
  static choice settle(const draft& d, node_id at, token_id token) noexcept {
    return {find_child(d, at, token), token};
  }

  static node_id drawn_child(const draft& d, node_id at) {
    node_id drawn = prefix_node;
    for (node_id x = d.first_child(at); x != prefix_node; x = d.next_sibling(x)) {
      if (d.kind(x) != draft::role::sampled) continue;
      if (drawn != prefix_node) {
        throw std::invalid_argument(
            "proviso: rules::greedy_hub verifies at most one drawn sibling beside pushed ones; "
            "use rules::siblings or rules::traversal for more");
      }
      drawn = x;
    }
    return drawn;
  }

  detail::list<node_id> path_;
  law_buffer residual_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
