// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Draws one token from the target at every position and goes on as long as the draft holds it. Chains and trees;
/// laws of the draft are not read.
/// Guarantee: exactly the target's law for any drafter, and exactly the text of plain decoding with the same seed,
/// because the draw at a position has the key of plain decoding. Acceptance at a node is p(drafted tokens).
/// Cost: one law per accepted token and one more.
class match {
 public:
  static constexpr bool lossless = true;
  static constexpr bool prefers_likeliest = true;

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    return follow(d, path_, [&](node_id at) { return random.pick_token(p(at), d.next_position(at)); });
  }

 private:
  detail::list<node_id> path_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
