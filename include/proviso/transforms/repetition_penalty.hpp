// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include <proviso/core/law_builder.hpp>
#include <proviso/core/seen_tokens.hpp>

namespace proviso {
inline namespace v0 {
namespace transforms {

/// Makes tokens of the text less likely: the logit of every token that occurs in it is divided by `penalty` when
/// positive and multiplied by it when negative, once however often the token occurs. Values below 1 reward.
///
/// The text is the prompt, the committed tokens and the drafted tokens above the row; its first `skip` tokens and
/// those before its last `window` do not count. Give the prompt's length as `skip` to penalise generated text only.
/// Order: acts on the logits as the model gave them, whether it stands before or after `temperature`. Before
/// truncations, as a rule.
/// Errors: `std::invalid_argument` when the penalty is not positive and finite or the window is 0.
/// Cost: a copy of the row and O(distinct tokens); every token of the text is counted once, not once per row.
/// Source: Keskar et al., "CTRL", arXiv 1909.05858, section 4.1; negative logits as in Hugging Face transformers.
class repetition_penalty {
 public:
  static constexpr std::size_t everything = seen_tokens::everything;

  explicit repetition_penalty(float penalty, std::size_t window = everything, std::size_t skip = 0)
      : seen_{"repetition_penalty", window, skip}, penalty_{penalty} {
    if (!(penalty > 0.0F && penalty <= (std::numeric_limits<float>::max)())) {
      throw std::invalid_argument("proviso: repetition_penalty: the penalty must be positive and finite, got " +
                                  std::to_string(penalty));
    }
  }

  void operator()(law_builder& row, const text_position& where) const {
    if (penalty_ == 1.0F) return;
    seen_.edit(row, where,
               [this](float logit, std::uint32_t) { return logit > 0.0F ? logit / penalty_ : logit * penalty_; });
  }

 private:
  seen_tokens seen_;
  float penalty_;
};

}  // namespace transforms
}  // namespace v0
}  // namespace proviso
