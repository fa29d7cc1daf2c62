// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include <proviso/core/law_math.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/rules/block.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Joint verification (experimental): a whole draft x_1 .. x_K stands with probability min(1, P / Q), the ratio of its
/// joint probabilities. Otherwise the scan goes back: with r_t = P(x_1 .. x_t) / Q(x_1 .. x_t), not held below 1, the
/// first t tokens stand with probability min(1, S / (S + 1 - r_t)), where S is the sum of [r_t p - q]+, and the
/// correction is drawn from norm([r_t p - q]+). What is still owed to the target is carried on: until as many tokens
/// are emitted as the draft had, the law of the next token is norm([r p - q]+), with r the ratio of the text since the
/// draft's root. Rounds verify against this law, so drafts that are refused while something is carried add a layer.
///
/// Guarantee: the law of the text is exactly the target's. Given the text and the borders of rounds, the law of the
/// next token is not: the rounds after a refusal owe something. In a round that carries nothing, the expected number
/// of accepted tokens is the sum over all prefixes up to K of min(P, Q), which no rule exceeds; later rounds have the
/// harder target, so compare whole texts.
/// Requirements: chains; the drafter's law after a text depends on that text alone, wherever the round began, and the
/// draft is always as long as the same length policy `lengths::fixed` allows. A draft that the token budget or a
/// session's capacity shortens is long enough: both shrink by one per token, as what is carried does. So is one that a
/// token closes which ends the text: it counts as if that token came again up to `draft::deepest`. A drafter whose own
/// session holds less than the target's may then owe too much, which is an error.
/// Errors: `std::invalid_argument` when the draft branches; `std::logic_error` when it is shorter than what is carried.
/// Cost: the laws that the drafted tokens are tested with, one pass over two rows for each refused token, and one for
/// each tested row and each of the at most K - 1 layers carried over it.
/// Source: Sun et al., arXiv 2403.10444, greedy block verification (appendix).
class joint {
 public:
  static constexpr bool lossless = true;

  /// Forgets what is carried.
  void start() noexcept { carried_ = 0; }

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    chain_nodes(d, path_, "rules::joint");
    length_ = closes(d) && d.deepest() > path_.size() ? d.deepest() : path_.size();
    check();
    reserve(d.expected_size());
    const auto before = [&](std::size_t i) { return i == 0 ? draft::root() : path_[i - 1]; };
    const auto chances = [&](std::size_t i) {
      const law_view q = d.q(path_[i]);
      const token_id x = d.token(path_[i]);
      build(i, p(before(i)), q);
      advance(i, p(before(i))(x), q(x));
      return block_scan::chances{rows_[i].law(x), q(x)};
    };
    const auto laws = [&](std::size_t i) { return block_scan::laws{rows_[i].law, d.q(path_[i])}; };
    const auto flip = [&](std::size_t i, double a, double b) {
      return random.flip(a, b, purpose::acceptance, path_[i]);
    };
    const block_scan::verdict v = scan_(path_.size(), chances, laws, flip);
    const outcome o = settle(d, path_, v, p, random);
    if (o.path.size() < path_.size()) {
      carry(o, p(o.tip())(o.next), d.q(path_[o.path.size()])(o.next));
    } else {
      start();
    }
    return o;
  }

 private:
  /// A refused draft, at a text that goes on from its root: P / Q of the text since the root, P the target of that
  /// round; how many tokens are still to be drawn under it; and the sum of [ratio p - q]+ over the row there.
  struct layer {
    double ratio = 1.0;
    std::size_t left = 0;
    double mass = 0.0;
  };
  struct row {
    law_buffer buffer;
    law_view law;  ///< that the token of this row is verified against
  };

  bool closes(const draft& d) const noexcept { return !path_.empty() && d.is_closed(path_.back()); }

  /// Layer `j`, oldest first, after `i` drafted tokens.
  layer& at(std::size_t i, std::size_t j) noexcept { return layers_[i * carried_ + j]; }

  void check() const {
    for (std::size_t j = 0; j < carried_; ++j) {
      if (layers_[j].left <= length_) continue;
      throw std::logic_error("proviso: rules::joint owes the target " + std::to_string(layers_[j].left) +
                             " more tokens of a refused draft, but this draft has " + std::to_string(length_) +
                             "; use a fixed length and a drafter that always drafts to the limit");
    }
  }
  void reserve(std::size_t size) {
    scan_.reserve(size);
    rows_.extend(size);
    layers_.reserve((size + 1) * size);  // each layer is a round that emitted a token of a draft not yet over
    layers_.resize((path_.size() + 1) * carried_);
  }

  /// The law after `i` drafted tokens, from the target's own.
  void build(std::size_t i, const law_view& p, const law_view& q) {
    law_buffer& buffer = rows_[i].buffer;
    law_view law = p;
    for (std::size_t j = 0; j < carried_; ++j) {
      layer& l = at(i, j);
      if (l.left == 0) continue;
      if (buffer.wide.capacity() < p.size()) {  // for all at once: later rounds may reach deeper
        for (row& each : rows_) each.buffer.wide.reserve(p.size());
      }
      const numeric::excess owed = numeric::excess_of(l.ratio, law, 1.0, q, buffer);
      if (!owed.law) {  // by rounding: nothing is owed
        l.left = 0;
        return build(i, p, q);
      }
      l.mass = owed.mass;
      law = owed.law;
    }
    rows_[i].law = law;
  }

  /// Whether norm([r p - q]+) differs from p in double, r = joint_p / q; never after a text that the draft cannot be.
  static bool owes(double joint_p, double q) noexcept { return joint_p < 0x1p60 * q; }

  /// The layers after one more token, of probability `p` in the target and `q` in the draft.
  void advance(std::size_t i, double p, double q) noexcept {
    for (std::size_t j = 0; j < carried_; ++j) {
      const layer& l = at(i, j);
      layer& next = at(i + 1, j) = l;
      if (l.left == 0) continue;
      const double joint_p = l.ratio * p;
      next.left = owes(joint_p, q) ? l.left - 1 : 0;
      if (next.left > 0) next.ratio = joint_p / q;
      p = joint_p > q ? (joint_p - q) / l.mass : 0.0;
    }
  }

  /// Carries the layers past the correction, and the refused draft as the newest.
  void carry(const outcome& o, double p, double q) {
    const std::size_t accepted = o.path.size();
    const std::size_t left = length_ - accepted - 1;
    advance(accepted, p, q);
    std::size_t alive = 0;
    for (std::size_t j = 0; j < carried_; ++j) {
      const layer l = at(accepted + 1, j);
      if (l.left > 0) layers_[alive++] = l;
    }
    const double joint_p = scan_.ratio_after(accepted) * rows_[accepted].law(o.next);
    layers_.resize(alive);
    if (left > 0 && owes(joint_p, q)) layers_.push_back({joint_p / q, left, 0.0});
    carried_ = layers_.size();
  }

  detail::list<node_id> path_;
  block_scan scan_{block_scan::ratio::free};
  detail::list<row> rows_;
  detail::list<layer> layers_;  ///< between rounds: those carried; in a round: those after 0, 1, .. drafted tokens
  std::size_t carried_ = 0;
  std::size_t length_ = 0;  ///< of the draft, if the text did not end in it
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
