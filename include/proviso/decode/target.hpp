// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include <proviso/core/draft.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/generation.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/requests.hpp>
#include <proviso/core/task.hpp>
#include <proviso/model/explain.hpp>

namespace proviso {
inline namespace v0 {

/// What algorithms decode from: a model, or several of them that are combined into one law. `co_await feed(g)` and
/// `co_await evaluate(g, block)` bring all sessions up to the text and evaluate a block; the latter gives rows, of
/// which `law` builds the law after a node.
template <class T>
concept decoding_target = requires(T& t, generation& g, std::size_t depth, const masked_block& block,
                                   std::span<const node_id> path, function_ref<void(model_slot&)> f) {
  t.visit_models(f);
  { t.feed(g) } -> std::same_as<task>;
  { t.draft_limit(g, depth) } -> std::same_as<draft_bounds>;
  t.evaluate(g, block);
  t.keep(path);
};

/// A target whose evaluations give the rows of one model.
template <class T>
concept gives_rows = decoding_target<T> && requires(T& t, generation& g, const masked_block& block) {
  { t.evaluate(g, block).await_resume() } -> std::convertible_to<logits_rows>;
};

/// One model as a target: what `autoregressive{model}` and `speculative{model, ..}` hold.
class one_model {
 public:
  template <class M>
  requires(!std::same_as<std::remove_cv_t<M>, one_model>) explicit one_model(M& model) : slot_{model} {
    static_assert(explain_causal_model<M>());
  }

  void visit_models(function_ref<void(model_slot&)> f) { f(slot_); }
  template <class Generation>  // see `generation::feed`
  task feed(Generation& g) {
    return g.feed(slot_, 1);
  }
  draft_bounds draft_limit(generation& g, std::size_t depth) const { return g.draft_limit(slot_, depth); }
  request_board::evaluation evaluate(generation& g, const masked_block& block) { return g.evaluate(slot_, block); }
  law_view law(generation& g, const logits_rows& rows, const draft& d, node_id node, transform_ref shape,
               law_buffer& out) const {
    return g.law(rows, static_cast<std::size_t>(node), d, node, shape, out);
  }
  void keep(std::span<const node_id> path) { slot_.keep(path); }

 private:
  model_slot slot_;
};

}  // namespace v0
}  // namespace proviso
