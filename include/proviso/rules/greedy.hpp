// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Follows the target's most probable token: a drafted token stands when it is the argmax (lowest id on ties).
/// Chains and trees; laws of the draft are not read.
/// Guarantee: the text of greedy decoding, for any drafter. At a temperature above 0 it is still greedy.
/// Cost: one law per accepted token and one more.
class greedy {
 public:
  static constexpr bool lossless = true;

  outcome operator()(const draft& d, const target_laws& p, random_ref) {
    return follow(d, path_, [&](node_id at) { return p(at).argmax(); });
  }

 private:
  detail::list<node_id> path_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
