// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <proviso/core/statistics.hpp>

namespace cli {

/// Share of the verified tokens that stood; `acceptance_rate` also counts drafted tokens behind a refusal.
inline double acceptance_of_verified(const proviso::statistics& s) {
  const auto verified = static_cast<double>(s.accepted + s.corrected);
  return verified > 0.0 ? static_cast<double>(s.accepted) / verified : 0.0;
}

/// How much faster than calling every model for every token `ensemble` is, when a verified token stands with
/// probability `acceptance`, an evaluation of `width` tokens by model `i` costs `cost(i, width)`, and nothing else
/// costs anything. Where the width does not matter, it is for two models the formula of docs/decode/ensemble.md, and
/// for more of lengths 1 the other one there.
template <class Cost>
double predicted_ensemble(const Cost& cost_of, std::span<const std::size_t> lengths, double acceptance) {
  std::vector<std::size_t> scored(lengths.size(), 0);
  std::size_t proposed = 0;
  std::size_t verified = 0;
  double reach = 1.0;  // probability that nothing was refused so far in the cycle
  double cost = 0.0;
  double tokens = 0.0;
  while (reach > 1e-12 && verified < 10000) {
    const auto turn = static_cast<std::size_t>(std::min_element(scored.begin(), scored.end()) - scored.begin());
    for (std::size_t k = 0; k < lengths[turn]; ++k) {
      ++proposed;
      cost += reach * cost_of(turn, proposed - scored[turn]);
      scored[turn] = proposed;
      for (; verified < *std::min_element(scored.begin(), scored.end()); ++verified) {
        tokens += reach;  // kept or corrected
        reach *= acceptance;
      }
    }
  }
  double plain = 0.0;
  for (std::size_t i = 0; i < lengths.size(); ++i) plain += cost_of(i, std::size_t{1});
  return plain * tokens / cost;
}

/// The same for speculative decoding of the ensemble: `length` evaluations of a drafter of cost `drafter`, then one of
/// all models, of cost `target` each time and `plain` where it has one token.
inline double predicted_speculative(double drafter, double target, double plain, std::size_t length,
                                    double acceptance) {
  double tokens = 1.0;
  double reach = 1.0;
  for (std::size_t i = 0; i < length; ++i) tokens += reach *= acceptance;
  return plain * tokens / (static_cast<double>(length) * drafter + target);
}

}  // namespace cli
