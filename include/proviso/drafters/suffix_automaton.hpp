// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <proviso/core/list.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// The suffix automaton of a growing text: recognises every run of tokens that stands in it. It does not keep the
/// text itself.
///
/// Cost: O(1) amortised per appended token and per token walked, whatever the vocabulary. Memory: at most two states
/// (24 bytes each) and one extra edge (16 bytes, in a hash table at most half full) per token; most states have one
/// edge, which lies in the state. Texts of fewer than 2^31 tokens.
/// Source: Blumer et al., "The smallest automaton recognizing the subwords of a text" (1985).
class suffix_automaton {
 public:
  /// A run of the text: its length, and the index of the token after it.
  struct match {
    std::size_t length = 0;
    std::size_t end = 0;
  };
  /// Where a walk over some other text stands: its last `length` tokens, and no more, are a run of this text.
  struct cursor {
    std::uint32_t state = 0;
    std::uint32_t length = 0;
  };

  suffix_automaton() { clear(); }

  /// Forgets the text; keeps the memory.
  void clear() {
    states_.clear();
    edges_.clear();
    slots_.assign(slots_.size(), 0);
    states_.push_back({});
    last_ = 0;
    size_ = 0;
    repeated_ = {};
  }

  /// Makes room for a text of `tokens` tokens: up to there `append` allocates nothing.
  void reserve(std::size_t tokens) {
    if (tokens <= capacity_) return;
    capacity_ = tokens;
    states_.reserve(2 * tokens + 1);
    edges_.reserve(tokens + 1);
    std::size_t bits = 4;
    while ((std::size_t{1} << bits) < 2 * (tokens + 1)) ++bits;
    shift_ = 64 - bits;
    slots_.assign(std::size_t{1} << bits, 0);
    for (std::size_t i = 0; i < edges_.size(); ++i) enter(i);
  }

  /// Number of tokens appended.
  std::size_t size() const noexcept { return size_; }

  void append(token_id x) {
    if (size_ == capacity_) reserve(2 * size_ + 16);
    ++size_;
    const std::uint32_t whole = add_state(size_, size_);
    std::uint32_t at = last_;
    while (at != none && target(at, x) == nullptr) {
      add_edge(at, x, whole);
      at = states_[at].link;
    }
    states_[whole].link = at == none ? 0 : shortened(at, x);
    last_ = whole;
    state& longest = states_[states_[whole].link];
    repeated_ = {longest.length, longest.end};
    longest.end = static_cast<std::uint32_t>(size_);
  }

  /// The longest run that ends the text and also ends earlier, with one of its earlier ends (a recent one, though not
  /// always the latest, which would cost more than O(1)). Length 0 when the last token is new.
  match repeated() const noexcept { return repeated_; }

  /// Takes one token of another text. Afterwards the cursor stands at the longest end of that text that is a run of
  /// this one.
  void walk(cursor& c, token_id x) const noexcept {
    const std::uint32_t* next = target(c.state, x);
    while (next == nullptr && c.state != 0) {
      c.state = states_[c.state].link;
      c.length = states_[c.state].length;
      next = target(c.state, x);
    }
    if (next == nullptr) return;
    c.state = *next;
    ++c.length;
  }
  /// The run at which a cursor stands, at one of its ends.
  match at(const cursor& c) const noexcept { return {c.length, states_[c.state].end}; }

 private:
  static constexpr std::uint32_t none = (std::numeric_limits<std::uint32_t>::max)();

  struct state {
    std::uint32_t length = 0;   // of the longest run of the state
    std::uint32_t link = none;  // state of the longest end of that run that stands in more places
    std::uint32_t end = 0;      // one end of the runs of the state
    token_id token = 0;         // the first edge; `to == none` when there is none
    std::uint32_t to = none;
    std::uint32_t more = none;  // further edges, a list
  };
  struct edge {
    std::uint32_t from = 0;
    token_id token = 0;
    std::uint32_t to = 0;
    std::uint32_t next = none;
  };

  std::uint32_t add_state(std::size_t length, std::size_t end) {
    state s;
    s.length = static_cast<std::uint32_t>(length);
    s.end = static_cast<std::uint32_t>(end);
    states_.push_back(s);
    return static_cast<std::uint32_t>(states_.size() - 1);
  }

  /// The state whose longest run is that of `at` followed by `x`: the target of the edge, or a copy split off it.
  std::uint32_t shortened(std::uint32_t at, token_id x) {
    const std::uint32_t reached = *target(at, x);
    const std::uint32_t length = states_[at].length + 1;
    if (states_[reached].length == length) return reached;
    const std::uint32_t copy = add_state(length, states_[reached].end);
    states_[copy].link = states_[reached].link;
    states_[copy].token = states_[reached].token;
    states_[copy].to = states_[reached].to;
    for (std::uint32_t e = states_[reached].more; e != none; e = edges_[e].next) {
      add_edge(copy, edges_[e].token, edges_[e].to);
    }
    states_[reached].link = copy;
    for (; at != none; at = states_[at].link) {
      std::uint32_t* to = target(at, x);
      if (*to != reached) break;
      *to = copy;
    }
    return copy;
  }

  void add_edge(std::uint32_t from, token_id x, std::uint32_t to) {
    state& s = states_[from];
    if (s.to == none) {
      s.token = x;
      s.to = to;
      return;
    }
    edges_.push_back({from, x, to, s.more});
    s.more = static_cast<std::uint32_t>(edges_.size() - 1);
    enter(s.more);
  }

  const std::uint32_t* target(std::uint32_t from, token_id x) const noexcept {
    const state& s = states_[from];
    if (s.to == none) return nullptr;
    if (s.token == x) return &s.to;
    if (s.more == none) return nullptr;
    for (std::size_t i = slot(from, x); slots_[i] != 0; i = (i + 1) & (slots_.size() - 1)) {
      const edge& e = edges_[slots_[i] - 1];
      if (e.from == from && e.token == x) return &e.to;
    }
    return nullptr;
  }
  std::uint32_t* target(std::uint32_t from, token_id x) noexcept {
    return const_cast<std::uint32_t*>(static_cast<const suffix_automaton&>(*this).target(from, x));
  }

  std::size_t slot(std::uint32_t from, token_id x) const noexcept {
    std::uint64_t key = (std::uint64_t{from} << 32U) | static_cast<std::uint32_t>(x);
    key = (key ^ (key >> 29U)) * 0xBF58476D1CE4E5B9U;
    return static_cast<std::size_t>(((key ^ (key >> 32U)) * 0x94D049BB133111EBU) >> shift_);
  }
  void enter(std::size_t e) noexcept {
    std::size_t i = slot(edges_[e].from, edges_[e].token);
    while (slots_[i] != 0) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = static_cast<std::uint32_t>(e + 1);
  }

  detail::list<state> states_;
  detail::list<edge> edges_;
  detail::list<std::uint32_t> slots_;  // edge number + 1, by (state, token); open addressing
  std::size_t shift_ = 63;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  match repeated_;
  std::uint32_t last_ = 0;  // state of the whole text
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
