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
#include <proviso/core/selection.hpp>

namespace proviso {
inline namespace v0 {
namespace transforms {

/// A token and what is added to its logit; -infinity bans it.
struct token_bias {
  token_id token = 0;
  float value = 0.0F;
};

/// Adds a constant to the logits of some tokens: logit(x) / T += value(x). Tokens that were dropped before stay
/// dropped.
///
///     logit_bias{{{42, -5.0F}, {7, 2.5F}}}
///
/// Order: acts at the temperature applied so far (after a temperature of 0, at the one before). Before truncations,
/// as a rule.
/// Errors: `std::invalid_argument` when an id is negative or stands twice, when a value is NaN or +infinity, or, at
/// use, when an id is outside the vocabulary.
/// Cost: a copy of the row and O(list).
/// Source: OpenAI API reference, "logit_bias".
class logit_bias {
 public:
  explicit logit_bias(const std::vector<token_bias>& biases) {
    detail::list<token_id> ids;
    for (std::size_t i = 0; i < biases.size(); ++i) {
      const token_bias& b = biases_.push_back(biases[i]);
      if (!(b.value <= (std::numeric_limits<float>::max)())) {
        throw std::invalid_argument("proviso: logit_bias: the value of token " + std::to_string(b.token) +
                                    " is NaN or +infinity");
      }
      ids.push_back(b.token);
    }
    numeric::sort_tokens(detail::writable(ids));
    if (ids.empty()) return;
    if (ids[0] < 0) {
      throw std::invalid_argument("proviso: logit_bias: token " + std::to_string(ids[0]) + " is negative");
    }
    for (std::size_t i = 1; i < ids.size(); ++i) {
      if (ids[i] == ids[i - 1]) {
        throw std::invalid_argument("proviso: logit_bias: token " + std::to_string(ids[i]) +
                                    " stands twice in the list");
      }
    }
    largest_ = ids.back();
  }

  void operator()(law_builder& row, const text_position&) const {
    if (biases_.empty()) return;
    if (static_cast<std::size_t>(largest_) >= row.vocab_size()) {
      throw std::invalid_argument("proviso: logit_bias: token " + std::to_string(largest_) +
                                  " is outside the vocabulary of " + std::to_string(row.vocab_size()) + " tokens");
    }
    const std::span<float> logits = row.edit();
    for (const token_bias& b : biases_) {
      const std::size_t i = row.find(b.token);
      if (i < logits.size()) logits[i] += b.value / row.scale();
    }
  }

 private:
  detail::list<token_bias> biases_;
  token_id largest_ = 0;
};

}  // namespace transforms
}  // namespace v0
}  // namespace proviso
