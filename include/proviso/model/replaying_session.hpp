// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <proviso/core/block.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>
#include <proviso/model/concepts.hpp>

namespace proviso {
inline namespace v0 {

/// A session that cannot rewind: `length()` and `eval(chain_block)`, as a recurrent state offers them.
template <class S>
concept forward_session = std::movable<S> && requires(S& s, const S& c, chain_block block) {
  { c.length() } -> std::convertible_to<std::size_t>;
  { s.eval(block) } -> logits_like;
};

/// A forward session whose state can be saved by `checkpoint()` and brought back by `restore(saved)`.
template <class S>
concept checkpoint_session = forward_session<S> && requires(S& s, const S& c) {
  s.restore(c.checkpoint());
};

namespace detail {

/// What is saved of a session: its checkpoint, or a copy of it.
template <class S>
struct saved_state {
  static S save(const S& s) { return s; }
  static void load(S& s, const S& state) { s = state; }
};
template <checkpoint_session S>
struct saved_state<S> {
  static auto save(const S& s) { return s.checkpoint(); }
  static void load(S& s, const decltype(std::declval<const S&>().checkpoint())& state) { s.restore(state); }
};

}  // namespace detail

/// Gives `rewind` to a session that has none: the state is saved before each block; `rewind(n)` brings back the
/// newest state that holds at most `n` tokens, and the tokens between it and `n` are evaluated again together with
/// the next block.
///
/// Requirements: `S` is a `checkpoint_session` or a copyable `forward_session`, and is empty at construction.
/// Guarantee: any `rewind` works. Cost: a saved state per block of the last `horizon` tokens; a rewind within them
/// evaluates again, in the next call, the tokens that stay of the block that it goes back into and at most `replay`
/// before it; one further back the whole text.
template <class S>
requires(checkpoint_session<S> || (std::copyable<S> && forward_session<S>)) class replaying_session {
 public:
  explicit replaying_session(S session, std::size_t horizon = 16, std::size_t replay = 16)
      : inner_{std::move(session)}, horizon_{horizon}, replay_{replay} {
    if (inner_.length() != 0) throw std::invalid_argument("proviso: replaying_session: the session is not empty");
    save();
  }

  std::size_t length() const noexcept { return tokens_.size(); }
  std::size_t capacity() const requires requires(const S& s) { s.capacity(); }
  { return inner_.capacity(); }
  std::size_t max_rewind() const noexcept { return (std::numeric_limits<std::size_t>::max)(); }

  auto eval(const chain_block& block) {
    const std::size_t held = inner_.length();
    if (tokens_.size() - held > replay_) {
      inner_.eval(chain_block{after(held), 0});
      save();
    } else if (saved_.back().length != held) {
      save();
    }
    detail::append(block.tokens, tokens_);
    return inner_.eval(chain_block{after(inner_.length()), block.want});
  }

  void rewind(std::size_t n) {
    if (n > length()) throw std::invalid_argument("proviso: replaying_session: rewind to more tokens than are held");
    tokens_.resize(n);
    if (inner_.length() <= n) return;
    while (saved_.back().length > n) saved_.pop_back();
    detail::saved_state<S>::load(inner_, saved_.back().state);
  }

 private:
  struct checkpoint {
    std::size_t length;
    decltype(detail::saved_state<S>::save(std::declval<const S&>())) state;
  };

  std::span<const token_id> after(std::size_t n) const { return std::span<const token_id>{tokens_}.subspan(n); }

  /// Saves the state; of those further back than the horizon only the newest stays, and the empty one.
  void save() {
    const std::size_t held = inner_.length();
    saved_.push_back({held, detail::saved_state<S>::save(inner_)});
    std::size_t old = 1;
    while (old + 1 < saved_.size() && saved_[old + 1].length + horizon_ <= held) ++old;
    if (old > 1) saved_.erase(saved_.begin() + 1, saved_.begin() + static_cast<std::ptrdiff_t>(old));
  }

  S inner_;
  detail::list<token_id> tokens_;  // what the caller sees; `inner_` may hold fewer after a rewind
  std::vector<checkpoint> saved_;  // ascending lengths; the first is empty
  std::size_t horizon_;
  std::size_t replay_;
};

/// A model whose sessions are those of `M`, with `rewind` by `replaying_session`. `M` outlives it.
///
///     proviso::replaying_model model{my_recurrent_model};
///     proviso::decoder d{proviso::autoregressive{model}};
template <class M>
class replaying_model {
 public:
  explicit replaying_model(M& model, std::size_t horizon = 16, std::size_t replay = 16)
      : model_{&model}, horizon_{horizon}, replay_{replay} {}

  std::size_t vocab_size() const { return model_->vocab_size(); }
  auto open() { return replaying_session<decltype(model_->open())>{model_->open(), horizon_, replay_}; }

 private:
  M* model_;
  std::size_t horizon_;
  std::size_t replay_;
};

}  // namespace v0
}  // namespace proviso
