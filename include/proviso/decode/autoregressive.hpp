// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proviso/core/draft.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/generation.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/task.hpp>
#include <proviso/transforms/temperature.hpp>

namespace proviso {
inline namespace v0 {

/// Plain decoding: one evaluation of the target per token, each drawn from the target's law after the transform.
///
/// The token at a position is drawn with the key (seed, stream, position), so methods that draw from the same law in
/// the same way give the same text: `rules::match`, and with `draw::race` here, `rules::coupled`. Cost per token: one
/// evaluation of one token.
template <transform Transform = transforms::temperature>
class autoregressive {
 public:
  template <class M>
  explicit autoregressive(M& target, Transform shape = Transform{}, draw how = draw::inverse)
      : target_{target}, shape_{shape}, draw_{how} {}

  void visit_models(function_ref<void(model_slot&)> f) { f(target_); }

  task generate(generation& g) {
    co_await g.feed(target_, 1);
    while (g.running()) {
      g.draft_limit(target_, 0);
      if (!g.running()) break;
      root_.reset(g.text().back(), g.text().size() - 1, 0);
      const logits_rows rows = co_await g.evaluate(target_, root_.block());
      laws_.clear(1);
      const law_view p = laws_.get(g, rows, root_, draft::root(), shape_);
      g.append(g.random().pick_token(p, g.text().size(), draw_), origin::fresh, p);
      g.count_round();
      co_await g.next_round();
    }
  }

 private:
  model_slot target_;
  Transform shape_;
  draw draw_;
  draft root_;
  law_cache laws_;
};

}  // namespace v0
}  // namespace proviso
