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

/// A smaller model drafts a tree of fixed shape for `rules::greedy_hub`: of the n children of a node, n - 1 are its
/// most probable tokens, which are pushed, and the last is drawn from the law without them.
/// Requirements: the vocabulary of the target; sessions that evaluate trees (`chain_emulation` gives them).
/// Guarantee: the drawn child is recorded with the law it was drawn from, that of the node after the target's
/// transforms with the pushed tokens taken out. Where nothing is left of it, no child is drawn.
/// At temperature 0 all n children are pushed, ranked by the law of temperature 1; under a rule that keeps the text
/// whatever is drafted all are pushed, too.
/// Cost per round: that of `tree_growth`, and two passes over the law for every pushed child.
/// Source: Hu et al., arXiv 2502.18779 (greedy sampling); n = 2: Sun et al. (SpecHub), arXiv 2411.05289.
template <class M>
class hub_tree {
 public:
  explicit hub_tree(const M&& temporary, branching = {2, 2, 1}) : hub_tree{refuse_temporary(temporary)} {}
  explicit hub_tree(M& draft_model, branching children = {2, 2, 1})
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
      law_view q = c.law(rows, i, d, at, d.next_law());
      if (!q || !c.proceed(rows, i, d, at, q, ranking_)) return;
      const bool draws = !q.is_point() && !c.wants_likeliest();
      if (q.is_point()) q = c.ranking(rows, i, d, at, d.next_law());
      for (std::size_t pushed = draws ? 1 : 0; pushed < n && q; ++pushed) {
        const token_id x = q.argmax();
        d.push(at, x);
        q = numeric::without(q, x, d.next_law());
      }
      if (draws && q) d.sample(at, q, c.random());
    });
  }

 private:
  tree_growth growth_;
  branching children_;
  law_buffer ranking_;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
