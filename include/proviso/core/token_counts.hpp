// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <proviso/core/list.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// A token and how often it occurs.
struct token_count {
  token_id token = 0;
  std::uint32_t count = 0;
};

/// How often the tokens of a growing text occur, counted once: each call adds what the text has gained, and drops what
/// has left the window. Memory: 8 bytes per token of the vocabulary.
class token_counts {
 public:
  /// Counts begin with the token at index `skip` of a text, and with the last `window` tokens of it.
  token_counts(std::size_t skip, std::size_t window) noexcept : skip_{skip}, window_{window} {}

  std::size_t skip() const noexcept { return skip_; }
  std::size_t window() const noexcept { return window_; }

  /// Forgets the text.
  void forget() noexcept {
    for (const token_count& s : seen_) places_[at(s.token)] = nowhere;
    seen_.clear();
    path_.clear();
    begin_ = end_ = 0;
  }

  /// The distinct tokens of `prefix` and then `path`, those outside a vocabulary of `vocab` left out. Valid until the
  /// next call. Requirement: since `forget`, one of this prefix and the one before begins with the other.
  /// Cost: O(tokens that come or go, and the path); everything once when the prefix became shorter.
  const detail::list<token_count>& of(std::span<const token_id> prefix, std::span<const token_id> path,
                                      std::size_t vocab) {
    if (places_.size() != vocab) {
      forget();
      places_.assign(vocab, nowhere);
      seen_.reserve(vocab);
      path_.reserve(64);
    }
    for (const token_id x : path_) remove(x);
    path_.clear();
    if (end_ > prefix.size()) forget();
    const std::size_t length = prefix.size() + path.size();
    std::size_t first = window_ < length ? length - window_ : 0;
    first = first > skip_ ? first : skip_;
    const std::size_t from = first < prefix.size() ? first : prefix.size();
    while (begin_ < from && begin_ < end_) remove(prefix[begin_++]);
    if (begin_ == end_) begin_ = end_ = from;
    while (begin_ > from) add(prefix[--begin_]);
    while (end_ < prefix.size()) add(prefix[end_++]);
    for (std::size_t i = first > prefix.size() ? first - prefix.size() : 0; i < path.size(); ++i) {
      add(path[i]);
      path_.push_back(path[i]);
    }
    return seen_;
  }

 private:
  static constexpr std::uint32_t nowhere = static_cast<std::uint32_t>(-1);
  static std::size_t at(token_id x) noexcept { return static_cast<std::size_t>(x); }

  void add(token_id x) {
    if (at(x) >= places_.size()) return;
    std::uint32_t& place = places_[at(x)];
    if (place == nowhere) {
      place = static_cast<std::uint32_t>(seen_.size());
      seen_.push_back({x, 0});
    }
    ++seen_[place].count;
  }
  void remove(token_id x) noexcept {
    if (at(x) >= places_.size()) return;
    const std::uint32_t place = places_[at(x)];
    if (--seen_[place].count > 0) return;
    places_[at(x)] = nowhere;
    const token_count last = seen_.back();
    seen_.pop_back();
    if (last.token == x) return;
    seen_[place] = last;
    places_[at(last.token)] = place;
  }

  std::size_t skip_;
  std::size_t window_;
  detail::list<std::uint32_t> places_;  // of a token in `seen_`
  detail::list<token_count> seen_;
  detail::list<token_id> path_;  // counted on top of the prefix
  std::size_t begin_ = 0;        // tokens of the prefix that are counted
  std::size_t end_ = 0;
};

}  // namespace v0
}  // namespace proviso
