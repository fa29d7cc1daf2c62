// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <proviso/core/context.hpp>
#include <proviso/core/draft.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/law_builder.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/task.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {

namespace detail {

template <class>
inline constexpr bool always_false = false;

// A hook that is optional is recognised by its name. So that a slip of the pen is no silent change, names beside it and
// the name with other arguments are refused.
template <class D>
concept misspells_visit_models =
    !has_models<D> &&
    (
        requires { &D::visit_models; } || requires { &D::visit_model; } || requires { &D::visits_models; } ||
        requires { &D::visit_slots; } || requires { &D::visit; } || requires { &D::visitModels; });
template <class D>
concept misspells_watch = !requires(D & d, std::span<const token_id> text) {
  d.watch(text);
}
&&(
    requires { &D::watch; } || requires { &D::watches; } || requires { &D::watch_text; });
template <class D>
concept misspells_drafter_flag = requires {
  &D::need_trees;
}
|| requires { &D::needs_tree; }
|| requires { &D::proposes_trees; }
|| requires { &D::read_rows; }
|| requires { &D::reads_row; }
|| requires { &D::needs_rows; };
template <class R>
concept misspells_rule_start = !requires(R & r) {
  r.start();
}
&&(
    requires { &R::start; } || requires { &R::starts; } || requires { &R::started; } || requires { &R::on_start; } ||
    requires { &R::restart; } || requires { &R::reset; });
template <class R>
concept misspells_shares_noise = requires {
  &R::share_noise;
}
|| requires { &R::shared_noise; }
|| requires { &R::shares_noises; }
|| requires { &R::sharesNoise; };

template <class P>
concept other_than_drafter = !drafter<P> && (rule<P> || transform<P> || length_policy<P>);
template <class P>
concept other_than_rule = !rule<P> && (drafter<P> || transform<P> || length_policy<P>);
template <class P>
concept other_than_transform = !transform<P> && (drafter<P> || rule<P> || length_policy<P>);
template <class P>
concept other_than_length_policy = !length_policy<P> && (drafter<P> || rule<P> || transform<P>);

}  // namespace detail

/// Explains, in sentences, which requirement of `drafter` a type misses. Always true when it compiles; algorithms
/// assert it, so the first error a user reads is a remedy. The same for the other policies below.
template <class D>
consteval bool explain_drafter() {
  if constexpr (detail::other_than_drafter<D>) {
    static_assert(detail::always_false<D>,
                  "proviso: another policy stands where the drafter belongs - the order is: model, drafter, rule, "
                  "transform, length policy.");
  } else {
    static_assert(
        requires(D & d, std::span<const token_id> prompt) { d.start(prompt); },
        "proviso: a drafter needs `start(std::span<const token_id> prompt)` - it begins a generation.");
    constexpr bool has_propose = requires(D & d, const context& c, draft& out) { d.propose(c, out); };
    static_assert(has_propose,
                  "proviso: a drafter needs `propose(const context&, draft&)` - it adds tokens to the draft; a plain "
                  "function, or a coroutine that returns `proviso::task` when it evaluates models.");
    static_assert(
        requires(D & d, const feedback& f) { d.commit(f); },
        "proviso: a drafter needs `commit(const feedback&)` - it hears after each round what stands.");
    static_assert(
        has_models<D> || !awaits_models<D>,
        "proviso: a drafter whose `propose` returns `task` needs `visit_models(function_ref<void(model_slot&)> "
        "f)` - it calls `f` with every slot that it evaluates.");
    static_assert(!detail::misspells_visit_models<D>,
                  "proviso: the hook that names a drafter's models is `visit_models(function_ref<void(model_slot&)>)`; "
                  "this drafter has one with almost that name or with other arguments.");
    static_assert(!detail::misspells_watch<D>,
                  "proviso: the hook that shows a drafter the text is `watch(std::span<const token_id>)`; this drafter "
                  "has one with almost that name or with other arguments.");
    static_assert(
        !detail::misspells_drafter_flag<D>,
        "proviso: what a drafter asks of its target is called `needs_trees` and `reads_rows`; this drafter has "
        "a member with almost that name.");
  }
  return true;
}

template <class R>
consteval bool explain_rule() {
  if constexpr (detail::other_than_rule<R>) {
    static_assert(detail::always_false<R>,
                  "proviso: another policy stands where the rule belongs - the order is: model, drafter, rule, "
                  "transform, length policy.");
  } else {
    constexpr bool says_lossless = requires(const R& r) {
      { r.lossless } -> std::convertible_to<bool>;
    };
    static_assert(says_lossless,
                  "proviso: a rule needs `static constexpr bool lossless` - whether the law of the text is exactly the "
                  "target's.");
    constexpr bool verifies = requires(R & r, const draft& d, const target_laws& p, random_ref random) {
      { r(d, p, random) } -> std::same_as<outcome>;
    };
    static_assert(verifies,
                  "proviso: a rule needs `outcome operator()(const draft&, const target_laws&, random_ref)` - it says "
                  "which nodes stand and draws the token after them.");
    static_assert(!detail::misspells_rule_start<R>,
                  "proviso: the hook that begins a generation is `start()`; this rule has one with almost that name or "
                  "with other arguments.");
    static_assert(!detail::misspells_shares_noise<R>,
                  "proviso: the member that asks drafters to race on the target's noise is `bool shares_noise`; this "
                  "rule has one with almost that name.");
  }
  return true;
}

template <class T>
consteval bool explain_transform() {
  if constexpr (detail::other_than_transform<T>) {
    static_assert(detail::always_false<T>,
                  "proviso: another policy stands where the transform belongs - look up the order in which the "
                  "algorithm takes its policies; `speculative`: model, drafter, rule, transform, length policy.");
  } else if constexpr (requires(T & t, law_builder & row, const text_position& where) { t(row, where); }) {
    static_assert(transform<T>,
                  "proviso: a transform is a pure function of the row and its place - make its `operator()` `const`.");
  } else {
    static_assert(transform<T>,
                  "proviso: a transform needs `void operator()(law_builder&, const text_position&) const` - it edits "
                  "the row.");
  }
  return true;
}

template <class L>
consteval bool explain_length_policy() {
  if constexpr (detail::other_than_length_policy<L>) {
    static_assert(
        detail::always_false<L>,
        "proviso: another policy stands where the length policy belongs - the order is: model, drafter, rule, "
        "transform, length policy.");
  } else {
    static_assert(
        requires(L & l) { l.start(); },
        "proviso: a length policy needs `start()` - it begins a generation and forgets.");
    constexpr bool has_limit = requires(L & l) {
      { l.limit() } -> std::convertible_to<std::size_t>;
    };
    static_assert(has_limit,
                  "proviso: a length policy needs `std::size_t limit()` - how deep drafts may be this round.");
    constexpr bool has_proceed = requires(L & l, const law_view& q) {
      { l.proceed(std::size_t{}, q) } -> std::convertible_to<bool>;
    };
    static_assert(
        has_proceed,
        "proviso: a length policy needs `bool proceed(std::size_t depth, const law_view& q)` - whether to draw "
        "a token from `q`.");
    static_assert(
        requires(L & l, const feedback& f) { l.observe(f); },
        "proviso: a length policy needs `observe(const feedback&)` - it learns from the round.");
  }
  return true;
}

}  // namespace v0
}  // namespace proviso
