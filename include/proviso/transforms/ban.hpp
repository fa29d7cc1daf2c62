// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/core/law_builder.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/selection.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {
namespace transforms {

/// Gives tokens probability 0: those of a list, or all but those of a list.
///
///     ban{{3, 17}}                      // never 3 or 17
///     ban::all_except({'0', '1'})       // nothing else
///
/// Order: before truncations, so that they choose among the tokens that are left.
/// Errors: `std::invalid_argument` when an id is negative or stands twice, when the list of allowed tokens is empty,
/// or, at use, when an id is outside the vocabulary; `std::domain_error` at use when no token is left.
/// Cost: a copy of the row and O(list) for a ban; O(list), or O(list log candidates) after a truncation, for a list
/// of allowed tokens, whose law is sparse.
class ban {
 public:
  explicit ban(const std::vector<token_id>& tokens) : ban{tokens, false} {}
  static ban all_except(const std::vector<token_id>& tokens) { return ban{tokens, true}; }

  void operator()(law_builder& row, const text_position&) const {
    if (tokens_.empty()) return;
    if (static_cast<std::size_t>(tokens_.back()) >= row.vocab_size()) {
      throw std::invalid_argument("proviso: ban: token " + std::to_string(tokens_.back()) +
                                  " is outside the vocabulary of " + std::to_string(row.vocab_size()) + " tokens");
    }
    if (allows_) {
      detail::list<std::uint32_t>& kept = row.members();
      if (kept.size() < tokens_.size()) kept.resize(tokens_.size());
      std::size_t count = 0;
      for (const token_id x : tokens_) {
        const std::size_t i = row.find(x);
        if (i < row.size()) kept[count++] = static_cast<std::uint32_t>(i);
      }
      row.keep(std::span<const std::uint32_t>{kept.data(), count});
    } else {
      const std::span<float> logits = row.edit();
      for (const token_id x : tokens_) {
        const std::size_t i = row.find(x);
        if (i < logits.size()) logits[i] = -std::numeric_limits<float>::infinity();
      }
    }
  }

 private:
  ban(const std::vector<token_id>& tokens, bool allows) : allows_{allows} {
    detail::copy(detail::view(tokens), tokens_);
    if (allows_ && tokens_.empty()) throw std::invalid_argument("proviso: ban: the list of allowed tokens is empty");
    numeric::sort_tokens(detail::writable(tokens_));
    if (!tokens_.empty() && tokens_[0] < 0) {
      throw std::invalid_argument("proviso: ban: token " + std::to_string(tokens_[0]) + " is negative");
    }
    for (std::size_t i = 1; i < tokens_.size(); ++i) {
      if (tokens_[i] == tokens_[i - 1]) {
        throw std::invalid_argument("proviso: ban: token " + std::to_string(tokens_[i]) + " stands twice in the list");
      }
    }
  }

  detail::list<token_id> tokens_;
  bool allows_;
};

}  // namespace transforms
}  // namespace v0
}  // namespace proviso
