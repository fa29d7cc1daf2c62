// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

#include <proviso/core/context.hpp>
#include <proviso/core/list.hpp>
#include <proviso/drafters/continuation_odds.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// Copies from the text itself: finds the longest run of tokens, between `min_match` and `max_match` long, that ends
/// the text and stands earlier in it too (the latest such place on ties), and pushes what followed it there. A copy
/// that reaches the end of the text goes on in the copy.
///
/// Nothing is proposed without such a match, nor where `continuation_odds` expects no gain, so a round then costs
/// one token. Guarantee: pushed tokens only, lossless under every lossless rule. Requirement: none of the models.
/// Cost: `max_match` hash steps per token of the text, once; 8 to 16 bytes per token and match length. Allocates when
/// a generation starts and, past 16384 tokens of output, when the tables double.
/// Errors: `std::invalid_argument` unless 1 <= min_match <= max_match <= 64 and 0 <= token_cost < 1.
/// Source: Saxena, "Prompt Lookup Decoding" (2023); Yang et al., arXiv 2304.04487.
class prompt_lookup {
 public:
  explicit prompt_lookup(std::size_t min_match = 2, std::size_t max_match = 8, double token_cost = 0.2)
      : min_{min_match}, max_{max_match}, odds_{token_cost} {
    if (min_match == 0 || min_match > max_match || max_match > 64) {
      throw std::invalid_argument("proviso: drafters::prompt_lookup needs 1 <= min_match <= max_match <= 64");
    }
  }

  void start(std::span<const token_id>) noexcept {
    capacity_ = 0;
    drafted_ = 0;
    odds_.start();
  }

  void propose(const context& c, draft& d) {
    drafted_ = 0;
    if (c.limit() == 0) return;
    const std::span<const token_id> text = c.text();
    index(text, c.room());
    const place found = find(text);
    if (found.length == 0) return;
    matched_ = found.length;
    const std::size_t worth = odds_.worth(found.length, c.limit());
    node_id at = draft::root();
    for (; drafted_ < worth && !d.is_closed(at); ++drafted_) {
      at = d.push(at, text[found.end + drafted_ % (text.size() - found.end)]);
    }
  }

  void commit(const feedback& f) noexcept { odds_.observe(matched_, drafted_, f.result.path.size()); }

 private:
  struct place {
    std::size_t length = 0;
    std::size_t end = 0;  // index of the token after the match
  };

  /// Enters the runs that end before the end of the text, so that `find` sees earlier places only.
  void index(std::span<const token_id> text, std::size_t to_come) {
    if (text.size() > capacity_) {
      constexpr std::size_t ahead = 16384;
      const std::size_t wanted = text.size() + (to_come < ahead ? to_come : ahead);
      capacity_ = wanted > 2 * capacity_ ? wanted : 2 * capacity_;
      std::size_t bits = 1;
      while ((std::size_t{1} << bits) < 2 * capacity_) ++bits;
      shift_ = 64 - bits;
      mask_ = (std::size_t{1} << bits) - 1;
      slots_.assign((max_ - min_ + 1) << bits, 0);
      indexed_ = 0;
    }
    while (indexed_ + 1 < text.size()) {
      ++indexed_;
      std::uint64_t hash = 0;
      for (std::size_t k = 1; k <= max_ && k <= indexed_; ++k) {
        hash = extend(hash, text[indexed_ - k]);
        if (k >= min_) slot(text, indexed_, k, hash) = static_cast<std::uint32_t>(indexed_);
      }
    }
  }

  /// A run that stands earlier implies that its shorter ends do, so lengths are tried upwards until one is new.
  place find(std::span<const token_id> text) {
    place best;
    std::uint64_t hash = 0;
    for (std::size_t k = 1; k <= max_ && k < text.size(); ++k) {
      hash = extend(hash, text[text.size() - k]);
      if (k < min_) continue;
      const std::uint32_t end = slot(text, text.size(), k, hash);
      if (end == 0) break;
      best = {k, end};
    }
    return best;
  }

  static std::uint64_t extend(std::uint64_t hash, token_id token) noexcept {
    hash = (hash ^ static_cast<std::uint32_t>(token)) * 0x9E3779B97F4A7C15U;
    return hash ^ (hash >> 31U);
  }

  /// Where the latest end of the `k` tokens before `end` is kept; 0 there when they are new.
  std::uint32_t& slot(std::span<const token_id> text, std::size_t end, std::size_t k, std::uint64_t hash) noexcept {
    std::uint32_t* const table = slots_.data() + (k - min_) * (mask_ + 1);
    std::size_t i = static_cast<std::size_t>((hash * 0x9E3779B97F4A7C15U) >> shift_);
    while (table[i] != 0 && !same(text, table[i], end, k)) i = (i + 1) & mask_;
    return table[i];
  }
  static bool same(std::span<const token_id> text, std::size_t a, std::size_t b, std::size_t k) noexcept {
    std::size_t i = 1;
    while (i <= k && text[a - i] == text[b - i]) ++i;
    return i > k;
  }

  std::size_t min_;
  std::size_t max_;
  continuation_odds odds_;
  detail::list<std::uint32_t> slots_;  // one open-addressing table per match length: ends of runs, at most half full
  std::size_t mask_ = 0;
  std::size_t shift_ = 0;
  std::size_t capacity_ = 0;  // tokens that the tables have room for
  std::size_t indexed_ = 0;   // runs ending at or before this index are in the tables
  std::size_t matched_ = 0;
  std::size_t drafted_ = 0;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
