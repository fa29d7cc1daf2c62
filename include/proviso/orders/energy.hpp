// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <proviso/core/canvas_step.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/generation.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/task.hpp>
#include <proviso/core/view.hpp>
#include <proviso/orders/ancestral.hpp>

namespace proviso {
inline namespace v0 {
namespace orders {

/// Another order, whose tokens come from one of several whole candidates: each fills every masked position, and one is
/// kept with a probability proportional to exp(-E) = p(x) / q(x). p(x) is the probability of the whole canvas under an
/// autoregressive scorer, q(x) that with which the denoiser drew the candidate. This is importance sampling: with more
/// candidates the law of a step moves from the product of the rows towards p.
///
/// Requirements: the scorer has the vocabulary of the denoiser; the other order takes no tokens back. Candidates are
/// drawn from the transformed laws, the scorer is used as it is, at temperature 1; at temperature 0 all candidates are
/// equal. Cost per step: one evaluation of the scorer over the canvas per candidate, as long as at least the share
/// `above` of the window is masked.
/// Errors: `std::invalid_argument` unless there are 2 to 15 candidates; `std::length_error` when the scorer cannot hold
/// text and canvas; `std::domain_error` for a row of the scorer that is not a law.
/// Source: Xu et al. (EDLM), arXiv 2410.21357, algorithm 1; the sign is that of the paper, not of its released code.
template <canvas_order Order = ancestral>
class energy {
 public:
  static constexpr bool scheduled = Order::scheduled;
  static_assert(
      !requires(Order & o, function_ref<void(model_slot&)> f) { o.visit_models(f); } &&
          !requires { Order::looks_back; },
      "proviso: orders::energy weighs candidates for masked positions - the order inside takes no tokens back and "
      "evaluates no model.");

  template <class M>
  explicit energy(M& scorer, std::size_t candidates = 2, Order order = Order{}, double above = 0.0)
      : slot_{scorer}, count_{candidates}, order_{std::move(order)}, above_{above} {
    if (candidates < 2 || candidates > 15) {
      throw std::invalid_argument("proviso: orders::energy needs 2 to 15 candidates, got " +
                                  std::to_string(candidates));
    }
  }

  void visit_models(function_ref<void(model_slot&)> f) { f(slot_); }

  bool prepare(canvas_step& s) {
    if constexpr (requires { order_.prepare(s); }) return order_.prepare(s);
    return true;
  }
  void operator()(canvas_step& s) { order_(s); }

  /// Draws the candidates, scores them, and makes the tokens of one the candidates of the step.
  task reweigh(generation& g, canvas_step& s) {
    const auto as_it_is = [](law_builder&, const text_position&) {};
    if (static_cast<double>(s.masked()) < above_ * static_cast<double>(s.plan().end - s.plan().begin)) co_return;
    const std::size_t masked = s.masked();
    tokens_.resize(count_ * masked);
    weights_.assign(count_, 0.0);
    for (std::size_t i = 0; i < masked; ++i) {
      for (std::size_t k = 0; k < count_; ++k) {
        const token_id token = s.draw(i, k + 1);
        tokens_[k * masked + i] = token;
        weights_[k] -= numeric::log(s.law(i)(token));
      }
    }
    for (std::size_t k = 0; k < count_; ++k) {
      const std::size_t before = fill(s, k);
      // One row before every canvas token: the last token of the text stands at the front of the block.
      const logits_rows rows = co_await g.evaluate(slot_, chain_block{detail::view(block_), s.state().size()});
      const std::span<const token_id> canvas = detail::view(whole_).subspan(before);
      for (std::size_t i = 0; i < canvas.size(); ++i) {
        scratch_.resize(rows.cols());
        const law_view p = g.law(rows.row(i, detail::writable(scratch_)),
                                 {detail::view(whole_).first(before), canvas.first(i)}, as_it_is, buffer_);
        weights_[k] += numeric::log(p(canvas[i]));
      }
    }
    const double best = largest();
    if (best == -std::numeric_limits<double>::infinity()) co_return;  // the scorer refuses all: the order draws
    for (double& w : weights_) w = static_cast<double>(numeric::exp_nonpositive(static_cast<float>(w - best)));
    const std::size_t kept = s.choose(detail::view(weights_), choice_number);
    for (std::size_t i = 0; i < masked; ++i) s.suggest(i, tokens_[kept * masked + i]);
  }

 private:
  static constexpr std::size_t choice_number = std::size_t{1} << 24U;  // behind the choices that orders make

  /// Text and canvas with candidate k in `whole_`, what the scorer must evaluate of it in `block_`; returns the size of
  /// the text.
  std::size_t fill(const canvas_step& s, std::size_t k) {
    const std::size_t before = s.text().size();
    const std::size_t size = before + s.state().size();
    if (slot_.capacity() < size - 1) {
      throw std::length_error("proviso: orders::energy: text and canvas have " + std::to_string(size) +
                              " tokens, but a session of the scorer holds " + std::to_string(slot_.capacity()));
    }
    detail::copy(s.text(), whole_);
    for (const token_id token : s.state().tokens()) whole_.push_back(token);
    for (std::size_t i = 0; i < s.masked(); ++i) whole_[before + s.position(i)] = tokens_[k * s.masked() + i];
    const std::size_t held = slot_.match(detail::view(whole_).first(before - 1));
    detail::copy(detail::view(whole_).subspan(held, size - 1 - held), block_);
    return before;
  }
  double largest() const {
    double best = weights_[0];
    for (const double w : weights_) best = w > best ? w : best;
    return best;
  }

  model_slot slot_;
  std::size_t count_;
  Order order_;
  double above_;
  detail::list<token_id> tokens_;  // candidate by candidate
  detail::list<token_id> whole_, block_;
  detail::list<double> weights_;
  detail::list<float> scratch_;
  law_buffer buffer_;
};

}  // namespace orders
}  // namespace v0
}  // namespace proviso
