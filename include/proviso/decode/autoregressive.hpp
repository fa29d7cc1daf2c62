// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>
#include <utility>

#include <proviso/core/draft.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/generation.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/law_cache.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/task.hpp>
#include <proviso/decode/target.hpp>
#include <proviso/model/explain.hpp>
#include <proviso/policy/explain.hpp>
#include <proviso/transforms/temperature.hpp>

namespace proviso {
inline namespace v0 {

/// Plain decoding: one evaluation of the target per token, each drawn from the target's law after the transform.
///
/// The token at a position is drawn with the key (seed, stream, position), so methods that draw from the same law in
/// the same way give the same text: `rules::match`, and with `draw::race` here, `rules::coupled`. Cost per token: one
/// evaluation of one token.
/// The target is a model or, by value, `combined` models: then every model is evaluated once per token.
template <class Transform = transforms::temperature, decoding_target Target = one_model>
class autoregressive {
 public:
  static_assert(explain_transform<Transform>());

  template <class M>
  requires(!decoding_target<M>) explicit autoregressive(M& model, Transform shape = Transform{},
                                                        draw how = draw::inverse)
      : target_{model}, shape_{shape}, draw_{how} {}
  template <class M, std::enable_if_t<!decoding_target<M>, int> = 0>  // clang 14 forgets a requires clause here
  explicit autoregressive(const M&& model, Transform shape = Transform{}, draw how = draw::inverse)
      : autoregressive(refuse_temporary(model), shape, how) {}
  explicit autoregressive(Target decoded, Transform shape = Transform{}, draw how = draw::inverse)
      : target_{std::move(decoded)}, shape_{shape}, draw_{how} {}

  void visit_models(function_ref<void(model_slot&)> f) { target_.visit_models(f); }

  task generate(generation& g) {
    const auto untouched = [](law_builder&, const text_position&) {};
    co_await target_.feed(g);
    while (g.running()) {
      target_.draft_limit(g, 0);
      if (!g.running()) break;
      root_.reset(g.text().back(), g.text().size() - 1, 0);
      const auto& rows = co_await target_.evaluate(g, root_.block());
      laws_.clear(1);
      const law_view p = laws_.get(root_, draft::root(), [&](law_buffer& out) {
        return target_.law(g, rows, root_, draft::root(), shape_, out);
      });
      const token_id token = g.random().pick_token(p, g.text().size(), draw_);
      law_view own;
      if (g.reports()) own = target_.law(g, rows, root_, draft::root(), untouched, own_);
      g.append(token, origin::fresh, p, own);
      g.count_round();
      co_await g.next_round();
    }
  }

 private:
  Target target_;
  Transform shape_;
  draw draw_;
  draft root_;
  law_cache laws_;
  law_buffer own_;
};

}  // namespace v0
}  // namespace proviso
