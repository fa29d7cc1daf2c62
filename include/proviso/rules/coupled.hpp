// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Target and drafter race for the token at a position on the same noise; a drafted token stands when the target's
/// race picks it, too. Chains and trees; no law of the draft is stored or read.
/// Requirement for acceptance, not for exactness: the drafter draws through `context::sample`.
/// Guarantee: exactly the target's law for any drafter, and exactly the text of `autoregressive{target, transform,
/// draw::race}` with the same seed. A token stands with probability sum over x of 1 / sum over y of
/// max(p(y) / p(x), q(y) / q(x)), which is at least (1 - d) / (1 + d) for laws of total variation distance d.
/// Cost: one law and one race per accepted token and one more.
/// Source: Daliri, Musco, Suresh, "Coupling without communication and drafter-invariant speculative decoding",
/// arXiv 2408.07978, section 4.
class coupled {
 public:
  static constexpr bool lossless = true;
  static constexpr bool shares_noise = true;

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    return follow(d, path_, [&](node_id at) { return random.pick_token(p(at), d.next_position(at), draw::race); });
  }

 private:
  detail::list<node_id> path_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
