// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>

#include <proviso/core/law.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Follows the target's most probable token: a drafted token stands when it is the argmax (lowest id on ties).
/// Chains and trees; laws of the draft are not read.
/// Requirement: laws that are points, as at temperature 0; `std::invalid_argument` for any other, since its text would
/// not have that law.
/// Guarantee: the text of greedy decoding, for any drafter.
/// Cost: one law per accepted token and one more.
class greedy {
 public:
  static constexpr bool lossless = true;
  static constexpr bool prefers_likeliest = true;

  outcome operator()(const draft& d, const target_laws& p, random_ref) {
    return follow(d, path_, [&](node_id at) {
      const law_view law = p(at);
      const token_id token = law.argmax();
      if (!law.is_point() && law(token) < 1.0) {
        throw std::invalid_argument(
            "proviso: rules::greedy: the target's law is not a point: decode at temperature 0, or use a rule that "
            "keeps "
            "the law, such as rules::automatic");
      }
      return token;
    });
  }

 private:
  detail::list<node_id> path_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
