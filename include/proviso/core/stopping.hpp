// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// Turns a token into the bytes that it adds to the text; the view stays valid until the next call.
struct detokenizer {
  std::string_view (*piece)(void* user, token_id token) = nullptr;
  void* user = nullptr;
};

/// When a generation ends. Conditions are checked token by token, also inside an accepted draft; the token that
/// meets one is the last of the output.
struct limits {
  /// Largest number of tokens to emit.
  std::size_t max_tokens = 256;
  /// Any of these tokens ends the text.
  std::vector<token_id> end_tokens{};
  /// Any of these token sequences ends the text.
  std::vector<std::vector<token_id>> stop_sequences{};
  /// Any of these byte strings ends the text, wherever token borders fall; needs `pieces`.
  std::vector<std::string> stop_strings{};
  detokenizer pieces{};
  /// Largest number of tokens per evaluation while a prompt is fed.
  std::size_t prefill_chunk = 512;

  /// Throws `std::invalid_argument` when a field makes no sense.
  void check() const {
    if (prefill_chunk == 0) throw std::invalid_argument("proviso: limits: prefill_chunk must be at least 1");
    for (const auto& s : stop_sequences) {
      if (s.empty()) throw std::invalid_argument("proviso: limits: a stop sequence is empty");
    }
    for (const auto& s : stop_strings) {
      if (s.empty()) throw std::invalid_argument("proviso: limits: a stop string is empty");
    }
    if (!stop_strings.empty() && pieces.piece == nullptr) {
      throw std::invalid_argument("proviso: limits: stop strings need `pieces`, the bytes of each token");
    }
  }
};

/// Follows the output token by token and says when a limit is met.
class stop_matcher {
 public:
  void start(const limits& l) {
    limits_ = &l;
    longest_ = 0;
    for (const auto& s : l.stop_strings) longest_ = s.size() > longest_ ? s.size() : longest_;
    tail_.clear();
    tail_.reserve(longest_ + 64);
    stop_tail_ = 0;
  }

  /// `output` ends with the token to judge. Returns `running` when no end token or stop sequence is met.
  stop_reason check(std::span<const generated_token> output) {
    const token_id token = output.back().token;
    for (const token_id end : limits_->end_tokens) {
      if (token == end) return stop_reason::end_token;
    }
    for (const auto& s : limits_->stop_sequences) {
      if (ends_with(output, detail::view(s))) return stop_reason::stop_sequence;
    }
    if (longest_ > 0 && completes_string(token)) return stop_reason::stop_sequence;
    return stop_reason::running;
  }

  /// After a stop string: how many of the last bytes of the output belong to the stop string or follow it.
  std::size_t stop_tail() const noexcept { return stop_tail_; }

 private:
  static bool ends_with(std::span<const generated_token> output, std::span<const token_id> s) {
    if (s.size() > output.size()) return false;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (output[output.size() - s.size() + i].token != s[i]) return false;
    }
    return true;
  }
  bool completes_string(token_id token) {
    const std::string_view piece = limits_->pieces.piece(limits_->pieces.user, token);
    tail_.append(piece.data(), piece.size());
    std::size_t first = std::string::npos;
    for (const auto& s : limits_->stop_strings) {
      const std::size_t at = tail_.find(s);
      first = at < first ? at : first;
    }
    if (first != std::string::npos) {
      stop_tail_ = tail_.size() - first;
      return true;
    }
    if (tail_.size() >= longest_) tail_.erase(0, tail_.size() - (longest_ - 1));
    return false;
  }

  const limits* limits_ = nullptr;
  std::string tail_;
  std::size_t longest_ = 0;
  std::size_t stop_tail_ = 0;
};

}  // namespace v0
}  // namespace proviso
