// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <proviso/core/block.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>
#include <proviso/model/concepts.hpp>
#include <proviso/model/explain.hpp>

namespace proviso {
inline namespace v0 {

/// Gives `eval(tree_block)` and `keep` to a session that evaluates chains only: one chain per path of the tree, depth
/// first, with a rewind to the common ancestor between two paths. Rows are gathered in the order of the block.
///
/// Requirements: `session` with host logits, empty at construction. Where the session says `max_rewind()`, a path of
/// a tree has at most that many tokens.
/// Guarantee: rows are those of the chains along the paths. Rows of a chain are handed on where they lie; rows of a
/// tree lie in memory of this object; both are valid until its next call.
/// Errors: `std::invalid_argument` for a path longer than `max_rewind()`, for parents or a kept path that are no tree,
/// and for a block on top of a tree of which no path was kept.
/// Cost: every wanted node and its ancestors are evaluated once, in as many calls as the wanted part has leaves. Nodes
/// that no wanted row needs are not evaluated. What `keep` leaves missing is fed with the next block. The leftmost path
/// is evaluated last, so keeping it costs nothing.
template <session S>
class chain_emulation_session {
  using inner_view = decltype(std::declval<S&>().eval(chain_block{}));
  static_assert(host_logits<inner_view>, "proviso: chain_emulation gathers rows, so it needs logits in host memory");

 public:
  using value_type = typename inner_view::value_type;

  explicit chain_emulation_session(S inner) : inner_{std::move(inner)} {
    if (inner_.length() != 0) throw std::invalid_argument("proviso: chain_emulation: the session is not empty");
  }

  std::size_t length() const noexcept { return tokens_.size(); }
  std::size_t capacity() const requires bounded_session<S> { return inner_.capacity(); }
  std::size_t max_rewind() const requires horizon_session<S> { return inner_.max_rewind(); }

  logits_view<value_type> eval(const tree_block& block) {
    check(block);
    settle();
    detail::append(block.tokens, tokens_);
    if (straight(block)) {
      const inner_view rows = inner_.eval(chain_block{detail::view(tokens_).subspan(inner_.length()), block.want});
      compute_rows(rows);
      return {rows.data(), rows.rows(), rows.cols(), rows.stride()};
    }
    detail::copy(block.parents, parents_);
    return eval_paths(block.tokens.size() - block.want);
  }

  void rewind(std::size_t n) {
    if (n > length()) throw std::invalid_argument("proviso: chain_emulation: rewind to more tokens than are held");
    std::size_t stay = n;
    if (n > base_ && !parents_.empty()) {
      parents_.resize(n - base_);
      while (!path_.empty() && static_cast<std::size_t>(path_.back()) >= parents_.size()) path_.pop_back();
      stay = base_ + path_.size();
    } else {
      base_ = base_ < n ? base_ : n;
      parents_.clear();
      path_.clear();
    }
    tokens_.resize(n);
    if (inner_.length() > stay) inner_.rewind(stay);
  }

  void keep(std::span<const node_id> path) {
    node_id above = prefix_node;
    for (const node_id node : path) {
      if (node < 0 || static_cast<std::size_t>(node) >= length() - base_ || parent(node) != above) {
        throw std::invalid_argument("proviso: chain_emulation: keep(path): node " + std::to_string(node) +
                                    " does not follow the one before it in the block evaluated last");
      }
      above = node;
    }
    std::size_t common = path.size();
    if (!parents_.empty()) {
      common = 0;
      while (common < path.size() && common < path_.size() && path[common] == path_[common]) ++common;
    }
    if (inner_.length() > base_ + common) inner_.rewind(base_ + common);
    for (std::size_t i = 0; i < path.size(); ++i)
      tokens_[base_ + i] = tokens_[base_ + static_cast<std::size_t>(path[i])];
    base_ += path.size();
    tokens_.resize(base_);
    parents_.clear();
    path_.clear();
  }

 private:
  node_id parent(node_id node) const noexcept {
    return parents_.empty() ? node - 1 : parents_[static_cast<std::size_t>(node)];
  }
  static bool straight(const tree_block& block) noexcept {
    for (std::size_t i = 0; i < block.parents.size(); ++i) {
      if (block.parents[i] != static_cast<node_id>(i) - 1) return false;
    }
    return true;
  }

  void check(const tree_block& block) {
    const std::size_t size = block.tokens.size();
    if (block.want > size) {
      throw std::invalid_argument("proviso: chain_emulation: more rows are wanted than the block has tokens");
    }
    if (!block.parents.empty() && block.parents.size() != size) {
      throw std::invalid_argument("proviso: chain_emulation: a tree has one parent per token");
    }
    if (straight(block)) return;
    node_id deepest = 0;
    depth_.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
      const node_id above = block.parents[i];
      if (above < prefix_node || above >= static_cast<node_id>(i)) {
        throw std::invalid_argument("proviso: chain_emulation: the parent of node " + std::to_string(i) + " is " +
                                    std::to_string(above) + ", which does not stand before it");
      }
      depth_[i] = above == prefix_node ? 1 : depth_[static_cast<std::size_t>(above)] + 1;
      deepest = deepest < depth_[i] ? depth_[i] : deepest;
    }
    if constexpr (horizon_session<S>) {
      if (static_cast<std::size_t>(deepest) > inner_.max_rewind()) {
        throw std::invalid_argument("proviso: chain_emulation: a path of the tree has " + std::to_string(deepest) +
                                    " tokens, but the session goes back at most " +
                                    std::to_string(inner_.max_rewind()) +
                                    "; draft less deeply or put a replaying_session around it");
      }
    }
  }

  /// What is left of the block evaluated last becomes text.
  void settle() {
    for (std::size_t i = 0; i < parents_.size(); ++i) {
      if (parents_[i] != static_cast<node_id>(i) - 1) {
        throw std::invalid_argument(
            "proviso: chain_emulation: the session holds a tree; keep a path of it or rewind "
            "before the next block");
      }
    }
    base_ = length();
    parents_.clear();
    path_.clear();
  }

  /// Rows of the nodes from `first` on.
  logits_view<value_type> eval_paths(std::size_t first) {
    link(first);
    std::size_t cols = 0;
    for (node_id branch = newest_[0]; branch != prefix_node;) {
      const std::size_t from = path_.size();
      for (node_id n = branch; n != prefix_node; n = newest_[static_cast<std::size_t>(n) + 1]) path_.push_back(n);
      cols = eval_path(from, first);
      branch = prefix_node;
      for (std::size_t k = path_.size(); k > 0 && branch == prefix_node; --k) {
        branch = older_[static_cast<std::size_t>(path_[k - 1])];
        if (branch == prefix_node) continue;
        path_.resize(k - 1);
        inner_.rewind(base_ + k - 1);
      }
    }
    return {rows_.data(), parents_.size() - first, cols};
  }

  /// Sets `newest_[n + 1]` to the last child of node `n` that a row from `first` on needs, and `older_` to the needed
  /// sibling before a node.
  void link(std::size_t first) {
    const std::size_t size = parents_.size();
    newest_.assign(size + 1, prefix_node);
    older_.assign(size, prefix_node);
    needed_.assign(size, 0);
    for (std::size_t i = size; i > 0; --i) {
      if (i > first) needed_[i - 1] = 1;
      if (needed_[i - 1] != 0 && parents_[i - 1] != prefix_node) needed_[static_cast<std::size_t>(parents_[i - 1])] = 1;
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (needed_[i] == 0) continue;
      node_id& newest = newest_[static_cast<std::size_t>(parents_[i] + 1)];
      older_[i] = newest;
      newest = static_cast<node_id>(i);
    }
  }

  /// Evaluates the nodes `path_[from]`.. and copies their rows. Nodes ascend along a path, so those that want a row are
  /// its last ones. Returns the number of columns.
  std::size_t eval_path(std::size_t from, std::size_t first) {
    const std::size_t held = inner_.length();
    chain_.clear();
    for (std::size_t i = held; i < base_; ++i) chain_.push_back(tokens_[i]);
    std::size_t want = 0;
    for (std::size_t i = from; i < path_.size(); ++i) {
      const auto node = static_cast<std::size_t>(path_[i]);
      chain_.push_back(tokens_[base_ + node]);
      want += node >= first ? 1U : 0U;
    }
    const inner_view rows = inner_.eval(chain_block{detail::view(chain_), want});
    compute_rows(rows);
    const std::size_t cols = rows.cols();
    rows_.resize((parents_.size() - first) * cols);
    for (std::size_t r = 0; r < want; ++r) {
      const auto node = static_cast<std::size_t>(path_[path_.size() - want + r]);
      const value_type* const row = rows.data() + r * rows.stride();
      value_type* const to = rows_.data() + (node - first) * cols;
      for (std::size_t x = 0; x < cols; ++x) to[x] = row[x];
    }
    return cols;
  }

  S inner_;
  detail::list<token_id> tokens_;  // what the caller sees
  std::size_t base_ = 0;           // tokens before the block evaluated last; `inner_` may lack some after `keep`
  detail::list<node_id> parents_;  // of that block; empty when it is a chain, which `inner_` then holds
  detail::list<node_id> path_;     // nodes of it that `inner_` holds after the text
  std::vector<value_type> rows_;
  detail::list<token_id> chain_;
  detail::list<node_id> newest_, older_, needed_, depth_;
};

/// A model whose sessions evaluate trees, by chains on the sessions of `M`. `M` outlives it.
///
///     proviso::chain_emulation big{my_model};
///     proviso::decoder d{proviso::speculative{big, proviso::drafters::sampled_tree{small, {2, 2}}, ...}};
///
/// Guarantee, errors and cost: those of `chain_emulation_session`.
template <class M>
class chain_emulation {
 public:
  explicit chain_emulation(M& model) : model_{&model} { static_assert(explain_model<M>()); }

  std::size_t vocab_size() const { return model_->vocab_size(); }
  auto open() { return chain_emulation_session<session_t<M>>{model_->open()}; }

 private:
  M* model_;
};

}  // namespace v0
}  // namespace proviso
