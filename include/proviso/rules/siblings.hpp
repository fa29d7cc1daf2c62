// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proviso/core/descent.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Recursive rejection from the root down: after a node, r = p; its children are tried in the order drawn, child x
/// stands with probability min(1, r(x) / q(x)), and a refusal replaces r by norm([r - q]+). If none stands, the
/// correction is drawn from r. Chains and trees; q is the law of each draw, so siblings with and without replacement
/// and pushed ones (points) may stand side by side.
/// Requirement: siblings keep the order of their draws.
/// Guarantee: exactly the target's law. Pushed siblings alone are accepted with the sum of their p, as under
/// `rules::match`; a chain as under `rules::token`.
/// Cost: one law per level that is reached and one for the token after the draft; one pass over the rows of p and q
/// per refused child.
/// Source: Miao et al., "SpecInfer", arXiv 2305.09781, section 4.3 (with replacement); Jeon et al., "Recursive
/// speculative decoding", arXiv 2402.14160 (without).
class siblings {
 public:
  static constexpr bool lossless = true;

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    return descend(d, p, random, path_, [&](node_id at) -> choice {
      law_view r = p(at);
      for (sibling x{d, at}; x; x.next()) {
        if (random.flip(r(x.token()), x.q()(x.token()), purpose::acceptance, x.node())) return {x.node()};
        const law_view rest = numeric::excess_of(1.0, r, 1.0, x.q(), residual_).law;
        r = rest ? rest : p(at);  // a refusal without residual mass is due to rounding
      }
      return {prefix_node, random.pick(r, purpose::residual, at)};
    });
  }

 private:
  detail::list<node_id> path_;
  law_buffer residual_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
