// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <proviso/core/list.hpp>
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

  /// When set, every token is reported with its log-probability under the model's own law, before transforms, and with
  /// so many most probable tokens of that law. Cost: an exponential per column and emitted token.
  std::optional<std::size_t> best_tokens{};

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
  /// `vocab`: tokens outside a vocabulary of this size have no piece, and end nothing.
  void start(const limits& l, std::size_t vocab = static_cast<std::size_t>(-1)) {
    limits_ = &l;
    vocab_ = vocab;
    reach_ = 0;
    for (const auto& s : l.stop_sequences) reach_ = s.size() - 1 > reach_ ? s.size() - 1 : reach_;
    recent_.clear();
    recent_.reserve(reach_ + 1);
    longest_ = 0;
    for (const auto& s : l.stop_strings) longest_ = s.size() > longest_ ? s.size() : longest_;
    tail_.clear();
    tail_.reserve(longest_ + 64);
    if (longest_ > 0) ahead_.reserve(longest_ + 1024);
    stop_tail_ = 0;
  }

  /// `output` ends with the token to judge. Returns `running` when no end token or stop sequence is met.
  stop_reason check(std::span<const generated_token> output) {
    const token_id token = output.back().token;
    const std::span<const token_id> last{&token, 1};
    if (is_end(token)) return stop_reason::end_token;
    if (completes_sequence(last)) return stop_reason::stop_sequence;
    if (reach_ > 0) {
      if (recent_.size() == reach_) recent_.drop_front(1);
      recent_.push_back(token);
    }
    if (longest_ > 0 && completes_string(token)) return stop_reason::stop_sequence;
    return stop_reason::running;
  }

  /// Whether the text would end with the last token of `path`, if those tokens followed the output; none before the
  /// last does. Cost: O(end tokens + lengths of the stop sequences); with stop strings, the bytes of the path.
  bool ends(std::span<const token_id> path) {
    const token_id token = path.back();
    if (token < 0 || static_cast<std::size_t>(token) >= vocab_) return false;
    if (is_end(token) || completes_sequence(path)) return true;
    if (longest_ == 0) return false;
    ahead_.assign(tail_);
    for (const token_id x : path) append_piece(x, ahead_);
    for (const auto& s : limits_->stop_strings) {
      if (ahead_.find(s) != std::string::npos) return true;
    }
    return false;
  }

  /// After a stop string: how many of the last bytes of the output belong to the stop string or follow it.
  std::size_t stop_tail() const noexcept { return stop_tail_; }

 private:
  bool is_end(token_id token) const noexcept {
    for (const token_id end : limits_->end_tokens) {
      if (token == end) return true;
    }
    return false;
  }
  /// Whether a stop sequence ends with the last of `newest`, tokens after the recent ones.
  bool completes_sequence(std::span<const token_id> newest) const {
    const auto at = [&](std::size_t back) {  // the token so many places before the last
      return back < newest.size() ? newest[newest.size() - 1 - back]
                                  : recent_[recent_.size() + newest.size() - 1 - back];
    };
    for (const auto& s : limits_->stop_sequences) {
      if (s.size() > recent_.size() + newest.size()) continue;
      std::size_t same = 0;
      while (same < s.size() && at(same) == s[s.size() - 1 - same]) ++same;
      if (same == s.size()) return true;
    }
    return false;
  }
  void append_piece(token_id token, std::string& to) const {
    const std::string_view piece = limits_->pieces.piece(limits_->pieces.user, token);
    to.append(piece.data(), piece.size());
  }
  bool completes_string(token_id token) {
    append_piece(token, tail_);
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
  detail::list<token_id> recent_;  // of the output: what a stop sequence may begin with
  std::string tail_;
  std::string ahead_;
  std::size_t vocab_ = 0;
  std::size_t reach_ = 0;
  std::size_t longest_ = 0;
  std::size_t stop_tail_ = 0;
};

}  // namespace v0
}  // namespace proviso
