// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stdexcept>

#include <proviso/core/law.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace lengths {

/// Drafts on while the drafter is sure: a token is drawn from `q` only if the most probable token of `q` has at least
/// `threshold`; at most `most` tokens.
///
/// Guarantee: looks at the law before a token is drawn and never at the token, so lossless rules stay lossless.
/// Cost: one pass over `q`. Errors: `std::invalid_argument` unless most >= 1 and 0 <= threshold <= 1.
/// Source: the threshold known from Hugging Face transformers' assisted generation, on the law instead of the token.
class confidence {
 public:
  explicit confidence(std::size_t most = 8, double threshold = 0.2) : most_{most}, threshold_{threshold} {
    if (most == 0 || !(threshold >= 0.0 && threshold <= 1.0)) {
      throw std::invalid_argument("proviso: lengths::confidence needs most >= 1 and a threshold from 0 to 1");
    }
  }
  void start() const noexcept {}
  std::size_t limit() const noexcept { return most_; }
  bool proceed(std::size_t, const law_view& q) const noexcept { return !q || q(q.argmax()) >= threshold_; }
  void observe(const feedback&) const noexcept {}

 private:
  std::size_t most_;
  double threshold_;
};

}  // namespace lengths
}  // namespace v0
}  // namespace proviso
