// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/core/law_builder.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {
namespace transforms {

/// Gives the end tokens probability 0 until `tokens` tokens are out: they are then followed by an end token at the
/// earliest. The output begins behind the prompt, drafted tokens above the row count.
///
///     minimum_length{20, bounds.end_tokens}
///
/// Order: before truncations, so that they choose among the tokens that are left.
/// Errors: `std::invalid_argument` when no end token is named, an id is negative, or, at use, outside the vocabulary;
/// `std::domain_error` at use when no token is left. Cost: a copy of the row while it bans, nothing later.
class minimum_length {
 public:
  minimum_length(std::size_t tokens, const std::vector<token_id>& ends) : tokens_{tokens} {
    detail::copy(detail::view(ends), ends_);
    if (ends_.empty()) throw std::invalid_argument("proviso: minimum_length: no end token is named");
    for (const token_id x : ends_) {
      if (x < 0) throw std::invalid_argument("proviso: minimum_length: token " + std::to_string(x) + " is negative");
    }
  }

  void operator()(law_builder& row, const text_position& where) const {
    if (where.prefix.size() + where.path.size() - where.prompt >= tokens_) return;
    const std::span<float> logits = row.edit();
    for (const token_id x : ends_) {
      if (static_cast<std::size_t>(x) >= row.vocab_size()) {
        throw std::invalid_argument("proviso: minimum_length: token " + std::to_string(x) +
                                    " is outside the vocabulary of " + std::to_string(row.vocab_size()) + " tokens");
      }
      const std::size_t i = row.find(x);
      if (i < logits.size()) logits[i] = -std::numeric_limits<float>::infinity();
    }
  }

 private:
  std::size_t tokens_;
  detail::list<token_id> ends_;
};

}  // namespace transforms
}  // namespace v0
}  // namespace proviso
