// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <proviso/core/outcome.hpp>
#include <proviso/core/view.hpp>

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
    path_.clear();
    path_.reserve(d.expected_size());
    node_id at = draft::root();
    for (;;) {
      const token_id best = p(at).argmax();
      const node_id child = find_child(d, at, best);
      if (child == prefix_node) {
        return {detail::view(path_), best, ending(d, at)};
      }
      path_.push_back(at = child);
    }
  }

 private:
  std::vector<node_id> path_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
