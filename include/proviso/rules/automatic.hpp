// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <proviso/core/outcome.hpp>
#include <proviso/rules/block.hpp>
#include <proviso/rules/greedy_hub.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/traversal.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Chooses the rule for each draft: `match` when no token was drawn from a recorded law (the text is then that of
/// plain decoding), `greedy_hub` when the first drawn token has pushed siblings only and its law gives them nothing,
/// else `block` on a chain and `traversal` on a tree.
///
/// The choice is a function of what was known before the first draw: of pushed tokens and of laws, never of the value
/// of a drawn token. Anything else would bias the text, since the drafts that a rule gets would no longer have the
/// law that it corrects. (`block` and `traversal` decide alike on chains, so which of the two runs is no choice.)
/// Guarantee: exactly the target's law, for any draft that is legal for `draft::sample`.
/// Errors: `std::invalid_argument` from `greedy_hub` when another node of the draft has several drawn children; name
/// `rules::traversal` for such a drafter.
/// Cost: that of the rule, and a look at the draft's nodes.
class automatic {
 public:
  static constexpr bool lossless = true;

  enum class choice : unsigned char { match, block, traversal, greedy_hub };

  /// The rule for `d`.
  static choice choose(const draft& d) noexcept {
    node_id drawn = draft::root();
    for (std::size_t i = 1; i < d.size() && drawn == draft::root(); ++i) {
      if (d.kind(static_cast<node_id>(i)) == draft::role::sampled) drawn = static_cast<node_id>(i);
    }
    if (drawn == draft::root()) return choice::match;
    if (is_hub(d, drawn)) return choice::greedy_hub;
    return d.is_chain() ? choice::block : choice::traversal;
  }

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    if (d.proposed() == 0) {
      return {{}, random.pick_token(p(draft::root()), d.next_position(draft::root())), origin::fresh};
    }
    switch (choose(d)) {
      case choice::match:
        return match_(d, p, random);
      case choice::block:
        return block_(d, p, random);
      case choice::greedy_hub:
        return greedy_hub_(d, p, random);
      case choice::traversal:
        break;
    }
    return traversal_(d, p, random);
  }

 private:
  /// Whether `drawn` has siblings, and all of them are pushed tokens that its law leaves out.
  static bool is_hub(const draft& d, node_id drawn) noexcept {
    const law_view q = d.q(drawn);
    std::size_t pushed = 0;
    for (node_id x = d.first_child(d.parent(drawn)); x != prefix_node; x = d.next_sibling(x)) {
      if (x == drawn) continue;
      if (d.kind(x) != draft::role::pushed || q(d.token(x)) > 0.0) return false;
      ++pushed;
    }
    return pushed > 0;
  }

  match match_;
  block block_;
  traversal traversal_;
  greedy_hub greedy_hub_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
