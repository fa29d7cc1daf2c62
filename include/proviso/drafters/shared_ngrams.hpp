// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/core/context.hpp>
#include <proviso/drafters/continuation_odds.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// Which token followed a run of tokens in the texts of all requests so far. A table of fixed size, shared by any
/// number of sequences and threads.
///
/// A cell holds a run's hash, the token that follows it mostly, and how often more than others, at most 31. A new run
/// that finds its bucket of 8 cells full replaces the one that is confirmed least, and wears another one off: runs
/// that do not come back leave. Cells are single atomic words: a race of threads loses an update at worst.
/// Memory: the bytes asked for, rounded down to a power of two, never more. Cost: 8 cells, one cache line, per access.
/// Errors: `std::invalid_argument` for fewer than 1024 bytes.
class ngram_store {
 public:
  explicit ngram_store(std::size_t bytes = std::size_t{16} << 20U) {
    if (bytes < 1024) throw std::invalid_argument("proviso: drafters::ngram_store needs 1024 bytes at least");
    while ((std::size_t{128} << bits_) <= bytes) ++bits_;
    cells_.assign(std::size_t{8} << bits_, 0);
  }
  ngram_store(const ngram_store&) = delete;
  ngram_store& operator=(const ngram_store&) = delete;

  /// Bytes of the table.
  std::size_t bytes() const noexcept { return cells_.size() * sizeof(std::uint64_t); }
  /// Cells in use. Cost: a pass over the table.
  std::size_t used() const noexcept {
    std::size_t count = 0;
    for (std::size_t i = 0; i < cells_.size(); ++i) count += load(i) != 0 ? 1U : 0U;
    return count;
  }

  /// The token that followed the run with this hash, or -1.
  token_id find(std::uint64_t hash) const noexcept {
    const std::size_t first = bucket(hash);
    for (std::size_t i = first; i < first + ways; ++i) {
      const std::uint64_t cell = load(i);
      if (cell != 0 && tag(cell) == tag_of(hash)) return token(cell);
    }
    return -1;
  }

  /// Learns that `next` followed the run with this hash. Tokens from 2^24 on are not kept.
  void learn(std::uint64_t hash, token_id next) noexcept {
    if (next < 0 || next >= 1 << 24) return;
    const std::size_t first = bucket(hash);
    std::size_t weakest = first;
    for (std::size_t i = first; i < first + ways; ++i) {
      const std::uint64_t cell = load(i);
      if (cell != 0 && tag(cell) == tag_of(hash)) {
        if (token(cell) == next) {
          if (count(cell) < most) store(i, make(hash, next, count(cell) + 1));
        } else {
          store(i, count(cell) > 1 ? make(hash, token(cell), count(cell) - 1) : make(hash, next, 1));
        }
        return;
      }
      if (count(cell) < count(load(weakest))) weakest = i;
    }
    if (const std::uint64_t gone = load(weakest); gone != 0) {
      const std::size_t worn =
          first + (weakest - first + 1 + static_cast<std::size_t>(hash >> 61U) % (ways - 1)) % ways;
      const std::uint64_t cell = load(worn);
      if (count(cell) > 1) store(worn, cell - (std::uint64_t{1} << count_shift));
    }
    store(weakest, make(hash, next, 1));
  }

 private:
  static constexpr std::size_t ways = 8;
  static constexpr std::uint64_t most = 31;
  // A cell, from the highest bit: 32 bits of the hash, 8 of the count, 24 of the token. An empty one has count 0.
  static constexpr unsigned count_shift = 24;
  static std::uint64_t tag_of(std::uint64_t hash) noexcept { return hash & 0xFFFFFFFFU; }
  static std::uint64_t tag(std::uint64_t cell) noexcept { return cell >> 32U; }
  static std::uint64_t count(std::uint64_t cell) noexcept { return (cell >> count_shift) & 0xFFU; }
  static token_id token(std::uint64_t cell) noexcept { return static_cast<token_id>(cell & 0xFFFFFFU); }
  static std::uint64_t make(std::uint64_t hash, token_id next, std::uint64_t times) noexcept {
    return (tag_of(hash) << 32U) | (times << count_shift) | static_cast<std::uint64_t>(next);
  }

  std::size_t bucket(std::uint64_t hash) const noexcept {
    return static_cast<std::size_t>((hash * 0x9E3779B97F4A7C15U) >> (64U - bits_)) * ways;
  }
  std::uint64_t load(std::size_t i) const noexcept {
    return std::atomic_ref<std::uint64_t>{cells_[i]}.load(std::memory_order_relaxed);
  }
  void store(std::size_t i, std::uint64_t cell) noexcept {
    std::atomic_ref<std::uint64_t>{cells_[i]}.store(cell, std::memory_order_relaxed);
  }

