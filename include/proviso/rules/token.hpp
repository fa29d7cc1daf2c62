// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>

#include <proviso/core/law_math.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Token verification: drafted x stands with probability min(1, p(x) / q(x)); at the first refusal the correction is
/// drawn from norm([p - q]+), after a fully accepted draft the next token is drawn from p. Chains only; a pushed
/// token counts as the point law at itself.
/// Guarantee: exactly the target's law.
/// Errors: `std::invalid_argument` when the draft branches.
/// Cost: one law per tested token and one pass over the row of the refusal.
/// Source: Leviathan et al., arXiv 2211.17192, algorithm 1; Chen et al., arXiv 2302.01318, algorithm 2.
class token {
 public:
  static constexpr bool lossless = true;

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    path_.clear();
    path_.reserve(d.expected_size());
    node_id at = draft::root();
    for (node_id x = d.first_child(at); x != prefix_node; x = d.first_child(at)) {
      if (d.next_sibling(x) != prefix_node) {
        throw std::invalid_argument("proviso: rules::token verifies chains, but the draft branches");
      }
      const law_view target = p(at);
      const law_view q = d.q(x);
      const token_id drafted = d.token(x);
      if (!random.flip(target(drafted), q(drafted), purpose::acceptance, x)) {
        return {detail::view(path_), random.pick(numeric::residual(target, q, residual_), purpose::residual, x),
                origin::corrected};
      }
      path_.push_back(at = x);
    }
    return {detail::view(path_), random.pick_token(p(at), d.next_position(at)), ending(d, at)};
  }

 private:
  detail::list<node_id> path_;
  law_buffer residual_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
