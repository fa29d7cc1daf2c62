// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <proviso/core/block.hpp>
#include <proviso/core/canvas.hpp>
#include <proviso/core/canvas_step.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/generation.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/task.hpp>
#include <proviso/core/view.hpp>
#include <proviso/model/denoiser.hpp>
#include <proviso/model/explain.hpp>
#include <proviso/orders/ancestral.hpp>
#include <proviso/policy/explain_canvas.hpp>
#include <proviso/schedules/log_linear.hpp>
#include <proviso/stops/early_commit.hpp>
#include <proviso/transforms/temperature.hpp>

namespace proviso {
inline namespace v0 {

/// What of a canvas is computed again when it has changed.
enum class canvas_cache : unsigned char {
  none,    ///< everything: exact
  prefix,  ///< the window and what follows it; what stands before it once per window. Approximate
  dual,    ///< the window; everything else once per window. Approximate; needs `open_canvas()`, else it is `prefix`
  frozen  ///< the canvas; the text before it once, blind to what follows. Exact for models trained so (block diffusion)
};

/// The shape of what `diffusion` writes.
struct canvas_settings {
  std::size_t length = 64;  ///< tokens of the canvas
  std::size_t block = 0;    ///< windows of so many tokens are filled from left to right; 0: the whole
  std::size_t steps = 32;   ///< per window, for orders that plan their steps; below 2^20
  bool growing = false;     ///< canvases of one block follow each other until the generation ends
  canvas_cache cache = canvas_cache::none;
  std::vector<token_id> given{};  ///< infilling: the canvas, with the mask token at open positions
};

/// Masked diffusion: a canvas of masks after the text is filled in steps, many positions at once. A schedule says how
/// much is masked when, an order which positions are filled, a stop when to fill the rest at once.
///
/// Tokens are emitted window by window, when all of a window is filled; given tokens are emitted, too, with
/// log-probability 0. The mask token is never emitted, given tokens never change. A generation ends at an end token,
/// the budget, or the end of the canvas (`stop_reason::budget`); a growing one goes on until one of the first two or
/// the capacity. Cost: at most one evaluation per step: rows are used until the canvas changes.
///
/// Guarantee: that of the order. Errors: `std::invalid_argument` for settings that make no sense, and when
/// `limits::best_tokens` is set, since no law of a token from left to right is computed; `std::length_error` when text
/// and canvas exceed the capacity, `std::domain_error` for a row that is not a law.
/// Source: Sahoo et al. (MDLM), arXiv 2406.07524; windows: Nie et al. (LLaDA), arXiv 2502.09992, Arriola et al.
/// (BD3LM), arXiv 2503.09573; caches: Wu et al. (Fast-dLLM), arXiv 2505.22618.
template <class Order = orders::ancestral, class Transform = transforms::temperature,
          class Schedule = schedules::log_linear, class Stop = stops::never>
class diffusion {
 public:
  static_assert(explain_order<Order>());
  static_assert(explain_transform<Transform>());
  static_assert(explain_schedule<Schedule>());
  static_assert(explain_stop<Stop>());

  template <class D>
  explicit diffusion(canvas_model<D>& model, canvas_settings settings = {}, Order order = Order{},
                     Transform shape = Transform{}, Schedule schedule = Schedule{}, Stop stop = Stop{})
      : slot_{model},
        mask_{model.mask_token()},
        settings_{std::move(settings)},
        order_{std::move(order)},
        shape_{std::move(shape)},
        schedule_{std::move(schedule)},
        stop_{std::move(stop)} {
    check();
  }

  template <class D>
  explicit diffusion(const canvas_model<D>&& model, canvas_settings settings = {}, Order order = Order{},
                     Transform shape = Transform{}, Schedule schedule = Schedule{}, Stop stop = Stop{})
      : diffusion(refuse_temporary(model), std::move(settings), std::move(order), std::move(shape), std::move(schedule),
                  std::move(stop)) {}

  void visit_models(function_ref<void(model_slot&)> f) {
    f(slot_);
    if constexpr (requires { order_.visit_models(f); }) order_.visit_models(f);
  }

  task generate(generation& g) {
    if (g.reports()) {
      throw std::invalid_argument("proviso: diffusion: limits::best_tokens asks for laws that a denoiser has not");
    }
    memory_.builder.follow_text();
    known_ = held_prompt(g.text());
    if (known_ == 0) slot_.restart();
    while (g.running()) {
      begin_canvas(g);
      for (std::size_t begin = 0; g.running() && begin < canvas_.size();) {
        const std::size_t end = window_end(begin);
        canvas_plan plan{begin, end, 0, settings_.steps, canvas_.masked_in(begin, end), 0.0};
        refreshed_ = false;
        for (; g.running() && canvas_.masked_in(begin, end) > 0; ++plan.step) {
          const bool last = Order::scheduled && plan.step >= plan.steps;
          if (Order::scheduled && !last) plan.stay = stay(plan);
          const std::span<const token_id> text = g.text().first(base_);
          canvas_step s{canvas_, memory_, plan, text, shape_, g.random(), g.prompt_size()};
          if (last || prepare(s)) {
            if (!refreshed_ || canvas_.version() != version_) {
              if (settings_.cache == canvas_cache::frozen && slot_.length() < base_) {
                if (slot_.length() == 0) prompt_ = base_;
                co_await g.evaluate(slot_, chain_block{text.subspan(slot_.length()), 0});
              }
              rows_ = co_await g.evaluate(slot_, block(text, s));
              version_ = canvas_.version();
              refreshed_ = true;
            }
            s.give(rows_, first_, canvas_.size() - first_);
            if (last || stop_(s)) {
              for (std::size_t i = 0; i < s.masked(); ++i) s.fill(i);
            } else {
              if constexpr (requires { order_.reweigh(g, s); }) co_await order_.reweigh(g, s);
              order_(s);
            }
            if (!Order::scheduled && canvas_.version() == version_) {
              throw std::logic_error("proviso: diffusion: the order filled no position in a step");
            }
          }
          g.count_round();
          co_await g.next_round();
        }
        append(g, begin, end);
        begin = end;
      }
      if (!settings_.growing) g.stop(stop_reason::budget);
    }
  }

 private:
  static constexpr bool looks_back() {
    if constexpr (requires { Order::looks_back; }) return Order::looks_back;
    return false;
  }

  void check() const {
    const auto refuse = [](const std::string& what) { throw std::invalid_argument("proviso: diffusion: " + what); };
    const std::size_t vocab = slot_.model().vocab_size();
    if (mask_ < 0 || static_cast<std::size_t>(mask_) >= vocab) refuse("the mask token lies outside the vocabulary");
    if (settings_.steps == 0 || settings_.steps >= (std::size_t{1} << 20U)) {
      refuse("the number of steps must lie between 1 and 2^20 - 1");
    }
    if (settings_.growing && settings_.block == 0) refuse("a growing canvas needs a block size");
    if (settings_.growing && !settings_.given.empty()) refuse("a growing canvas has no given tokens");
    if (settings_.length == 0 && !settings_.growing && settings_.given.empty()) refuse("the canvas is empty");
    for (std::size_t i = 0; i < settings_.given.size(); ++i) {
      if (settings_.given[i] < 0 || static_cast<std::size_t>(settings_.given[i]) >= vocab) {
        refuse("given token " + std::to_string(i) + " is " + std::to_string(settings_.given[i]) +
               ", outside the vocabulary of " + std::to_string(vocab) + " tokens");
      }
    }
  }

  /// How much of the prompt a frozen session has from the generation before: all or nothing, since the tokens of a
  /// prompt see each other.
  std::size_t held_prompt(std::span<const token_id> text) const noexcept {
    const std::span<const token_id> held = slot_.tokens();
    if (settings_.cache != canvas_cache::frozen || prompt_ != text.size() || held.size() < prompt_) return 0;
    std::size_t same = 0;
    while (same < prompt_ && held[same] == text[same]) ++same;
    return same == prompt_ ? prompt_ : 0;
  }

  void begin_canvas(generation& g) {
    base_ = g.text().size();
    const std::size_t planned = settings_.growing         ? settings_.block
                                : settings_.given.empty() ? settings_.length
                                                          : settings_.given.size();
    const std::size_t size = planned < g.room() ? planned : g.room();
    const std::size_t nodes = looks_back() ? 2 * size : size;
    if (slot_.capacity() < base_ + nodes) {
      if (settings_.growing && base_ > g.prompt_size()) {
        canvas_.start(std::size_t{0}, mask_);
        g.stop(stop_reason::capacity);
        return;
      }
      throw std::length_error("proviso: diffusion: the text has " + std::to_string(base_) + " tokens and the canvas " +
                              std::to_string(nodes) + ", but a session holds " + std::to_string(slot_.capacity()));
    }
    if (settings_.given.empty()) {
      canvas_.start(size, mask_);
    } else {
      canvas_.start(detail::view(settings_.given).first(size), mask_);
    }
    if (settings_.cache == canvas_cache::frozen) slot_.rewind(known_);
    known_ = base_;
  }
  std::size_t window_end(std::size_t begin) const noexcept {
    const bool cut = settings_.block != 0 && settings_.block < canvas_.size() - begin;
    return cut ? begin + settings_.block : canvas_.size();
  }
  double stay(const canvas_plan& plan) const {
    const auto steps = static_cast<double>(plan.steps);
    const auto left = static_cast<double>(plan.steps - plan.step);
    return stay_masked(schedule_, left / steps, (left - 1.0) / steps);
  }
  bool prepare(canvas_step& s) {
    if constexpr (requires { order_.prepare(s); }) return order_.prepare(s);
    return true;
  }

  /// The block whose rows are those of the canvas from position `first_` on, then those that look back.
  masked_block block(std::span<const token_id> text, const canvas_step& s) {
    std::size_t held = 0;
    first_ = 0;
    if (settings_.cache == canvas_cache::frozen) held = base_;
    if (settings_.cache == canvas_cache::prefix || settings_.cache == canvas_cache::dual) {
      first_ = s.plan().begin;
      held = refreshed_ ? base_ + first_ : 0;
    }
    slot_.rewind(held);
    input_.clear();
    for (std::size_t i = held; i < base_; ++i) input_.push_back(text[i]);
    for (std::size_t i = held > base_ ? held - base_ : 0; i < canvas_.size(); ++i) {
      input_.push_back(canvas_.tokens()[i]);
    }
    const std::size_t size = input_.size();
    const std::size_t want = canvas_.size() - first_;
    if (!looks_back() || s.filled() == 0) {
      masked_block whole = chain_block{detail::view(input_), want};
      if (settings_.cache == canvas_cache::dual && refreshed_) whole.reuse = canvas_.size() - s.plan().end;
      return whole;
    }

    // One more node per filled position: a mask in its place, which sees everything but the token there.
    parents_.clear();
    for (std::size_t i = 0; i < size; ++i) parents_.push_back(static_cast<node_id>(i) - 1);
    const std::size_t words = (size + s.filled() + 63) / 64;
    visible_.assign((size + s.filled()) * words, 0);
    const auto show = [&](std::size_t row, std::size_t column) {
      visible_[row * words + column / 64] |= std::uint64_t{1} << (column % 64);
    };
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t c = 0; c < size; ++c) show(i, c);
    }
    for (std::size_t k = 0; k < s.filled(); ++k) {
      const std::size_t own = base_ + s.filled_position(k) - held;
      input_.push_back(mask_);
      parents_.push_back(static_cast<node_id>(own) - 1);
      for (std::size_t c = 0; c < size; ++c) {
        if (c != own) show(size + k, c);
      }
      show(size + k, size + k);
    }
    return {tree_block{detail::view(input_), detail::view(parents_), want + s.filled()}, detail::view(visible_)};
  }

  void append(generation& g, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end && g.running(); ++i) {
      const token_id token = canvas_.tokens()[i];
      const double chance = canvas_.chance(i);
      g.append(token, origin::fresh, law_view::sparse({&token, 1}, std::span<const double>{&chance, 1}, 1.0));
    }
  }

  model_slot slot_;
  token_id mask_;
  canvas_settings settings_;
  Order order_;
  Transform shape_;
  Schedule schedule_;
  Stop stop_;
  canvas canvas_;
  canvas_memory memory_;
  logits_rows rows_;
  detail::list<token_id> input_;
  detail::list<node_id> parents_;
  detail::list<std::uint64_t> visible_;
  std::size_t base_ = 0;       // tokens before the canvas
  std::size_t known_ = 0;      // tokens that a frozen session may keep
  std::size_t prompt_ = 0;     // tokens of its first block
  std::size_t first_ = 0;      // position of the first row
  std::uint64_t version_ = 0;  // of the canvas that the rows belong to
  bool refreshed_ = false;     // whether this window has been evaluated
};

}  // namespace v0
}  // namespace proviso
