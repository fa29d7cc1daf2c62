// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

#include <proviso/core/context.hpp>
#include <proviso/core/list.hpp>
#include <proviso/drafters/continuation_odds.hpp>
#include <proviso/drafters/suffix_automaton.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// Documents to copy from, indexed once and read by any number of sequences (also of several threads) at a time.
/// Cost: O(1) amortised per token; at most 84 bytes per token.
class reference_index {
 public:
  /// Adds a document; no match reaches over its borders. Not while a sequence reads the index. Throws
  /// `std::invalid_argument` for a negative token.
  void add(std::span<const token_id> document) {
    for (std::size_t i = 0; i < document.size(); ++i) {
      if (document[i] < 0) {
        throw std::invalid_argument("proviso: reference_index: token " + std::to_string(i) + " of the document is " +
                                    std::to_string(document[i]));
      }
    }
    for (const token_id x : document) append(x);
    append(border);
  }

  /// All documents, with a negative token after each.
  std::span<const token_id> tokens() const noexcept { return detail::view(tokens_); }
  const suffix_automaton& automaton() const noexcept { return automaton_; }

 private:
  static constexpr token_id border = -1;

  void append(token_id x) {
    tokens_.push_back(x);
    automaton_.append(x);
  }

  detail::list<token_id> tokens_;
  suffix_automaton automaton_;
};

/// Copies from the text itself and from reference documents: finds the longest end of the text, of at least
/// `min_match` tokens, that stands earlier in it or in a document (the text on ties), and pushes what followed it
/// there. A copy that reaches the end of the text goes on in the copy; one from a document ends with the document.
///
/// Nothing is proposed without such a match, nor where `continuation_odds` expects no gain, so a round then costs
/// one token. Guarantee: pushed tokens only, lossless under every lossless rule. Requirement: none of the models;
/// the documents outlive the sequence. Cost: O(1) amortised per token of the text, once; at most 80 bytes per token.
/// Allocates when a generation starts and, past 16384 tokens of output, when the automaton doubles.
/// Errors: `std::invalid_argument` unless min_match >= 1 and 0 <= token_cost < 1.
/// Source: Yang et al. (LLMA), arXiv 2304.04487; Hu et al. (SAM-Decoding), arXiv 2411.10666.
class suffix {
 public:
  explicit suffix(std::size_t min_match = 2, double token_cost = 0.2) : min_{min_match}, odds_{token_cost} {
    if (min_match == 0) throw std::invalid_argument("proviso: drafters::suffix needs min_match >= 1");
  }
  explicit suffix(const reference_index& documents, std::size_t min_match = 2, double token_cost = 0.2)
      : suffix{min_match, token_cost} {
    documents_ = &documents;
  }
  explicit suffix(const reference_index&&, std::size_t = 2, double = 0.2) = delete;  // the documents must outlive it

  void start(std::span<const token_id>) {
    own_.clear();
    in_documents_ = {};
    drafted_ = 0;
    odds_.start();
  }

  void propose(const context& c, draft& d) {
    drafted_ = 0;
    if (c.limit() == 0) return;
    read(c.text(), c.room());
    if (documents_ != nullptr && in_documents_.length > own_.repeated().length) {
      const suffix_automaton::match found = documents_->automaton().at(in_documents_);
      copy(documents_->tokens().subspan(found.end), found.length, c.limit(), d);
    }
    if (drafted_ == 0) {
      const suffix_automaton::match found = own_.repeated();
      copy(c.text().subspan(found.end), found.length, c.limit(), d);
    }
  }

  void commit(const feedback& f) noexcept { odds_.observe(matched_, drafted_, f.result.path.size()); }

 private:
  void read(std::span<const token_id> text, std::size_t to_come) {
    if (own_.size() == 0) {
      constexpr std::size_t ahead = 16384;
      own_.reserve(text.size() + (to_come < ahead ? to_come : ahead));
    }
    while (own_.size() < text.size()) {
      const token_id x = text[own_.size()];
      own_.append(x);
      if (documents_ != nullptr) documents_->automaton().walk(in_documents_, x);
    }
  }

  /// Pushes from `source`, what followed a match of `length` tokens: up to a border, else round and round.
  void copy(std::span<const token_id> source, std::size_t length, std::size_t limit, draft& d) {
    if (length < min_) return;
    matched_ = length;
    const std::size_t worth = odds_.worth(length, limit);
    node_id at = draft::root();
    for (; drafted_ < worth && !d.is_closed(at); ++drafted_) {
      const token_id x = source[drafted_ % source.size()];
      if (x < 0) break;
      at = d.push(at, x);
    }
  }

  std::size_t min_;
  continuation_odds odds_;
  const reference_index* documents_ = nullptr;
  suffix_automaton own_;
  suffix_automaton::cursor in_documents_;
  std::size_t matched_ = 0;
  std::size_t drafted_ = 0;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
