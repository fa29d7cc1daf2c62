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

/// A smaller model drafts a tree of fixed shape; the children of a node are drawn from its law after the target's
/// transforms, with or without replacement. `sampled_tree{small, {K, 1, 1}, replacement::with}` are K independent
/// chains.
/// Requirements: the vocabulary of the target; sessions that evaluate trees (`chain_emulation` gives them).
/// Guarantee: siblings are recorded with the law and the manner in which they were drawn. Where the tree ends depends
/// on laws and tokens drawn before, never on the value of a token that is then taken out.
/// Under a rule that keeps the text whatever is drafted, the children are the most probable tokens.
/// At temperature 0 the law is a point: without replacement the tree is a chain.
/// Cost per round: that of `tree_growth`. Memory: one law per node that has children.
/// Source: Miao et al. (SpecInfer), arXiv 2305.09781; without replacement: Jeon et al. (RSD), arXiv 2402.14160; Chen
/// et al. (Sequoia), arXiv 2402.12374.
template <class M>
class sampled_tree {
 public:
  explicit sampled_tree(const M&& temporary, branching = {2, 2, 1}, replacement = replacement::without)
      : sampled_tree{refuse_temporary(temporary)} {}
  explicit sampled_tree(M& draft_model, branching children = {2, 2, 1}, replacement mode = replacement::without)
      : needs_trees{children.branches(children.depth())},
        growth_{draft_model, children},
        children_{std::move(children)},
        mode_{mode} {}

  bool needs_trees;  ///< whether its shape branches

  void visit_models(function_ref<void(model_slot&)> f) { f(growth_.slot()); }
  void start(std::span<const token_id>) { growth_.start(); }

  task propose(const context& c, draft& d) { return growth_.grow(c, d, *this); }
  void commit(const feedback& f) { growth_.settle(f.text); }

  /// Called by `tree_growth`.
  std::size_t add_level(const context& c, draft& d, const logits_rows& rows, node_id first, std::size_t count) {
    return children_.add_level(c, d, first, count, [&](std::size_t i, node_id at, std::size_t n) {
      const law_view q = c.law(rows, i, d, at, d.next_law());
      if (q && c.proceed(rows, i, d, at, q, ranking_)) c.sample_siblings(d, at, q, n, mode_);
    });
  }

 private:
  tree_growth growth_;
  branching children_;
  replacement mode_;
  law_buffer ranking_;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
