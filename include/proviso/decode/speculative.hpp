// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <proviso/core/context.hpp>
#include <proviso/core/draft.hpp>
#include <proviso/core/generation.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/law_cache.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/task.hpp>
#include <proviso/decode/target.hpp>
#include <proviso/drafters/none.hpp>
#include <proviso/lengths/fixed.hpp>
#include <proviso/model/any_model.hpp>
#include <proviso/model/concepts.hpp>
#include <proviso/model/explain.hpp>
#include <proviso/policy/explain.hpp>
#include <proviso/rules/automatic.hpp>
#include <proviso/transforms/temperature.hpp>

namespace proviso {
inline namespace v0 {

namespace detail {

/// What is known of a drafter when compiled.
template <class D>
concept always_needs_trees = requires {
  typename std::enable_if_t<D::needs_trees>;
};
template <class D>
concept always_reads_rows = requires {
  typename std::enable_if_t<D::reads_rows>;
};

}  // namespace detail

/// Speculative decoding: a drafter proposes tokens, one evaluation of the target scores all of them, and a rule
/// keeps a part of them and draws the token after it.
///
/// Guarantee: that of the rule; with a lossless rule, exactly the target's law after the transform. Cost per round:
/// one evaluation of draft + 1 tokens, plus what the drafter evaluates. The target is a model or, by value, `combined`
/// models: then the law is the combined one, and every model evaluates the draft.
/// Source: Leviathan et al., arXiv 2211.17192; Chen et al., arXiv 2302.01318.
/// Errors: `std::invalid_argument` when made, for a drafter of trees where a model of the target evaluates chains only,
/// and for one that reads rows where the target is an ensemble; a sentence of the compiler where the types tell.
template <class Drafter = drafters::none, class Rule = rules::automatic, class Transform = transforms::temperature,
          class Length = lengths::fixed, decoding_target Target = one_model>
class speculative {
 public:
  static_assert(explain_drafter<Drafter>());
  static_assert(explain_rule<Rule>());
  static_assert(explain_transform<Transform>());
  static_assert(explain_length_policy<Length>());

  template <class M>
  requires(!decoding_target<M>) explicit speculative(M& model, Drafter proposer = Drafter{}, Rule verifier = Rule{},
                                                     Transform shape = Transform{}, Length length = Length{})
      : speculative(Target{model}, std::move(proposer), std::move(verifier), std::move(shape), std::move(length)) {
    static_assert(tree_model<M> || std::same_as<std::remove_cv_t<M>, model_ref> || !detail::always_needs_trees<Drafter>,
                  "proviso: this drafter proposes trees, but the sessions of this model have no `eval(tree_block)` and "
                  "`keep(path)` - wrap the model in `proviso::chain_emulation` or use a drafter of chains.");
  }
  template <class M, std::enable_if_t<!decoding_target<M>, int> = 0>  // clang 14 forgets a requires clause here
  explicit speculative(const M&& model, Drafter proposer = Drafter{}, Rule verifier = Rule{},
                       Transform shape = Transform{}, Length length = Length{})
      : speculative(refuse_temporary(model), std::move(proposer), std::move(verifier), std::move(shape),
                    std::move(length)) {}
  explicit speculative(Target decoded, Drafter proposer = Drafter{}, Rule verifier = Rule{},
                       Transform shape = Transform{}, Length length = Length{})
      : target_{std::move(decoded)},
        drafter_{std::move(proposer)},
        rule_{std::move(verifier)},
        shape_{std::move(shape)},
        length_{std::move(length)} {
    static_assert(gives_rows<Target> || !detail::always_reads_rows<Drafter>,
                  "proviso: this drafter reads rows of its target, which must be one model, not `combined` models.");
    check();
  }

  void visit_models(function_ref<void(model_slot&)> f) {
    target_.visit_models(f);
    if constexpr (has_models<Drafter>) drafter_.visit_models(f);
  }

  task generate(generation& g) {
    const transform_ref shape{shape_};
    const auto untouched = [](law_builder&, const text_position&) {};
    drafter_.start(g.text());
    length_.start();
    if constexpr (requires { rule_.start(); }) rule_.start();
    co_await target_.feed(g);
    while (g.running()) {
      const draft_bounds most = target_.draft_limit(g, length_.limit());
      if (!g.running()) break;
      g.begin(draft_, most);
      auto proceed = [this](std::size_t depth, const law_view& q) { return length_.proceed(depth, q); };
      const context c{
          g, shape, proceed, most.depth, {shares_noise(rule_), prefers_likeliest(rule_), reads_laws(length_)}};
      if constexpr (awaits_models<Drafter>) {
        co_await drafter_.propose(c, draft_);
      } else {
        drafter_.propose(c, draft_);
      }

      const auto& rows = co_await target_.evaluate(g, draft_.block());
      auto law_after = [&](node_id n) {
        return laws_.get(draft_, n, [&](law_buffer& out) { return target_.law(g, rows, draft_, n, shape, out); });
      };
      laws_.clear(draft_.expected_size());
      const target_laws p{law_after};
      const outcome o = rule_(draft_, p, g.random());

      auto own_after = [&](node_id n) { return target_.law(g, rows, draft_, n, untouched, own_); };
      const target_laws own{own_after};
      const std::size_t accepted = g.commit(draft_, o, p, target_, g.reports() ? &own : nullptr);
      feedback f{draft_, o, g.text(), accepted};
      if constexpr (std::is_convertible_v<decltype(rows), logits_rows>) f.rows = rows;
      drafter_.commit(f);
      length_.observe(f);
      co_await g.next_round();
    }
  }

 private:
  void check() {
    if (!gives_rows<Target> && reads_rows(drafter_)) {
      throw std::invalid_argument(
          "proviso: speculative: the drafter reads rows of its target, which must be one model, not `combined` models");
    }
    if (!needs_trees(drafter_)) return;
    target_.visit_models([](model_slot& slot) {
      if (slot.model().evaluates_trees()) return;
      throw std::invalid_argument(
          "proviso: speculative: the drafter proposes trees, but a model of the target evaluates chains only: wrap it "
          "in "
          "proviso::chain_emulation or use a drafter of chains");
    });
  }

  Target target_;
  Drafter drafter_;
  Rule rule_;
  Transform shape_;
  Length length_;
  draft draft_;
  law_cache laws_;
  law_buffer own_;
};

}  // namespace v0
}  // namespace proviso
