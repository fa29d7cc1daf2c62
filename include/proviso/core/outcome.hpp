// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include <proviso/core/draft.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// What a rule decided: the drafted nodes that stand, from a child of the root downwards, and the token after them.
/// `path` points into the rule and stays valid until its next call.
struct outcome {
  std::span<const node_id> path;
  token_id next = 0;
  origin from = origin::fresh;  ///< of `next`
  double deviation =
      0.0;  ///< of a lossy rule: total variation distances from the target's law, summed over its choices

  /// The last node that stands: the root when `path` is empty.
  node_id tip() const noexcept { return path.empty() ? draft::root() : path.back(); }
};

/// The child of `at` that holds `token` (the first one, among siblings), or `prefix_node`.
inline node_id find_child(const draft& d, node_id at, token_id token) noexcept {
  node_id child = d.first_child(at);
  while (child != prefix_node && d.token(child) != token) child = d.next_sibling(child);
  return child;
}

/// What the token drawn after node `at` is: a correction when the draft went on there, else a bonus, or fresh when
/// nothing was drafted.
inline origin ending(const draft& d, node_id at) noexcept {
  if (d.first_child(at) != prefix_node) return origin::corrected;
  return at == draft::root() ? origin::fresh : origin::bonus;
}

/// Goes down the draft as long as it holds the token `next(node)` that follows a node; `path` is the memory for the
/// nodes that stand.
template <class Path, class Next>
outcome follow(const draft& d, Path& path, Next&& next) {
  path.clear();
  path.reserve(d.expected_size());
  node_id at = draft::root();
  for (;;) {
    const token_id token = next(at);
    const node_id child = find_child(d, at, token);
    if (child == prefix_node) return {detail::view(path), token, ending(d, at)};
    path.push_back(at = child);
  }
}

/// The target's law after a node, computed when it is asked for and kept for the round.
class target_laws {
 public:
  template <class F>
  explicit target_laws(F& law) noexcept
      : object_{&law}, call_{[](void* f, node_id n) -> law_view { return (*static_cast<F*>(f))(n); }} {}
  law_view operator()(node_id node) const { return call_(object_, node); }

 private:
  void* object_;
  law_view (*call_)(void*, node_id);
};

/// What a drafter and a length policy learn after a round.
struct feedback {
  const draft& proposal;
  const outcome& result;
  std::span<const token_id> text;  ///< prompt and committed tokens, after the round
  std::size_t accepted = 0;        ///< drafted tokens that were emitted
  /// The target's rows, row n after node n; they stay valid until its next evaluation, so while the next draft is made.
  /// None where several models are the target.
  logits_rows rows{};
};

/// A rule decides what of a draft stands. It declares `static constexpr bool lossless`, or, where it is not known when
/// compiled, a member `bool lossless`: whether the emitted law is exactly the target's. Optional: a member `bool
/// shares_noise`, if true, asks drafters to race for their tokens on the target's noise; `bool prefers_likeliest`, if
/// true, asks them for their most probable tokens instead of drawn ones, as a rule may that gives the same text
/// whatever is drafted; `start()` is called once per generation, for rules that carry state between rounds.
template <class R>
concept rule = requires(R& r, const R& c, const draft& d, const target_laws& p, random_ref random) {
  { c.lossless } -> std::convertible_to<bool>;
  { r(d, p, random) } -> std::same_as<outcome>;
};

/// Whether drafters race on the target's noise under this rule.
template <class R>
constexpr bool shares_noise(const R& r) noexcept {
  if constexpr (requires { r.shares_noise; }) return r.shares_noise;
  return false;
}

/// Whether drafters propose their most probable tokens under this rule.
template <class R>
constexpr bool prefers_likeliest(const R& r) noexcept {
  if constexpr (requires { r.prefers_likeliest; }) return r.prefers_likeliest;
  return false;
}

/// A length policy bounds the draft: `start()` once per generation (forgets, so that equal seeds give equal texts);
/// the draft is at most `limit()` deep this round; `proceed(depth, q)` says, before a token is drawn from `q`, whether
/// to draw it; before a drafter evaluates a model for `q` it may ask with an empty law whether to do so; `observe`
/// learns from the round. Optional: a member `bool reads_laws`, if false, says that `proceed` looks at no law, so none
/// is built for it.
template <class L>
concept length_policy = requires(L& l, const law_view& q, const feedback& f) {
  l.start();
  { l.limit() } -> std::convertible_to<std::size_t>;
  { l.proceed(std::size_t{}, q) } -> std::convertible_to<bool>;
  l.observe(f);
};

/// Whether a length policy looks at the laws that it is shown.
template <class L>
constexpr bool reads_laws(const L& l) noexcept {
  if constexpr (requires { l.reads_laws; }) return l.reads_laws;
  return true;
}

}  // namespace v0
}  // namespace proviso
