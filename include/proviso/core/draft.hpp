// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

#include <proviso/core/block.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/stopping.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// Whether siblings were drawn from their law with or without replacement.
enum class replacement : unsigned char { with, without };

/// A tree of proposed tokens. Node 0, the root, is the last committed token; it is evaluated with the draft.
///
/// Drawing a token and recording the law it was drawn from are one call, so a recorded law that is not the drawn
/// law cannot be written. Children of a node stand in the order in which they were drawn. Reuse allocates nothing
/// once the largest draft has been seen.
///
/// A token that would end the text closes its node: nothing is proposed below it. What is added there all the same
/// becomes a probe, without a draw, and no law of the target is asked for behind it.
class draft {
 public:
  enum class role : unsigned char { root, pushed, sampled, probe };

  static constexpr node_id root() noexcept { return 0; }

  /// Starts an empty draft whose root is `last_token`, the token at index `position` of the text. Proposed tokens
  /// reach `depth` at most; `nodes` are the most nodes, probes included, that may be added. `stops` outlives the draft
  /// and says which tokens end the text; without it none does.
  void reset(token_id last_token, std::size_t position, std::size_t depth, std::size_t nodes,
             stop_matcher* stops = nullptr) {
    nodes_.clear();
    tokens_.clear();
    parents_.clear();
    laws_used_ = 0;
    proposed_ = 0;
    chain_ = true;
    position_ = position;
    depth_ = depth;
    limit_ = nodes;
    stops_ = stops;
    const std::size_t ahead = depth < most_ahead ? depth + 1 : most_ahead;
    nodes_.reserve(ahead);
    tokens_.reserve(ahead);
    parents_.reserve(ahead);
    if (stops != nullptr) path_.reserve(ahead);
    if (!laws_.empty()) {  // what one law needed, all will need
      laws_.extend(ahead - 1);
      const std::size_t width = laws_[0].buffer.weights.capacity();
      for (stored_law& law : laws_) law.buffer.weights.reserve(width);
    }
    append(prefix_node, last_token, role::root, no_law);
  }
  /// A draft whose nodes are bounded by its depth alone: a chain.
  void reset(token_id last_token, std::size_t position, std::size_t depth) {
    reset(last_token, position, depth, depth);
  }

  /// Adds a token that was chosen deterministically, or by a law nobody knows. Verified as a point law: lossless
  /// whatever chose it.
  node_id push(node_id parent_node, token_id token) { return add(parent_node, token, role::pushed, no_law); }

  /// Draws a token from `q` and records it together with `q`.
  /// Requirement: the choice to draw here depends on the prefix and on laws only, never on a drawn token's value.
  node_id sample(node_id parent_node, const law_view& q, random_ref random) {
    if (closed_parent(parent_node)) return probe(parent_node, q.argmax());
    check(parent_node, 1, role::sampled);
    const std::size_t law = record(q);
    const auto node = static_cast<node_id>(nodes_.size());
    return append(parent_node, random.pick(recorded(law), purpose::draft, node), role::sampled, law);
  }

  /// Draws `count` siblings from `q`, independently or by successive draws without replacement (fewer when the
  /// support is exhausted). Returns how many were added; they are the newest nodes, in the order drawn.
  std::size_t sample_siblings(node_id parent_node, const law_view& q, std::size_t count, replacement mode,
                              random_ref random) {
    if (closed_parent(parent_node)) return 0;
    check(parent_node, count, role::sampled);
    const std::size_t law = record(q);
    law_view rest = recorded(law);
    std::size_t added = 0;
    for (; added < count; ++added) {
      if (mode == replacement::without && added > 0) {
        rest = rest_after(rest, tokens_.back());
        if (!rest) break;
      }
      const auto node = static_cast<node_id>(nodes_.size());
      append(parent_node, random.pick(rest, purpose::draft, node), role::sampled, law);
      nodes_.back().drawn = mode;
    }
    return added;
  }

  /// Whether the token of `n` ends the text (see `limits`), or stands behind one that does.
  bool is_closed(node_id n) const noexcept { return nodes_[at(n)].closed; }
  /// What says which tokens end the text; none when nothing does.
  stop_matcher* stops() const noexcept { return stops_; }

  /// Adds a token that is evaluated with the draft but never verified (a mask, a window of guesses).
  node_id probe(node_id parent_node, token_id token) { return add(parent_node, token, role::probe, no_law); }

