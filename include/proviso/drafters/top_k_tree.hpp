// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <proviso/core/context.hpp>
#include <proviso/drafters/tree_growth.hpp>
#include <proviso/model/explain.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// A smaller model drafts a tree of fixed shape; the children of a node are its most probable tokens, in that order
/// (lowest id first among equals), after the target's transforms. At temperature 0 the law of temperature 1 ranks.
/// Requirements: the vocabulary of the target; sessions that evaluate trees (`chain_emulation` gives them).
/// Guarantee: tokens are pushed, so the draft is lossless with every lossless rule. No token of probability 0.
/// Cost per round: that of `tree_growth`, and one pass over a law for every node that has children. One law is held.
/// Source: Cai et al. (Medusa), arXiv 2401.10774, for candidates of fixed shape.
template <class M>
class top_k_tree {
 public:
  explicit top_k_tree(const M&& temporary, branching = {2, 2, 1}) : top_k_tree{refuse_temporary(temporary)} {}
  explicit top_k_tree(M& draft_model, branching children = {2, 2, 1})
      : needs_trees{children.branches(children.depth())},
        growth_{draft_model, children},
        children_{std::move(children)} {}

  bool needs_trees;  ///< whether its shape branches

  void visit_models(function_ref<void(model_slot&)> f) { f(growth_.slot()); }
  void start(std::span<const token_id>) { growth_.start(); }

  task propose(const context& c, draft& d) { return growth_.grow(c, d, *this); }
  void commit(const feedback& f) { growth_.settle(f.text); }

  /// Called by `tree_growth`.
  std::size_t add_level(const context& c, draft& d, const logits_rows& rows, node_id first, std::size_t count) {
    return children_.add_level(c, d, first, count, [&](std::size_t i, node_id at, std::size_t n) {
      const law_view q = c.ranking(rows, i, d, at, law_);
      if (!q || !c.proceed(d.depth(at), q)) return;
      for (const std::size_t entry : top_.of(q, n)) d.push(at, q.token(entry));
    });
  }

 private:
  tree_growth growth_;
  branching children_;
  law_buffer law_;
  top_entries top_;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