  unsigned bits_ = 0;
  mutable std::vector<std::uint64_t> cells_;
};

/// Drafts what followed in other texts: after the longest end of the text, of `min_match` to `max_match` tokens, that
/// an `ngram_store` knows, it pushes the token that followed there mostly, and so on along the draft. All committed
/// text, the prompt too, is learned for the requests to come.
///
/// Nothing is proposed without a match, nor where `continuation_odds` expects no gain. Guarantee: pushed tokens only,
/// lossless under every lossless rule. Requirement: the store outlives the sequence; all sequences that share it have
/// one vocabulary. Cost: max_match - min_match + 1 accesses to the store per drafted and per committed token. Allocates
/// nothing.
/// Errors: `std::invalid_argument` unless 1 <= min_match <= max_match <= 16 and 0 <= token_cost < 1.
/// Source: Ou et al. (ANPD), arXiv 2404.08698, for n-grams that are learned while decoding.
class shared_ngrams {
 public:
  explicit shared_ngrams(ngram_store& texts, std::size_t min_match = 2, std::size_t max_match = 6,
                         double token_cost = 0.2)
      : store_{&texts}, min_{min_match}, max_{max_match}, cost_{token_cost}, odds_{token_cost} {
    if (min_match == 0 || min_match > max_match || max_match > longest) {
      throw std::invalid_argument("proviso: drafters::shared_ngrams needs 1 <= min_match <= max_match <= 16, got " +
                                  std::to_string(min_match) + " and " + std::to_string(max_match));
    }
  }

  void start(std::span<const token_id>) noexcept {
    learned_ = 0;
    drafted_ = 0;
    odds_.start();
  }

  void propose(const context& c, draft& d) {
    learn(c.text());
    drafted_ = 0;
    std::array<token_id, longest> tail{};  // the newest tokens, text and draft, newest first
    std::size_t size = 0;
    for (; size < max_ && size < c.text().size(); ++size) tail[size] = c.text()[c.text().size() - 1 - size];
    double stands = 1.0;
    double expected = 1.0;
    node_id at = draft::root();
    while (drafted_ < c.limit() && drafted_ < kept && !d.is_closed(at)) {
      const auto [next, match] = find(std::span{tail}.first(size));
      if (match == 0) return;
      stands *= odds_.odds(match);
      const bool worth = stands * (1.0 + static_cast<double>(drafted_) * cost_) >= cost_ * expected;
      if (!worth && (drafted_ > 0 || !odds_.tries())) return;
      expected += stands;
      at = d.push(at, next);
      matches_[drafted_++] = match;
      for (std::size_t i = longest - 1; i > 0; --i) tail[i] = tail[i - 1];
      tail[0] = next;
      size = size < max_ ? size + 1 : size;
    }
  }

  void commit(const feedback& f) noexcept {
    const std::size_t stood = f.result.path.size();
    for (std::size_t i = 0; i < drafted_ && i <= stood; ++i) odds_.observe(matches_[i], 1, i < stood ? 1 : 0);
    learn(f.text);
  }
  /// Learns from a round in which another drafter of a pool drafted.
  void watch(std::span<const token_id> text) noexcept { learn(text); }

 private:
  static constexpr std::size_t longest = 16;
  static constexpr std::size_t kept = 64;

  struct guess {
    token_id next;
    std::size_t match;  // tokens; 0 when there is none
  };
  /// Hashes grow from the newest token backwards, so one pass serves all lengths.
  guess find(std::span<const token_id> tail) const noexcept {
    guess best{0, 0};
    std::uint64_t hash = 0;
    for (std::size_t k = 1; k <= tail.size(); ++k) {
      hash = extend(hash, tail[k - 1]);
      if (k < min_) continue;
      const token_id next = store_->find(hash);
      if (next < 0) break;  // longer runs that are known imply shorter ones, unless these were evicted
      best = {next, k};
    }
    return best;
  }
  void learn(std::span<const token_id> text) noexcept {
    for (; learned_ < text.size(); ++learned_) {
      std::uint64_t hash = 0;
      for (std::size_t k = 1; k <= max_ && k <= learned_; ++k) {
        hash = extend(hash, text[learned_ - k]);
        if (k >= min_) store_->learn(hash, text[learned_]);
      }
    }
  }
  static std::uint64_t extend(std::uint64_t hash, token_id token) noexcept {
    hash = (hash ^ (static_cast<std::uint64_t>(token) + 1)) * 0xBF58476D1CE4E5B9U;
    return hash ^ (hash >> 29U);
  }

  ngram_store* store_;
  std::size_t min_;
  std::size_t max_;
  double cost_;
  continuation_odds odds_;
  std::array<std::size_t, kept> matches_{};  // of the drafted tokens
  std::size_t drafted_ = 0;
  std::size_t learned_ = 0;  // tokens of the text that the store has seen
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
