// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

#include <proviso/core/law_builder.hpp>

namespace proviso {
inline namespace v0 {

/// The tokens of a text that a penalty looks at: those of the prompt, the committed and the drafted tokens above a row,
/// without the first `skip` of the text and those before its last `window`.
class seen_tokens {
 public:
  static constexpr std::size_t everything = static_cast<std::size_t>(-1);

  /// Throws `std::invalid_argument`, naming `who`, when the window is 0.
  seen_tokens(const char* who, std::size_t window, std::size_t skip) : window_{window}, skip_{skip} {
    if (window == 0) throw std::invalid_argument("proviso: " + std::string{who} + ": the window must be at least 1");
  }

  /// Replaces the logit of every such token by `change(logit, number of its occurrences)`.
  /// Cost: a copy of the row when there are any, and O(distinct tokens); tokens are counted once per text.
  template <class Change>
  void edit(law_builder& row, const text_position& where, Change&& change) const {
    const detail::list<token_count>& seen = row.occurrences(where, skip_, window_);
    if (seen.empty()) return;
    const std::span<float> logits = row.edit();
    for (const token_count& s : seen) {
      const std::size_t i = row.find(s.token);
      if (i < logits.size()) logits[i] = change(logits[i], s.count);
    }
  }

 private:
  std::size_t window_;
  std::size_t skip_;
};

}  // namespace v0
}  // namespace proviso
