// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include <proviso/core/context.hpp>
#include <proviso/model/explain.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// A smaller causal model drafts a chain, token by token, each drawn from its own law after the target's transforms
/// (at temperature 0, and under a rule that keeps the text whatever is drafted: its argmax).
/// Requirement: the vocabulary of the target. Guarantee: every drawn token is recorded with the law it came from.
/// Cost per round: one evaluation of the model per drafted token; the last drafted token is evaluated only when it
/// was accepted, together with the token after it.
template <class M>
class model {
 public:
  explicit model(const M&& temporary) : model{refuse_temporary(temporary)} {}
  explicit model(M& draft_model) : slot_{draft_model} { static_assert(explain_causal_model<M>()); }

  void visit_models(function_ref<void(model_slot&)> f) { f(slot_); }
  void start(std::span<const token_id>) const noexcept {}

  task propose(const context& c, draft& d) {
    // The last node is not evaluated, so a draft of n tokens needs room for n - 1 tokens after the text.
    // A refused draft takes n - 1 tokens back.
    std::size_t limit = c.limit();
    if (slot_.max_rewind() < limit) limit = slot_.max_rewind() + 1;
    if (slot_.capacity() < c.text().size() + limit) {
      limit = slot_.capacity() < c.text().size() ? 0 : slot_.capacity() + 1 - c.text().size();
    }
    if (limit == 0 || !c.proceed(0, {})) co_return;
    co_await c.feed(slot_);
    logits_rows rows = co_await c.evaluate(slot_, chain_block{c.text().subspan(slot_.length()), 1});
    for (node_id at = draft::root();;) {
      const law_view q = c.law(rows, 0, d, at, d.next_law());
      if (!q || !c.proceed(rows, 0, d, at, q, ranking_)) co_return;
      at = c.sample(d, at, q);
      if (d.depth(at) == limit || d.is_closed(at) || !c.proceed(d.depth(at), {})) co_return;
      last_ = d.token(at);
      rows = co_await c.evaluate(slot_, chain_block{{&last_, 1}, 1});
    }
  }

  void commit(const feedback& f) { slot_.match(f.text); }

 private:
  model_slot slot_;
  law_buffer ranking_;
  token_id last_ = 0;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
