// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <proviso/core/context.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/view.hpp>
#include <proviso/model/explain.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// How many children a node gets, level by level: `{4, 2, 1}` is four below the root, two below each of them, and one
/// below each of those.
class branching {
 public:
  /// Throws `std::invalid_argument` when there is no level, or a level without children.
  explicit branching(std::span<const std::size_t> children) {
    detail::copy(children, children_);
    if (children_.empty()) throw std::invalid_argument("proviso: branching: a tree needs at least one level");
    for (std::size_t i = 0; i < children_.size(); ++i) {
      if (children_[i] == 0) {
        throw std::invalid_argument("proviso: branching: level " + std::to_string(i + 1) + " has no children");
      }
    }
  }
  branching(std::initializer_list<std::size_t> children)  // NOLINT: `{2, 2}` converts
      : branching{std::span<const std::size_t>{children.begin(), children.size()}} {}
  branching(const std::vector<std::size_t>& children) : branching{detail::view(children)} {}  // NOLINT

  /// Whether a node of the first `levels` levels has siblings.
  bool branches(std::size_t levels) const noexcept {
    std::size_t level = 0;
    while (level < levels && children_[level] == 1) ++level;
    return level < levels;
  }

  /// Number of levels, and the children of a node at `depth`.
  std::size_t depth() const noexcept { return children_.size(); }
  std::size_t at(std::size_t depth) const noexcept { return children_[depth]; }

  /// What a drafter of this shape does in `add_level` (see `tree_growth::grow`): `add(i, node, n)` adds at most `n`
  /// children below `node`, whose row is row `i`. Cuts the shape at the depth and the nodes that the round allows.
  template <class Add>
  std::size_t add_level(const context& c, const draft& d, node_id first, std::size_t count, Add add) const {
    const std::size_t before = d.size();
    const std::size_t level = d.depth(first);
    for (std::size_t i = 0; i < count && d.room() > 0; ++i) {
      add(i, first + static_cast<node_id>(i), at(level) < d.room() ? at(level) : d.room());
    }
    if (level + 1 == depth() || level + 1 == c.limit()) return 0;
    const std::size_t parents = d.room() / at(level + 1) + (d.room() % at(level + 1) != 0 ? 1 : 0);
    return d.size() - before < parents ? d.size() - before : parents;
  }

 private:
  detail::list<std::size_t> children_;
};

/// Grows a tree draft with a model, level by level: one evaluation scores all nodes of a level. What the tree drafters
/// have in common; `best_first_tree.hpp` shows how to use it for a tree of your own.
///
/// A session evaluates a tree only as one block on top of a chain. So a level is evaluated together with its
/// ancestors again, below the last node that all of them share; that node and those above it stay in the session. A
/// chain is never evaluated twice.
/// Requirement: the sessions of the model evaluate trees (`tree_model`); chains suffice while the tree is one.
/// Guarantee: capacity and `max_rewind` of the session are respected: fewer nodes are then evaluated, in the order of
/// their level. After `settle` the session holds a prefix of the text.
/// Cost: a tree of n levels takes n evaluations: one of the text that is missing, and n - 1 of levels; the last level
/// is not evaluated. A level costs its nodes and their ancestors.
class tree_growth {
 public:
  template <class M>
  requires(!std::same_as<std::remove_cv_t<M>, tree_growth>) explicit tree_growth(M& model) : slot_{model} {
    static_assert(explain_causal_model<M>());
  }
  /// For a tree of this shape; throws `std::invalid_argument` when the model would have to evaluate trees and cannot.
  template <class M>
  tree_growth(M& model, const branching& shape) : tree_growth{model} {
    if (shape.branches(shape.depth() - 1)) require_trees();
  }

  /// Throws `std::invalid_argument` unless the sessions of the model evaluate trees.
  void require_trees() const {
    if (slot_.model().evaluates_trees()) return;
    throw std::invalid_argument(
        "proviso: a drafter of trees evaluates trees with its own model, but this one evaluates chains only: wrap it "
        "in "
        "proviso::chain_emulation");
  }

  model_slot& slot() noexcept { return slot_; }

  /// Forgets a tree that a generation left behind.
  void start() {
    if (!tokens_.empty()) slot_.keep({});
    tokens_.clear();
  }

  /// Grows `tree`, whose root is the last token of the text. `drafter.add_level(context, tree, rows, first, count)`
  /// adds a level below nodes first .. first + count - 1, which have rows 0 .. count - 1. It returns how many of the
  /// nodes that it added shall be evaluated, in the order in which it added them; 0 ends the growth.
  template <class Drafter>
  task grow(const context& c, draft& tree, Drafter& drafter) {
    const auto add_level = [](void* d, const context& in, draft& t, const logits_rows& rows, node_id first,
                              std::size_t count) -> std::size_t {
      return static_cast<Drafter*>(d)->add_level(in, t, rows, first, count);
    };
    return run(c, tree, hook{&drafter, add_level});
  }

