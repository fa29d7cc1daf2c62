// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include <proviso/core/draft.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// A child of a node and the law that it was drawn from, given its earlier siblings; `next` goes on to its sibling.
///
/// A draw without replacement is the recorded law without the tokens drawn before. They keep their weights here and
/// only the total shrinks, so no row is copied: `q` is right at every other token. (Verification asks for no more: a
/// sibling that was refused has no mass in the residual.)
class sibling {
 public:
  /// The first child of `parent`.
  sibling(const draft& d, node_id parent) noexcept : d_{&d}, node_{d.first_child(parent)} { restart(); }

  /// Whether there is one.
  explicit operator bool() const noexcept { return node_ != prefix_node; }
  node_id node() const noexcept { return node_; }
  token_id token() const noexcept { return d_->token(node_); }
  /// The law of the draw; the point at its token when it was pushed.
  const law_view& q() const noexcept { return q_; }

  /// Cost: that of looking up a token; one pass over the law when the tokens drawn so far hold nearly all of it.
  void next() noexcept {
    const node_id before = node_;
    node_ = d_->next_sibling(node_);
    if (node_ == prefix_node || !continues(before)) return restart();
    const law_view drawn = d_->q(node_);
    double left = q_.total() - q_.weight(q_.find(d_->token(before)));
    if (left < cancelled * drawn.total()) left = mass_left(drawn);
    q_ = drawn.is_dense() ? law_view::dense(drawn.weights(), left)
                          : law_view::sparse(drawn.ids(), drawn.weights(), left);
  }

 private:
  static constexpr double cancelled = 0x1.0p-10;  // of the total: below, subtraction loses too many digits

  void restart() noexcept {
    first_ = node_;
    q_ = node_ == prefix_node ? law_view{} : d_->q(node_);
  }
  /// Whether `node_` comes from the same draws without replacement as `before`.
  bool continues(node_id before) const noexcept {
    if (d_->drawn(node_) == replacement::with || d_->kind(before) != draft::role::sampled) return false;
    const law_view q = d_->q(node_);
    return !q.is_point() && q.weights().data() == d_->q(before).weights().data();
  }
  double mass_left(const law_view& drawn) const noexcept {
    double left = 0.0;
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      node_id taken = first_;
      while (taken != node_ && d_->token(taken) != drawn.token(i)) taken = d_->next_sibling(taken);
      if (taken == node_) left += drawn.weight(i);
    }
    return left;
  }

  const draft* d_;
  node_id node_;
  node_id first_ = prefix_node;  // of the draws that `node_` belongs to
  law_view q_;
};

/// What was decided after a node: the child that stands or, when that is `prefix_node`, the token that follows.
struct choice {
  node_id child = prefix_node;
  token_id token = 0;
};

/// Goes down the draft from the root: `choose(node)` decides after every node that has children, until it returns a
/// token. After a node without children the token is drawn from the target, as decoding without a draft draws it.
/// `path` is the memory for the nodes that stand.
template <class Path, class Choose>
outcome descend(const draft& d, const target_laws& p, random_ref random, Path& path, Choose&& choose) {
  path.clear();
  path.reserve(d.expected_size());
  node_id at = draft::root();
  while (d.first_child(at) != prefix_node) {
    const choice made = choose(at);
    if (made.child == prefix_node) return {detail::view(path), made.token, origin::corrected};
    path.push_back(at = made.child);
  }
  return {detail::view(path), random.pick_token(p(at), d.next_position(at)), ending(d, at)};
}

/// The only child of a node. Throws `std::invalid_argument`, naming `rule`, when it has several.
inline node_id only_child(const draft& d, node_id parent, const char* rule) {
  const node_id child = d.first_child(parent);
  if (child != prefix_node && d.next_sibling(child) != prefix_node) {
    throw std::invalid_argument("proviso: " + std::string{rule} + " verifies chains, but the draft branches");
  }
  return child;
}

/// The nodes from below the root down to `tip`, in `path`.
template <class Path>
void nodes_down_to(const draft& d, node_id tip, Path& path) {
  path.reserve(d.expected_size());
  path.resize(d.depth(tip));
  for (; tip != draft::root(); tip = d.parent(tip)) path[d.depth(tip) - 1] = tip;
}

/// `tip` becomes the deepest node, the first one of those, that is reached from `at` over nodes that pass. For a node
/// with children `test(node)` gives a predicate on tokens.
template <class Test>
void find_deepest(const draft& d, node_id at, Test& test, node_id& tip) {
  if (d.depth(at) > d.depth(tip)) tip = at;
  if (d.first_child(at) == prefix_node) return;
  const auto passes = test(at);
  for (node_id x = d.first_child(at); x != prefix_node; x = d.next_sibling(x)) {
    if (passes(d.token(x))) find_deepest(d, x, test, tip);
  }
}

/// Keeps the deepest path of nodes that pass, and draws the token after it from the target, as decoding without a
/// draft draws it. The deviation is that of the tokens kept from the target's law, given the draft: 1 - p(token).
template <class Path, class Test>
outcome keep_deepest(const draft& d, const target_laws& p, random_ref random, Path& path, Test&& test) {
  node_id tip = draft::root();
  find_deepest(d, tip, test, tip);
  nodes_down_to(d, tip, path);
  outcome o{detail::view(path), random.pick_token(p(tip), d.next_position(tip)), ending(d, tip)};
  for (const node_id x : path) o.deviation += 1.0 - p(d.parent(x))(d.token(x));
  return o;
}

}  // namespace v0
}  // namespace proviso
