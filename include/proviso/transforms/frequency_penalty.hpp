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

/// Makes tokens less likely the more often they occur in the text: logit(x) / T -= penalty * count(x). Negative
/// values reward.
///
/// The text is the prompt, the committed tokens and the drafted tokens above the row; its first `skip` tokens and
/// those before its last `window` do not count. OpenAI's interface counts generated text only: give the prompt's
/// length as `skip`.
/// Order: acts at the temperature applied so far (after a temperature of 0, at the one before). Before
/// truncations, as a rule.
/// Errors: `std::invalid_argument` when the penalty is not finite or the window is 0.
/// Cost: a copy of the row and O(distinct tokens); every token of the text is counted once, not once per row.
/// Source: OpenAI API reference, "frequency_penalty".
class frequency_penalty {
 public:
  static constexpr std::size_t everything = seen_tokens::everything;

  explicit frequency_penalty(float penalty, std::size_t window = everything, std::size_t skip = 0)
      : seen_{"frequency_penalty", window, skip}, penalty_{penalty} {
    constexpr float largest = (std::numeric_limits<float>::max)();
    if (!(penalty >= -largest && penalty <= largest)) {
      throw std::invalid_argument("proviso: frequency_penalty: the penalty must be finite, got " +
                                  std::to_string(penalty));
    }
  }

  void operator()(law_builder& row, const text_position& where) const {
    if (penalty_ == 0.0F) return;
    const float amount = penalty_ / row.scale();
    seen_.edit(row, where,
               [amount](float logit, std::uint32_t count) { return logit - amount * static_cast<float>(count); });
  }

 private:
  seen_tokens seen_;
  float penalty_;
};

}  // namespace transforms
}  // namespace v0
}  // namespace proviso