  /// Number of nodes, root and probes included.
  std::size_t size() const noexcept { return nodes_.size(); }
  /// Number of tokens proposed: nodes that are neither root nor probe.
  std::size_t proposed() const noexcept { return proposed_; }
  /// For how many nodes to have memory: those of the draft, or of the longest chain that it may become. So steady
  /// rounds allocate nothing, whatever is drafted and accepted.
  std::size_t expected_size() const noexcept {
    const std::size_t most = depth_ < most_ahead ? depth_ + 1 : most_ahead;
    return most < size() ? size() : most;
  }
  /// How deep proposed tokens may lie below the root.
  std::size_t deepest() const noexcept { return depth_; }
  /// Nodes that may still be added.
  std::size_t room() const noexcept { return limit_ + 1 - nodes_.size(); }

  token_id token(node_id n) const noexcept { return tokens_[at(n)]; }
  node_id parent(node_id n) const noexcept { return parents_[at(n)]; }
  role kind(node_id n) const noexcept { return nodes_[at(n)].kind; }
  replacement drawn(node_id n) const noexcept { return nodes_[at(n)].drawn; }
  /// Distance from the root.
  std::size_t depth(node_id n) const noexcept { return nodes_[at(n)].depth; }
  /// Index in the text of the root.
  std::size_t root_position() const noexcept { return position_; }
  /// Index in the text of the token that would follow `n`.
  std::size_t next_position(node_id n) const noexcept { return position_ + depth(n) + 1; }
  /// The law that `n` was drawn from; the point at its token when it was pushed.
  law_view q(node_id n) const noexcept {
    const std::size_t law = nodes_[at(n)].law;
    return law == no_law ? law_view::point(token(n)) : recorded(law);
  }
  /// First child of `n` that is not a probe, and the next such sibling; `prefix_node` when there is none.
  node_id first_child(node_id n) const noexcept { return nodes_[at(n)].first_child; }
  node_id next_sibling(node_id n) const noexcept { return nodes_[at(n)].next_sibling; }
  /// Whether every node follows the one before it.
  bool is_chain() const noexcept { return chain_; }

  /// The tokens from below the root down to `n`, in `out` (cleared first).
  template <class Tokens>
  void path(node_id n, Tokens& out) const {
    out.resize(depth(n));
    for (std::size_t i = out.size(); i > 0; --i, n = parent(n)) out[i - 1] = token(n);
  }

  /// All nodes as a block with a row wanted for each. A chain carries no parents, so models without trees run it.
  tree_block block() const noexcept {
    return {detail::view(tokens_), chain_ ? std::span<const node_id>{} : detail::view(parents_), tokens_.size()};
  }

  /// Where the law of the next node may be built: `sample` and `sample_siblings` then record it without a copy.
  law_buffer& next_law() {
    if (laws_used_ == laws_.size()) laws_.push_back({});
    return laws_[laws_used_].buffer;
  }

  /// Reserves room for drafts of `count` nodes with dense laws over `vocab` tokens.
  void reserve(std::size_t count, std::size_t vocab) {
    nodes_.reserve(count + 1);
    tokens_.reserve(count + 1);
    parents_.reserve(count + 1);
    laws_.reserve(count + 1);
    while (laws_.size() < count) laws_.push_back({});
    for (stored_law& law : laws_) law.buffer.weights.reserve(vocab);
  }

 private:
  static constexpr std::size_t no_law = static_cast<std::size_t>(-1);
  static constexpr std::size_t most_ahead = 64;  // nodes that memory is taken for before they are drafted

  struct node_data {
    role kind = role::root;
    replacement drawn = replacement::with;
    std::size_t depth = 0;
    std::size_t law = no_law;
    node_id first_child = prefix_node;
    node_id last_child = prefix_node;
    node_id next_sibling = prefix_node;
    bool closed = false;
  };
  struct stored_law {
    law_buffer buffer;
    law_view::form kind = law_view::form::none;
    std::size_t size = 0;
    double total = 0.0;
    token_id token = 0;
  };

  static constexpr std::size_t at(node_id n) noexcept { return static_cast<std::size_t>(n); }

