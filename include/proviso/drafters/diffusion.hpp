// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>

#include <proviso/core/canvas.hpp>
#include <proviso/core/canvas_step.hpp>
#include <proviso/core/context.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/task.hpp>
#include <proviso/core/view.hpp>
#include <proviso/model/denoiser.hpp>
#include <proviso/orders/quota.hpp>
#include <proviso/transforms/temperature.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// A denoiser drafts a chain: masks after the text are filled in one step or in several.
///
/// With one step every token is drawn from its row of one evaluation, after the target's transforms, and recorded with
/// that law (or chosen from it as the rule wants, see `context::sample`): the tokens are independent given the text, so
/// their laws are known. With several steps the law of the
/// chain is not known from left to right: its tokens are the most probable ones, the most confident filled first, and
/// are pushed, which is lossless whatever chose them. A row that is not a law ends the draft. Cost per round: one
/// evaluation per step over the last `window` tokens of the text and the masks, not cached. The mask token is never
/// proposed. Requirement: the vocabulary of the target. Throws `std::invalid_argument` for 0 steps or an empty window.
/// Source: Christopher et al. (SpecDiff), arXiv 2408.05636; one step, as the law of several is not known.
template <class D>
class diffusion {
 public:
  static constexpr std::size_t whole_text = (std::numeric_limits<std::size_t>::max)();

  explicit diffusion(canvas_model<D>& m, std::size_t steps = 1, std::size_t window = whole_text)
      : slot_{m}, mask_{m.mask_token()}, steps_{steps}, window_{window} {
    if (steps == 0) throw std::invalid_argument("proviso: drafters::diffusion needs at least one step");
    if (window == 0) throw std::invalid_argument("proviso: drafters::diffusion: the window is empty");
  }

  void visit_models(function_ref<void(model_slot&)> f) { f(slot_); }
  void start(std::span<const token_id>) const noexcept {}
  void commit(const feedback&) const noexcept {}

  task propose(const context& c, draft& d) {
    std::size_t length = c.limit();
    if (slot_.capacity() <= length) length = slot_.capacity() == 0 ? 0 : slot_.capacity() - 1;
    if (length == 0 || !c.proceed(0, {})) co_return;
    const std::size_t fits = slot_.capacity() - length < window_ ? slot_.capacity() - length : window_;
    const std::span<const token_id> text = fits < c.text().size() ? c.text().last(fits) : c.text();
    canvas_.start(length, mask_);
    logits_rows rows = co_await c.evaluate(slot_, canvas_after(text));
    if (steps_ == 1) {
      for (std::size_t i = 0; i < length; ++i) {
        const node_id at = static_cast<node_id>(i);  // a chain: node i is its i-th token
        const logits_rows row = without_mask(rows, i);
        const law_view q = c.law(row, 0, d, at, d.next_law());
        if (!q || !c.proceed(row, 0, d, at, q, ranking_)) co_return;
        c.sample(d, at, q);
      }
      co_return;
    }
    const transforms::temperature greedy{0.0F};
    const std::size_t steps = steps_ < length ? steps_ : length;
    for (canvas_plan plan{0, length, 0, steps, length, 0.0}; plan.step < steps; ++plan.step) {
      if (plan.step > 0) rows = co_await c.evaluate(slot_, canvas_after(text));
      canvas_step s{canvas_, memory_, plan, text, greedy, c.random()};
      s.give(rows, 0);
      orders::quota{}(s);
    }
    for (node_id at = draft::root(); d.depth(at) < length && !d.is_closed(at);) {
      at = d.push(at, canvas_.tokens()[d.depth(at)]);
    }
  }

 private:
  masked_block canvas_after(std::span<const token_id> text) {
    slot_.restart();
    detail::copy(text, input_);
    for (const token_id token : canvas_.tokens()) input_.push_back(token);
    return chain_block{detail::view(input_), canvas_.size()};
  }
  logits_rows without_mask(const logits_rows& rows, std::size_t i) {
    row_.resize(rows.cols());
    const std::span<const float> row = rows.row(i, detail::writable(row_));
    if (row.data() != row_.data()) detail::copy(row, row_);
    row_[static_cast<std::size_t>(mask_)] = -std::numeric_limits<float>::infinity();
    return logits_view<float>{row_.data(), 1, row_.size()};
  }

  model_slot slot_;
  token_id mask_;
  std::size_t steps_;
  std::size_t window_;
  canvas canvas_;
  canvas_memory memory_;
  law_buffer ranking_;
  detail::list<token_id> input_;
  detail::list<float> row_;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
