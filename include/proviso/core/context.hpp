// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <stdexcept>

#include <proviso/core/draft.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/generation.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/law_builder.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/requests.hpp>
#include <proviso/core/task.hpp>
#include <proviso/core/top_entries.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {

/// What rule and length policy want of a drafter, see `rule` and `length_policy`.
struct drafting_wishes {
  bool shares_noise = false;
  bool likeliest = false;
  bool reads_laws = true;
};

/// What a drafter sees of a round.
class context {
 public:
  context(generation& g, transform_ref shape, function_ref<bool(std::size_t, const law_view&)> proceed,
          std::size_t limit, drafting_wishes wishes = {}) noexcept
      : g_{g}, shape_{shape}, proceed_{proceed}, limit_{limit}, wishes_{wishes} {}

  /// Prompt and committed tokens; the last one is the root of the draft.
  std::span<const token_id> text() const noexcept { return g_.text(); }
  /// How deep tokens may be proposed this round; for a chain, how many. How many nodes a tree may have, `draft::room`
  /// says.
  std::size_t limit() const noexcept { return limit_; }
  /// Tokens that may still be emitted: with those of `text`, what a drafter's index may have to hold.
  std::size_t room() const noexcept { return g_.room(); }
  random_ref random() const noexcept { return g_.random(); }

  /// Whether the length policy wants a token at `depth` (from 0), given the law that it would be drawn from.
  bool proceed(std::size_t depth, const law_view& q) const { return proceed_(depth, q); }
  /// The same for the token after `node`, where `q` is the law of row `i`. A point (temperature 0) says nothing about
  /// how sure the drafter is: then a policy that reads laws is asked about that of `ranking`, built in `memory`.
  bool proceed(const logits_rows& rows, std::size_t i, const draft& d, node_id node, const law_view& q,
               law_buffer& memory) const {
    return proceed_(d.depth(node), q.is_point() && wishes_.reads_laws ? ranking(rows, i, d, node, memory) : q);
  }

  /// Chooses the token after `at` as the rule wants it: drawn from `q` and recorded with it; or, for a rule that shares
  /// the target's noise, by a race on that noise; or, for one that keeps the text whatever is drafted, the most
  /// probable token of `q`. The law is not needed then.
  node_id sample(draft& d, node_id at, const law_view& q) const {
    if (wishes_.shares_noise) return d.push(at, random().pick_token(q, d.next_position(at), draw::race));
    return wishes_.likeliest ? d.push(at, q.argmax()) : d.sample(at, q, random());
  }
  /// The same for `count` siblings, which `draft::sample_siblings` draws unless the rule wants the most probable ones.
  std::size_t sample_siblings(draft& d, node_id at, const law_view& q, std::size_t count, replacement mode) const {
    if (!wishes_.likeliest) return d.sample_siblings(at, q, count, mode, random());
    std::size_t added = 0;
    for (const std::size_t entry : g_.top_.of(q, count)) {
      d.push(at, q.token(entry));
      ++added;
    }
    return added;
  }
  /// Whether the rule wants the most probable tokens, not drawn ones.
  bool wants_likeliest() const noexcept { return wishes_.likeliest; }

  /// Evaluations of the drafter's own models; see `generation`.
  request_board::evaluation evaluate(model_slot& slot, const masked_block& block) const {
    return g_.evaluate(slot, block);
  }
  template <class Slot>
  task feed(Slot& slot) const {
    return g_.feed(slot, g_.bounds().prefill_chunk);
  }

  /// The proposal law after `node`, shaped by the target's transforms and built in `out`. Empty when the row is not
  /// a law (NaN, +infinity) and behind a token that ends the text: propose nothing more then, which is lossless.
  law_view law(const logits_rows& rows, std::size_t i, const draft& d, node_id node, law_buffer& out) const {
    return shaped(rows, i, d, node, shape_, out);
  }
  /// The same for choosing tokens to push, without drawing: at temperature 0 not the point but the law of temperature
  /// 1, which ranks the other tokens, too.
  law_view ranking(const logits_rows& rows, std::size_t i, const draft& d, node_id node, law_buffer& out) const {
    auto softened = [this](law_builder& row, const text_position& where) {
      shape_(row, where);
      row.soften();
    };
    return shaped(rows, i, d, node, softened, out);
  }

 private:
  law_view shaped(const logits_rows& rows, std::size_t i, const draft& d, node_id node, transform_ref shape,
                  law_buffer& out) const {
    if (d.is_closed(node)) return {};
    try {
      return g_.law(rows, i, d, node, shape, out);
    } catch (const std::domain_error&) {
      g_.count_discarded();
      return {};
    }
  }

  generation& g_;
  transform_ref shape_;
  function_ref<bool(std::size_t, const law_view&)> proceed_;
  std::size_t limit_;
  drafting_wishes wishes_;
};

/// Whether a drafter names models of its own: `visit_models(f)` calls `f` with each of its slots.
template <class D>
concept has_models = requires(D& d, function_ref<void(model_slot&)> f) {
  d.visit_models(f);
};

/// Whether `propose` of a drafter is a coroutine: only then can it evaluate models.
template <class D>
concept awaits_models = requires(D& d, const context& c, draft& out) {
  { d.propose(c, out) } -> std::same_as<task>;
};

/// A drafter proposes tokens: `start(prompt)` once per generation, `propose(context, draft)` each round (a plain
/// function, or a coroutine returning `task` when it evaluates models), `commit(feedback)` after each round. One that
/// returns `task` also has `visit_models(f)`, which calls `f` with each `model_slot` that it evaluates.
/// Optional: `watch(text)`, see `drafters::any`; members `bool needs_trees`, that the target must evaluate trees, and
/// `bool reads_rows`, that it must be one model, whose rows `feedback` carries. Algorithms refuse other targets.
/// It need not look for the end of the text: behind a node with `draft::is_closed` there is no law, and what is added
/// there is never verified, only evaluated.
template <class D>
concept drafter = (has_models<D> || !awaits_models<D>)&&requires(D& d, std::span<const token_id> prompt,
                                                                 const context& c, draft& out, const feedback& f) {
  d.start(prompt);
  d.propose(c, out);
  d.commit(f);
};

/// Whether a drafter asks for a target that evaluates trees, and for one whose rows it reads.
template <class D>
constexpr bool needs_trees(const D& d) noexcept {
  if constexpr (requires { d.needs_trees; }) return d.needs_trees;
  return false;
}
template <class D>
constexpr bool reads_rows(const D& d) noexcept {
  if constexpr (requires { d.reads_rows; }) return d.reads_rows;
  return false;
}

}  // namespace v0
}  // namespace proviso
