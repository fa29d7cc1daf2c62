// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <proviso/model/concepts.hpp>

namespace proviso {
inline namespace v0 {

/// Explains, in sentences, which requirement of `causal_model` a type misses. Always true when it compiles; the
/// doors of the library (algorithms, drafters, drivers) assert it, so the first error a user reads is a remedy.
template <class M>
consteval bool explain_model() {
  constexpr bool has_vocab = requires(const M& m) {
    { m.vocab_size() } -> std::convertible_to<std::size_t>;
  };
  static_assert(has_vocab,
                "proviso: a model needs `std::size_t vocab_size() const` - the number of columns of its logits.");
  constexpr bool has_open = requires(M & m) { m.open(); };
  static_assert(has_open, "proviso: a model needs `open()` - it returns a new, empty session by value.");
  if constexpr (has_open) {
    using S = std::remove_cvref_t<decltype(std::declval<M&>().open())>;
    static_assert(!std::is_reference_v<decltype(std::declval<M&>().open())>,
                  "proviso: `open()` must return the session by value - a session is a handle that its caller owns.");
    static_assert(std::movable<S>,
                  "proviso: a session must be movable - give it a move constructor and a move assignment.");
    constexpr bool has_length = requires(const S& s) {
      { s.length() } -> std::convertible_to<std::size_t>;
    };
    static_assert(has_length, "proviso: a session needs `std::size_t length() const` - the tokens that it holds.");
    constexpr bool has_eval = requires(S & s, chain_block b) { s.eval(b); };
    static_assert(has_eval,
                  "proviso: a session needs `eval(chain_block)` (or `eval(tree_block)`, `eval(masked_block)`) - it "
                  "appends the tokens and returns the logits of the last `want`.");
    if constexpr (has_eval) {
      using L = std::remove_cvref_t<decltype(std::declval<S&>().eval(chain_block{}))>;
      static_assert(logits_like<L>,
                    "proviso: `eval` must return rows of logits - a `proviso::logits_view`, or `proviso::as_logits(x)` "
                    "of an Eigen or xtensor matrix.");
      if constexpr (logits_like<L>) {
        static_assert(L::where == residency::host,
                      "proviso: this algorithm reads logits on the host, but the session returns device rows - copy "
                      "the wanted rows to host memory in `eval`.");
        static_assert(std::convertible_to<typename L::value_type, float>,
                      "proviso: the entries of the rows must convert to `float` - give their type an "
                      "`operator float() const`.");
      }
    }
    constexpr bool has_rewind = requires(S & s, std::size_t n) { s.rewind(n); };
    static_assert(has_rewind,
                  "proviso: a session needs `rewind(std::size_t n)` - it forgets all but the first n tokens; wrap a "
                  "recurrent state in `proviso::replaying_session`.");
  }
  return true;
}

/// Refuses a model whose rows are not laws of next tokens, where plain decoding or a drafter would evaluate it.
template <class M>
consteval bool explain_causal_model() {
  static_assert(
      !requires { M::fills_canvases; },
      "proviso: a `canvas_model` fills canvases, its rows are not laws of next tokens - decode it with "
      "`proviso::diffusion`.");
  return true;  // the rest is asserted where a `model_ref` is made
}

/// Says, in a sentence, that a model is a temporary object. Never instantiated by a program that compiles.
template <class M>
M& refuse_temporary(const M& model) {
  static_assert(sizeof(M) == 0,
                "proviso: this model is a temporary object, which dies at the end of the line - give it a name; "
                "algorithms and drafters refer to models, they do not own them.");
  return const_cast<M&>(model);
}

}  // namespace v0
}  // namespace proviso
