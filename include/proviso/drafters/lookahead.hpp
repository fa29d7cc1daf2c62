// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

#include <proviso/core/context.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/numeric.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// Lookahead decoding: the target drafts for itself without training. Beside the tokens that it verifies, every
/// evaluation carries a window of `width` columns: guesses of the next `width` tokens, each with the guesses that
/// followed it in the rounds before. The row under a column adds one more: a Jacobi step. A column of `gram` tokens is
/// an n-gram that the model finds plausible; it goes into a pool. What the pool knows to follow the last token, at most
/// `guesses` continuations of `gram - 1` tokens, is pushed as a tree.
///
/// The window is made of probes: the first tokens of the columns are a chain below the root, and each has its column
/// as a branch, so a column sees the first tokens up to its own. Guesses are the model's most probable tokens.
///
/// Requirements: one model as the target, whose sessions evaluate trees.
/// Guarantee: pushed tokens only, lossless under every lossless rule. The window needs width * (gram - 1) nodes of
/// `draft::room`; without room the round does without it.
/// Errors: `std::invalid_argument` for a size of 0, a gram below 2, and for an ensemble as the target.
/// Cost per round: the nodes of window and guesses, and one pass over `width` rows. Memory: 8192 pool entries of
/// `guesses` * `gram` tokens, taken at the first start.
/// Source: Fu et al., "Break the sequential dependency of LLM inference using lookahead decoding", arXiv 2402.02057.
class lookahead {
 public:
  static constexpr bool needs_trees = true;
  static constexpr bool reads_rows = true;

  explicit lookahead(std::size_t width = 5, std::size_t gram = 4, std::size_t guesses = 4)
      : width_{width}, gram_{gram}, guesses_{guesses} {
    if (width == 0 || guesses == 0 || gram < 2) {
      throw std::invalid_argument("proviso: drafters::lookahead needs a width, guesses, and a gram of at least 2");
    }
  }

  /// The pool begins with the n-grams of the prompt.
  void start(std::span<const token_id> prompt) {
    pool_.assign(entries * guesses_ * (gram_ - 1), none);
    keys_.assign(entries, none);
    window_.clear();
    window_.reserve(gram_ * width_);
    for (std::size_t j = 0; j < width_; ++j) window_.push_back(prompt[(prompt.size() - 1) * (j + 1) / (width_ + 1)]);
    for (std::size_t i = 0; i + gram_ <= prompt.size(); ++i) add(prompt.subspan(i, gram_));
    column_.resize(gram_);
    added_ = 0;
  }

  void propose(const context& c, draft& d) {
    const token_id* const known = find(c.text().back());
    for (std::size_t g = 0; known != nullptr && g < guesses_; ++g) {
      const token_id* const guess = known + g * (gram_ - 1);
      node_id at = draft::root();
      for (std::size_t i = 0; i + 1 < gram_ && guess[i] != none; ++i) {
        if (d.depth(at) == c.limit() || d.is_closed(at)) break;
        const node_id child = find_child(d, at, guess[i]);
        if (child == prefix_node && d.room() == 0) break;
        at = child == prefix_node ? d.push(at, guess[i]) : child;
      }
    }
    added_ = 0;
    if (d.room() < window_.size() || c.room() <= 2) return;
    node_id front = draft::root();
    last_.clear();
    for (std::size_t j = 0; j < width_; ++j) {
      node_id at = front = d.probe(front, window_[j]);
      for (std::size_t level = 1; level < levels(); ++level) at = d.probe(at, window_[level * width_ + j]);
      last_.push_back(at);
    }
    added_ = width_;
  }

  void commit(const feedback& f) {
    if (f.rows.rows() == 0) {
      throw std::invalid_argument("proviso: drafters::lookahead reads rows of its target, which must be one model");
    }
    if (added_ == 0) return;
    scratch_.resize(f.rows.cols());
    for (std::size_t j = 0; j < width_; ++j) {
      const auto row = static_cast<std::size_t>(last_[j]);
      window_.push_back(most_probable(f.rows.row(row, detail::writable(scratch_))));
    }
    if (levels() == gram_) {
      for (std::size_t j = 0; j < width_; ++j) {
        for (std::size_t level = 0; level < gram_; ++level) column_[level] = window_[level * width_ + j];
        add(detail::view(column_));
      }
      window_.drop_front(width_);
    }
    shift(f.result.path.size());
  }

 private:
  static constexpr std::size_t entries = 8192;
  static constexpr token_id none = -1;

  std::size_t levels() const noexcept { return window_.size() / width_; }

  /// Columns whose first place the text has passed leave; their tokens come back at the far end.
  void shift(std::size_t passed) {
    const std::size_t by = passed % width_;
    for (std::size_t level = 0; by > 0 && level < levels(); ++level) {
      token_id* const row = window_.data() + level * width_;
      for (std::size_t turn = 0; turn < by; ++turn) {
        const token_id first = row[0];
        for (std::size_t j = 0; j + 1 < width_; ++j) row[j] = row[j + 1];
        row[width_ - 1] = first;
      }
    }
  }

  /// Ties go to the lowest id; token 0 when the row has no maximum.
  static token_id most_probable(std::span<const float> row) {
    const numeric::row_maximum m = numeric::maximum(row);
    const std::size_t at = m.has_nan ? 0 : numeric::first_equal(row, m.value);
    return at < row.size() ? static_cast<token_id>(at) : 0;
  }

  static std::size_t place(token_id key) noexcept {
    return (static_cast<std::uint32_t>(key) * std::uint32_t{2654435769U}) >> 19U;  // 13 bits
  }
  const token_id* find(token_id key) const noexcept {
    const std::size_t at = place(key);
    return keys_[at] == key ? pool_.data() + at * guesses_ * (gram_ - 1) : nullptr;
  }
  /// Enters an n-gram: first among the continuations of its first token; the oldest one leaves.
  void add(std::span<const token_id> gram) {
    const std::size_t at = place(gram[0]);
    const std::size_t length = gram_ - 1;
    token_id* const known = pool_.data() + at * guesses_ * length;
    if (keys_[at] != gram[0]) {
      keys_[at] = gram[0];
      for (std::size_t i = 0; i < guesses_ * length; ++i) known[i] = none;
    }
    std::size_t old = 0;  // where the same continuation stands, or the oldest
    while (old + 1 < guesses_ && !same(known + old * length, gram)) ++old;
    for (std::size_t i = old * length; i-- > 0;) known[i + length] = known[i];
    for (std::size_t i = 0; i < length; ++i) known[i] = gram[i + 1];
  }
  bool same(const token_id* known, std::span<const token_id> gram) const noexcept {
    std::size_t i = 0;
    while (i + 1 < gram_ && known[i] == gram[i + 1]) ++i;
    return i + 1 == gram_;
  }

  std::size_t width_;
  std::size_t gram_;
  std::size_t guesses_;
  detail::list<token_id> window_;  ///< level by level: guess j of level l stands l + j + 1 places after the root
  detail::list<node_id> last_;     ///< the newest node of each column
  std::size_t added_ = 0;          ///< columns in this round's draft
  detail::list<token_id> pool_;    ///< per key `guesses` continuations, the newest first
  detail::list<token_id> keys_;
  detail::list<token_id> column_;
  detail::list<float> scratch_;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
