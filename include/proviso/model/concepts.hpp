// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

#include <proviso/core/block.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {

/// One sequence's state inside a model: a move-only handle whose destructor frees the state.
///
/// - `length()` is the number of tokens held.
/// - `eval(block)` appends the block and returns the logits of its last `block.want` tokens, valid until the next
///   call on this session. `want == 0` appends only.
/// - `rewind(n)` forgets all but the first `n` tokens. It is called with `n == 0`, or with at most one more token
///   than the longest draft to go back, so a key-value cache truncates and a recurrent state keeps a small ring. A
///   session that can go back further says so by `max_rewind()`.
template <class S>
concept session = std::movable<S> && requires(S& s, const S& c, chain_block block, std::size_t n) {
  { c.length() } -> std::convertible_to<std::size_t>;
  { s.eval(block) } -> logits_like;
  s.rewind(n);
};

/// A session that evaluates trees. `keep(path)` retains these nodes of the block evaluated last, in this order
/// (each the parent of the next), and forgets the rest of that block.
template <class S>
concept tree_session = session<S> && requires(S& s, tree_block block, std::span<const node_id> path) {
  { s.eval(block) } -> logits_like;
  s.keep(path);
};

/// A tree session that accepts arbitrary visibility inside a block.
template <class S>
concept masked_session = tree_session<S> && requires(S& s, masked_block block) {
  { s.eval(block) } -> logits_like;
};

/// A session that holds at most `capacity()` tokens.
template <class S>
concept bounded_session = session<S> && requires(const S& s) {
  { s.capacity() } -> std::convertible_to<std::size_t>;
};

/// A session that can go back `max_rewind()` tokens, whatever they were, and not further (other than to the empty
/// state): a new prompt reuses what it shares with the tokens held, and drafts are clipped.
template <class S>
concept horizon_session = session<S> && requires(const S& s) {
  { s.max_rewind() } -> std::convertible_to<std::size_t>;
};

/// A model: a vocabulary and sessions. The model outlives its sessions.
template <class M>
concept causal_model = requires(M& m, const M& c) {
  { c.vocab_size() } -> std::convertible_to<std::size_t>;
  { m.open() } -> session;
};

/// The session type of a model.
template <class M>
using session_t = decltype(std::declval<M&>().open());

/// A causal model whose sessions evaluate trees.
template <class M>
concept tree_model = causal_model<M> && tree_session<session_t<M>>;

/// A causal model whose sessions evaluate arbitrarily masked blocks.
template <class M>
concept masked_model = causal_model<M> && masked_session<session_t<M>>;

/// One session's share of a call that evaluates many sessions.
template <class S>
struct batch_item {
  S* session = nullptr;
  masked_block block;
  decltype(std::declval<S&>().eval(chain_block{})) logits{};
};

/// A model that evaluates the blocks of many sessions in one call, with the rows that `eval` of each session alone
/// would return. Each view stays valid until the next call on its session.
template <class M>
concept batched_model = causal_model<M> && requires(M& m, std::span<batch_item<session_t<M>>> items) {
  m.eval(items);
};

/// A model that scores all positions of a partly masked sequence: one row per canvas token.
template <class D>
concept denoiser = requires(D& d, const D& c, std::span<const token_id> tokens) {
  { c.vocab_size() } -> std::convertible_to<std::size_t>;
  { c.mask_token() } -> std::convertible_to<token_id>;
  { d.score(tokens, tokens) } -> logits_like;
};

}  // namespace v0
}  // namespace proviso
