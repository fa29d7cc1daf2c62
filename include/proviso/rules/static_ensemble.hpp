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

/// Lossy for the target, lossless for a mixture: drafted x is verified against v = w p + (1 - w) q, so it stands with
/// probability min(1, v(x) / q(x)); the correction is drawn from norm([v - q]+), which is norm([p - q]+). Positions
/// without a drafted token have the law p. Tokens with p(x) = 0 never stand; what v has there goes to the correction.
/// Chains only; a pushed token counts as the point law at itself.
/// Deviation: (1 - w) times the sum of [q - p]+ over tokens with p > 0, at every position whose drafted token was
/// tested; where p and q have one support, (1 - w) times their total variation distance. With w = 1 it is
/// `rules::token`, lossless.
/// Errors: `std::invalid_argument` when w is outside [0, 1], and when the draft branches.
/// Cost: one law per tested token and one for the token after the draft; two passes over the rows of p and q per
/// tested token, for the deviation, and one at a refusal.
/// Source: the static ensemble of "DIVERSED", arXiv 2604.07622; mixtures also in Fu et al., arXiv 2502.01662.
class static_ensemble {
 public:
  static constexpr bool lossless = false;

  explicit static_ensemble(double w) : w_{w} {
    if (!(w >= 0.0 && w <= 1.0)) {
      throw std::invalid_argument("proviso: rules::static_ensemble: w must be in [0, 1], got " + std::to_string(w));
    }
  }

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    double paid = 0.0;
    outcome o = descend(d, p, random, path_, [&](node_id at) -> choice {
      const node_id x = only_child(d, at, "rules::static_ensemble");
      const law_view target = p(at);
      const law_view q = d.q(x);
      paid += (1.0 - w_) * surplus(target, q);
      const double px = target(d.token(x));
      const double qx = q(d.token(x));
      if (random.flip(px > 0.0 ? w_ * px + (1.0 - w_) * qx : 0.0, qx, purpose::acceptance, x)) return {x};
      return {prefix_node, random.pick(numeric::residual(target, q, residual_), purpose::residual, at)};
    });
    o.deviation = paid;
    return o;
  }

 private:
  /// The sum of [q - p]+ over tokens with p > 0.
  double surplus(const law_view& p, const law_view& q) {
    laws_.align(p, q);
    return laws_.sum([](double a, double b) { return static_cast<double>(a > 0.0) * detail::positive(b - a); });
  }

  double w_;
  detail::list<node_id> path_;
  law_pair laws_;
  law_buffer residual_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