  void check(node_id parent_node, std::size_t count, role kind) const {
    if (parent_node < 0 || at(parent_node) >= nodes_.size()) {
      throw std::invalid_argument("proviso: draft: node " + std::to_string(parent_node) +
                                  " does not exist (the draft has " + std::to_string(nodes_.size()) + " nodes)");
    }
    if (count > room()) {
      throw std::length_error("proviso: draft: the drafter proposed more than the " + std::to_string(limit_) +
                              " tokens that this round allows; respect `context::limit` and `draft::room`");
    }
    if (kind != role::probe && depth(parent_node) == depth_) {
      throw std::length_error("proviso: draft: the drafter proposed a token deeper than the " + std::to_string(depth_) +
                              " that this round allows; respect `context::limit`");
    }
  }
  node_id add(node_id parent_node, token_id token, role kind, std::size_t law) {
    if (closed_parent(parent_node)) kind = role::probe;
    check(parent_node, 1, kind);
    return append(parent_node, token, kind, law);
  }
  node_id append(node_id parent_node, token_id token, role kind, std::size_t law) {
    const auto node = static_cast<node_id>(nodes_.size());
    node_data data;
    data.kind = kind;
    data.law = law;
    if (parent_node != prefix_node) {
      data.depth = nodes_[at(parent_node)].depth + 1;
      data.closed = is_closed(parent_node);
      chain_ = chain_ && parent_node == node - 1;
      if (kind != role::probe) link(parent_node, node);
    }
    nodes_.push_back(data);
    tokens_.push_back(token);
    parents_.push_back(parent_node);
    if (kind == role::pushed || kind == role::sampled) {
      ++proposed_;
      if (stops_ != nullptr) {
        path(node, path_);
        nodes_.back().closed = stops_->ends(detail::view(path_));
      }
    }
    return node;
  }
  bool closed_parent(node_id n) const noexcept { return n >= 0 && at(n) < nodes_.size() && is_closed(n); }
  void link(node_id parent_node, node_id child) {
    node_data& p = nodes_[at(parent_node)];
    if (p.first_child == prefix_node) {
      p.first_child = child;
    } else {
      nodes_[at(p.last_child)].next_sibling = child;
    }
    p.last_child = child;
  }

  std::size_t record(const law_view& q) {
    if (!q) throw std::invalid_argument("proviso: draft: sample() needs a law, but got an empty one");
    law_buffer& own = next_law();
    stored_law& law = laws_[laws_used_];
    law.kind = q.kind();
    law.total = q.total();
    law.size = q.size();
    if (q.is_point()) {
      law.token = q.token(0);
    } else if (q.is_wide()) {  // what is drawn from is what is recorded: the rounded weights
      own.weights.resize(q.size());
      for (std::size_t i = 0; i < q.size(); ++i) own.weights[i] = static_cast<float>(q.weight(i));
      law.total = numeric::sum(detail::view(own.weights));
      if (!(law.total > 0.0)) throw std::invalid_argument("proviso: draft: the law given to sample() has no mass");
    } else if (q.weights().data() != own.weights.data()) {
      detail::copy(q.weights(), own.weights);
    }
    if (q.ids().data() != own.ids.data()) detail::copy(q.ids(), own.ids);
    return laws_used_++;
  }
  law_view recorded(std::size_t i) const noexcept {
    const stored_law& law = laws_[i];
    if (law.kind == law_view::form::point) return law_view::point(law.token);
    const std::span<const float> weights = detail::view(law.buffer.weights).first(law.size);
    if (law.kind == law_view::form::dense) return law_view::dense(weights, law.total);
    return law_view::sparse(detail::view(law.buffer.ids).first(law.size), weights, law.total);
  }
  law_view rest_after(const law_view& law, token_id taken) {
    if (law.is_point()) return {};
    return numeric::without(law, taken, rest_);
  }

  detail::list<node_data> nodes_;
  detail::list<token_id> tokens_;
  detail::list<node_id> parents_;
  detail::list<stored_law> laws_;
  detail::list<token_id> path_;
  law_buffer rest_;
  stop_matcher* stops_ = nullptr;
  std::size_t laws_used_ = 0;
  std::size_t proposed_ = 0;
  std::size_t position_ = 0;
  std::size_t depth_ = 0;
  std::size_t limit_ = 0;
  bool chain_ = true;
};

}  // namespace v0
}  // namespace proviso
