// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>

#include <proviso/core/context.hpp>
#include <proviso/core/list.hpp>
#include <proviso/drafters/tree_growth.hpp>
#include <proviso/model/explain.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// A smaller model drafts the tree of at most `nodes` tokens whose probabilities, each the product along its path, have
/// the largest sum: the expected number of accepted tokens if the target agreed with the model. Its shape follows
/// the laws: deep where the model is sure, wide where it is not.
///
/// It grows level by level. Of all tokens seen so far the `nodes` best stay; of each level at most `width` that stay
/// are evaluated. A child is never more probable than its parent, so with `width >= nodes` the result is the best tree
/// of the allowed depth. At temperature 0 the law of temperature 1 ranks.
///
/// Requirements: the vocabulary of the target; sessions that evaluate trees (`chain_emulation` gives them).
/// Guarantee: tokens are pushed, so the draft is lossless with every lossless rule. No token of probability 0.
/// Errors: `std::invalid_argument` when `nodes` or `width` is 0.
/// Cost per round: that of `tree_growth`, and one pass over a law for every evaluated node. One law is held.
/// Source: Li et al. (EAGLE-2), arXiv 2406.16858; Wang et al. (OPT-Tree), arXiv 2406.17276.
template <class M>
class best_first_tree {
 public:
  explicit best_first_tree(const M&& temporary, std::size_t = 16, std::size_t = 10)
      : best_first_tree{refuse_temporary(temporary)} {}
  explicit best_first_tree(M& draft_model, std::size_t nodes = 16, std::size_t width = 10)
      : needs_trees{nodes > 1}, growth_{draft_model}, nodes_{nodes}, width_{width} {
    if (nodes == 0 || width == 0) {
      throw std::invalid_argument("proviso: best_first_tree needs at least one node, and a width of at least one");
    }
    if (nodes > 1 && width > 1) growth_.require_trees();
  }

  bool needs_trees;  ///< unless it is one node

  void visit_models(function_ref<void(model_slot&)> f) { f(growth_.slot()); }
  void start(std::span<const token_id>) { growth_.start(); }

  task propose(const context& c, draft& d) {
    most_ = nodes_ < d.room() ? nodes_ : d.room();
    best_.clear();
    odds_.assign(1, 1.0);
    grown_.reset(c.text().back(), d.root_position(), c.limit(), unlimited - 1, d.stops());
    co_await growth_.grow(c, grown_, *this);
    place_.assign(grown_.size(), draft::root());
    for (const candidate& b : best_) {
      const node_id placed = d.push(place_[static_cast<std::size_t>(b.parent)], b.token);
      if (b.node != prefix_node) place_[static_cast<std::size_t>(b.node)] = placed;
    }
  }

  void commit(const feedback& f) { growth_.settle(f.text); }

  /// Called by `tree_growth`.
  std::size_t add_level(const context& c, draft& d, const logits_rows& rows, node_id first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const node_id at = first + static_cast<node_id>(i);
      const law_view q = c.ranking(rows, i, d, at, law_);
      if (q && c.proceed(d.depth(at), q)) offer(at, q);
    }
    return d.depth(first) + 1 == c.limit() ? 0 : extend(first);
  }

 private:
  /// A token that may be drafted. `parent` and `node` are nodes of `grown_`; `node` is `prefix_node` unless it is one.
  struct candidate {
    double odds;
    token_id token;
    node_id parent;
    node_id node;
  };

  /// Lets the tokens of `q` after `parent` compete with those seen so far. `best_` descends, and among equals the older
  /// stands first: parents stand before their children.
  void offer(node_id parent, const law_view& q) {
    const double above = odds_[static_cast<std::size_t>(parent)];
    for (const std::size_t entry : top_.of(q, most_)) {
      const double odds = above * (q.weight(entry) / q.total());
      if (best_.size() == most_) {
        if (!(odds > best_.back().odds)) return;
        best_.pop_back();
      }
      best_.push_back({odds, q.token(entry), parent, prefix_node});
      for (std::size_t i = best_.size() - 1; i > 0 && best_[i - 1].odds < best_[i].odds; --i) {
        const candidate better = best_[i];
        best_[i] = best_[i - 1];
        best_[i - 1] = better;
      }
    }
  }

  /// Adds the best children of the nodes from `first` on, the newest level, to `grown_`. Returns how many.
  std::size_t extend(node_id first) {
    std::size_t added = 0;
    for (candidate& b : best_) {
      if (b.parent < first || added == width_) continue;
      b.node = grown_.push(b.parent, b.token);
      odds_.push_back(b.odds);
      ++added;
    }
    return added;
  }

  tree_growth growth_;
  std::size_t nodes_;
  std::size_t width_;
  std::size_t most_ = 0;       // nodes that this round allows
  draft grown_;                // the nodes whose rows were asked for, level by level
  detail::list<double> odds_;  // of the nodes of `grown_`: products of probabilities
  detail::list<candidate> best_;
  detail::list<node_id> place_;  // of the nodes of `grown_` in the draft
  law_buffer law_;
  top_entries top_;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
