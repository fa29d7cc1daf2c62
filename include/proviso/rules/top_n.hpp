// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include <proviso/core/descent.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Lossy. Relaxed acceptance: a drafted token stands when it is among the `n` most probable tokens (lowest ids first
/// on ties), its probability is not 0 and at most `margin` below the largest one, and every token before it stands.
/// Of several paths the longest is kept, the first one of equal length; the token after it is drawn from p. Chains
/// and trees; laws of the draft are not read.
/// Deviation: given the draft, a kept token has the point law at itself, which is 1 - p(x) away from p; summed over
/// the tokens kept. With n = 0 nothing stands and the rule is lossless. At temperature 0 it is `rules::greedy`.
/// Errors: `std::invalid_argument` when margin is outside [0, 1].
/// Cost: one law per node that stands and has children, and two passes over it per child at most.
/// Source: relaxed acceptance of TensorRT-LLM (documentation of its multi-token prediction).
class top_n {
 public:
  static constexpr bool lossless = false;

  explicit top_n(std::size_t n, double margin = 1.0) : n_{n}, margin_{margin} {
    if (!(margin >= 0.0 && margin <= 1.0)) {
      throw std::invalid_argument("proviso: rules::top_n: margin must be in [0, 1], got " + std::to_string(margin));
    }
  }

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    return keep_deepest(d, p, random, path_, [&](node_id at) {
      const law_view law = p(at);
      const double least = n_ == 0 ? 1.0 : law(law.argmax()) - margin_;
      return [this, law, least](token_id x) { return law(x) > 0.0 && law(x) >= least && before(law, x) < n_; };
    });
  }

 private:
  /// Number of tokens before `x` in the order of probability.
  static std::size_t before(const law_view& law, token_id x) noexcept {
    const std::size_t at = law.find(x);
    std::size_t count = 0;
    for (std::size_t i = 0; i < law.size(); ++i) {
      count += law.weight(i) > law.weight(at) || (law.weight(i) == law.weight(at) && i < at) ? 1U : 0U;
    }
    return count;
  }

  std::size_t n_;
  double margin_;
  detail::list<node_id> path_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