  /// Call it after the round: keeps what the text has taken of the tree.
  void settle(std::span<const token_id> text) {
    if (!tokens_.empty()) {
      const std::size_t base = slot_.length() - tokens_.size();
      path_.clear();
      std::size_t agreed = below_;
      while (agreed < base && agreed < text.size() && slot_.tokens()[agreed] == text[agreed]) ++agreed;
      for (node_id at = prefix_node; agreed >= base && agreed + 1 < text.size(); ++agreed) {
        at = child(at, text[agreed]);
        if (at == prefix_node) break;
        path_.push_back(at);
      }
      slot_.keep(detail::view(path_));
      tokens_.clear();
    }
    slot_.match(text);
  }

 private:
  /// `add_level` of a drafter. Coroutines are not compiled for the drafter's type, which may be local to a file: GCC
  /// warns when a frame holds even a reference to such an object.
  struct hook {
    void* drafter;
    std::size_t (*add_level)(void*, const context&, draft&, const logits_rows&, node_id, std::size_t);
  };

  template <class Hook>  // see `generation::feed`
  task run(const context& c, draft& tree, Hook levels) {
    if (c.limit() == 0 || slot_.capacity() < c.text().size()) co_return;
    std::size_t spare = slot_.capacity() - c.text().size();
    if (slot_.max_rewind() < spare) spare = slot_.max_rewind();
    if (!tokens_.empty()) settle(c.text());
    stem_ = draft::root();
    below_ = c.text().size();
    path_.reserve(tree.expected_size());
    co_await c.feed(slot_);
    logits_rows rows = co_await c.evaluate(slot_, chain_block{c.text().subspan(slot_.length()), 1});
    node_id first = draft::root();
    for (std::size_t count = 1;;) {
      const auto next = static_cast<node_id>(tree.size());
      count = levels.add_level(levels.drafter, c, tree, rows, first, count);
      if (count > spare) count = spare;
      while (count > 0 && tree.is_closed(next + static_cast<node_id>(count) - 1)) --count;
      if (count == 0) co_return;
      spare -= count;
      first = next;
      rows = co_await evaluate(c, tree, first, count);
    }
  }

  /// Nodes first .. first + count - 1 of `tree`, all of one level, and those of their ancestors that the session does
  /// not hold.
  request_board::evaluation evaluate(const context& c, const draft& tree, node_id first, std::size_t count) {
    const auto last = first + static_cast<node_id>(count) - 1;
    advance(tree, first, last);
    place_.assign(tree.size(), prefix_node);
    for (node_id n = first; n <= last; ++n) {
      for (node_id up = n; up != stem_ && place_[at(up)] == prefix_node; up = tree.parent(up)) place_[at(up)] = 0;
    }
    tokens_.clear();
    parents_.clear();
    bool chain = true;
    for (node_id n = 0; n <= last; ++n) {
      if (place_[at(n)] == prefix_node) continue;
      const node_id parent = tree.parent(n) == stem_ ? prefix_node : place_[at(tree.parent(n))];
      chain = chain && parent + 1 == static_cast<node_id>(tokens_.size());
      place_[at(n)] = static_cast<node_id>(tokens_.size());
      tokens_.push_back(tree.token(n));
      parents_.push_back(parent);
    }
    if (chain) parents_.clear();
    return c.evaluate(slot_, tree_block{detail::view(tokens_), detail::view(parents_), count});
  }

  /// Moves `stem_` down to the last common ancestor of the nodes from `first` to `last`, which are of one level.
  void advance(const draft& tree, node_id first, node_id last) {
    node_id common = tree.parent(first);
    for (node_id n = first + 1; n <= last; ++n) {
      for (node_id other = tree.parent(n); other != common;) {
        node_id& deeper = tree.depth(other) > tree.depth(common) ? other : common;
        deeper = tree.parent(deeper);
      }
    }
    path_.clear();
    for (node_id n = common; n != stem_; n = tree.parent(n)) path_.push_back(place_[at(n)]);
    for (std::size_t i = 0, j = path_.size(); i + 1 < j; ++i) {
      const node_id held = path_[i];
      path_[i] = path_[--j];
      path_[j] = held;
    }
    if (!tokens_.empty()) slot_.keep(detail::view(path_));
    stem_ = common;
  }

  /// The child of `above` with `token` in the block evaluated last, or `prefix_node`.
  node_id child(node_id above, token_id token) const noexcept {
    for (std::size_t i = static_cast<std::size_t>(above + 1); i < tokens_.size(); ++i) {
      const node_id parent = parents_.empty() ? static_cast<node_id>(i) - 1 : parents_[i];
      if (parent == above && tokens_[i] == token) return static_cast<node_id>(i);
    }
    return prefix_node;
  }
  static std::size_t at(node_id n) noexcept { return static_cast<std::size_t>(n); }

  model_slot slot_;
  node_id stem_ = draft::root();   // the node that the session's chain ends with, below the block
  std::size_t below_ = 0;          // tokens of the text below the tree
  detail::list<token_id> tokens_;  // the block of a tree that was evaluated last; empty when the session holds text
  detail::list<node_id> parents_;  // empty when it is a chain
  detail::list<node_id> place_;    // of a node of the draft in that block
  detail::list<node_id> path_;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
