// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

#include <proviso/core/descent.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/law_pair.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Lossy. One coin u in [0, 1) against the siblings' summed probability: of x_1, x_2, .. the first stands for which
/// u < (p(x_1) + .. + p(x_j)) / accumulated or p(x_j) >= single; if none, the correction is drawn from p without them.
/// From the root down; chains and trees; laws of the draft are not read, a repeated sibling counts once.
/// Deviation: the total variation distance from p of the law emitted, given the siblings; summed over the positions
/// that had drafted children. A sibling that comes late can be emitted less often than p has it, even never. With
/// single = accumulated = 1 the rule is lossless (for any drafter, as `rules::match`).
/// Errors: `std::invalid_argument` when a threshold is outside (0, 1].
/// Cost: one law per level that is reached and one for the token after the draft; one pass over the row per sibling
/// where all are refused.
/// Source: the thresholds of SGLang's verification (speculative_accept_threshold_single and _acc).
class thresholds {
 public:
  static constexpr bool lossless = false;

  thresholds(double single, double accumulated) : single_{single}, accumulated_{accumulated} {
    check(single, "single");
    check(accumulated, "accumulated");
  }

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    double paid = 0.0;
    outcome o = descend(d, p, random, path_, [&](node_id at) -> choice {
      const law_view target = p(at);
      node_id stands = prefix_node;
      double refused = 1.0;  // probability that all siblings so far are
      double held = 0.0;     // what the target has on them
      for (node_id x = d.first_child(at); x != prefix_node; x = d.next_sibling(x)) {
        const double px = find_child(d, at, d.token(x)) == x ? target(d.token(x)) : 0.0;
        const double open = accumulated_ - held;  // of the coin, scaled by `accumulated`
        const double chance = px >= single_ || px >= open ? 1.0 : px / open;
        if (stands == prefix_node && px > 0.0 && random.flip(chance, 1.0, purpose::acceptance, x)) stands = x;
        paid += detail::positive(px - refused * chance);
        refused *= 1.0 - chance;
        held += px;
      }
      paid += detail::positive(1.0 - held - refused);
      if (stands != prefix_node) return {stands};
      return {prefix_node, random.pick(without_children(d, at, target), purpose::residual, at)};
    });
    o.deviation = paid;
    return o;
  }

 private:
  static void check(double threshold, const char* name) {
    if (!(threshold > 0.0 && threshold <= 1.0)) {
      throw std::invalid_argument("proviso: rules::thresholds: " + std::string{name} + " must be in (0, 1], got " +
                                  std::to_string(threshold));
    }
  }
  law_view without_children(const draft& d, node_id at, const law_view& target) {
    law_view rest = target;
    for (node_id x = d.first_child(at); x != prefix_node && rest; x = d.next_sibling(x)) {
      rest = numeric::excess_of(1.0, rest, 1.0, law_view::point(d.token(x)), residual_).law;
    }
    return rest ? rest : target;  // rounding: the siblings hold all of p
  }

  double single_;
  double accumulated_;
  detail::list<node_id> path_;
  law_buffer residual_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
