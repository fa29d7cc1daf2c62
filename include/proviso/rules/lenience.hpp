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

/// Lossy. Token verification that forgives: drafted x stands with probability min(1, p(x) / (l q(x))) for a lenience
/// l in (0, 1]; the correction is drawn from norm([p - l q]+). Chains only; a pushed token counts as the point law at
/// itself.
/// Deviation: with e = [p - l q]+ and M its sum, a token x is emitted with probability
/// (p(x) - e(x)) / l + e(x) (M - 1 + l) / (l M), at most p(x) / l. Reported is the total variation distance of this
/// law from p, at every position whose drafted token was tested. With l = 1 it is `rules::token`, lossless.
/// Errors: `std::invalid_argument` when l is outside (0, 1], and when the draft branches.
/// Cost: one law per tested token and one for the token after the draft; three passes over the rows of p and q per
/// tested token, for the deviation, and one at a refusal.
/// Source: Leviathan et al., arXiv 2211.17192, appendix A.5.
class lenience {
 public:
  static constexpr bool lossless = false;

  explicit lenience(double l) : l_{l} {
    if (!(l > 0.0 && l <= 1.0)) {
      throw std::invalid_argument("proviso: rules::lenience: l must be in (0, 1], got " + std::to_string(l));
    }
  }

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    double paid = 0.0;
    outcome o = descend(d, p, random, path_, [&](node_id at) -> choice {
      const node_id x = only_child(d, at, "rules::lenience");
      const law_view target = p(at);
      const law_view q = d.q(x);
      paid += distance(target, q);
      if (random.flip(target(d.token(x)), l_ * q(d.token(x)), purpose::acceptance, x)) return {x};
      const law_view rest = numeric::excess_of(1.0, target, l_, q, residual_).law;
      return {prefix_node, random.pick(rest ? rest : target, purpose::residual, at)};
    });
    o.deviation = paid;
    return o;
  }

 private:
  /// The sum of [p - out]+.
  double distance(const law_view& p, const law_view& q) {
    laws_.align(p, q);
    const double l = l_;
    const auto excess = [l](double a, double b) { return detail::positive(a - l * b); };
    const double mass = laws_.sum(excess);
    if (!(mass > 0.0)) return 0.0;
    const double rise = 1.0 / l - (mass - (1.0 - l)) / (l * mass);
    const double fall = 1.0 / l - 1.0;
    return laws_.sum([=](double a, double b) { return detail::positive(excess(a, b) * rise - a * fall); });
  }

  double l_;
  detail::list<node_id> path_;
  law_pair laws_;
  law_buffer residual_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
