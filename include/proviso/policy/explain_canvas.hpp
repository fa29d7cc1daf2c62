// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <type_traits>

#include <proviso/core/canvas_step.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/generation.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/task.hpp>
#include <proviso/policy/explain.hpp>
#include <proviso/schedules/log_linear.hpp>

namespace proviso {
inline namespace v0 {
namespace detail {

template <class O>
concept prepares = requires(O& o, canvas_step& s) {
  { o.prepare(s) } -> std::convertible_to<bool>;
};
template <class O>
concept reweighs = requires(O& o, generation& g, canvas_step& s) {
  { o.reweigh(g, s) } -> std::same_as<task>;
};
template <class O>
concept misspells_order_hook =
    (!prepares<O> && (
                         requires { &O::prepare; } || requires { &O::prepares; } || requires { &O::prepared; })) ||
    (!reweighs<O> && (
                         requires { &O::reweigh; } || requires { &O::reweight; } || requires { &O::reweighs; })) ||
    requires {
  &O::look_back;
}
|| requires { &O::looks_backwards; }
|| misspells_visit_models<O>;

template <class P>
concept other_than_order = !canvas_order<P> && (transform<P> || masking_schedule<P> || canvas_stop<P>);
template <class P>
concept other_than_schedule = !masking_schedule<P> && (transform<P> || canvas_order<P> || canvas_stop<P>);
template <class P>
concept other_than_stop = !canvas_stop<P> && (transform<P> || masking_schedule<P> || canvas_order<P>);

}  // namespace detail

/// What `explain_drafter` is for drafters, for the policies of `diffusion`.
template <class O>
consteval bool explain_order() {
  if constexpr (detail::other_than_order<O>) {
    static_assert(detail::always_false<O>,
                  "proviso: another policy stands where the order belongs - the order is: model, settings, order, "
                  "transform, schedule, stop.");
  } else {
    constexpr bool says_scheduled = requires {
      { O::scheduled } -> std::convertible_to<bool>;
    };
    static_assert(
        says_scheduled,
        "proviso: an order needs `static constexpr bool scheduled` - whether the number of steps is planned.");
    static_assert(
        requires(O & o, canvas_step & s) { o(s); },
        "proviso: an order needs `operator()(canvas_step&)` - it fills positions.");
    static_assert(!detail::misspells_order_hook<O>,
                  "proviso: the optional members of an order are `bool prepare(canvas_step&)`, `task "
                  "reweigh(generation&, canvas_step&)`, `visit_models(f)` and `looks_back`; this order has one with "
                  "almost that name or with other arguments.");
    static_assert(!detail::reweighs<O> || has_models<O>,
                  "proviso: an order with `reweigh` needs `visit_models(function_ref<void(model_slot&)> f)` - it calls "
                  "`f` with every slot that it evaluates.");
  }
  return true;
}

template <class S>
consteval bool explain_schedule() {
  if constexpr (detail::other_than_schedule<S>) {
    static_assert(detail::always_false<S>,
                  "proviso: another policy stands where the schedule belongs - the order is: model, settings, order, "
                  "transform, schedule, stop.");
  } else {
    static_assert(masking_schedule<S>,
                  "proviso: a schedule needs `double operator()(double t) const`, the masked fraction at time t, and "
                  "`double time(double m) const`, its inverse.");
  }
  return true;
}

template <class S>
consteval bool explain_stop() {
  if constexpr (detail::other_than_stop<S>) {
    static_assert(detail::always_false<S>,
                  "proviso: another policy stands where the stop belongs - the order is: model, settings, order, "
                  "transform, schedule, stop.");
  } else {
    static_assert(canvas_stop<S>,
                  "proviso: a stop needs `bool operator()(canvas_step&)` - whether to fill the rest of the window at "
                  "once.");
  }
  return true;
}

}  // namespace v0
}  // namespace proviso
