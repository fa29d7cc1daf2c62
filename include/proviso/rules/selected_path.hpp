// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include <proviso/core/descent.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/view.hpp>
#include <proviso/rules/block.hpp>
#include <proviso/rules/diagnostics.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// Of n chains drawn independently, the one that the target likes best is verified as a block, against the law that
/// the best of n has. At every node tokens are ordered by p / q; the lexicographically greatest chain is selected.
/// With Q the probability that a chain begins with a prefix and F that it begins with this or a lesser one of the
/// same length, the law of the selected chain's next token is
///
///     q~(x) = (F(x)^n - (F(x) - Q(x))^n) / (F^n - (F - Q)^n),
///
/// F(x) and Q(x) being those of the prefix with x. `rules::block` with q~ for q does the rest.
///
/// Requirements: one chain of any kind; or several, whose first tokens come from one call of `draft::sample_siblings`
/// with replacement and whose others are drawn as only children. After equal prefixes they have the same law. They are
/// equally long, whatever was drawn (`lengths::fixed`); the draft's bound of nodes (not one of the drafter's session)
/// may cut the last token of the last chains, then the others lose theirs, too. A chain that a token closes which ends
/// the text is as long as any. `drafters::sampled_tree{small, {n, 1, 1}, replacement::with}` drafts so. Guarantee:
/// exactly the target's law. With one chain it is `rules::block`. Errors: `std::invalid_argument` for drafts of another
/// shape. Cost: one law per token of the selected chain, up to the first of probability 0, and one after it when it
/// stands whole (one more for a prefix that chains share, when an earlier one of them is not selected); one pass over
/// the rows of p and q for each; for each row that the scan reaches, a sort by p / q, O(V), and the pass of
/// `rules::block`. Source: the class of rules of Thomas, Pal, arXiv 2602.16961 (greedy multi-path block verification).
class selected_path {
 public:
  static constexpr bool lossless = true;

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    gather(d);
    choose(d, p);
    scan_.reserve(d.expected_size());
    const auto before = [&](std::size_t i) { return i == 0 ? draft::root() : path_[i - 1]; };
    const auto chances = [&](std::size_t i) {
      return block_scan::chances{p(before(i))(d.token(path_[i])), prefixes_[i].chance};
    };
    const auto laws = [&](std::size_t i) {
      const law_view target = p(before(i));
      return block_scan::laws{target, law_of_best(target, d.q(path_[i]), prefixes_[i])};
    };
    const auto flip = [&](std::size_t i, double a, double b) {
      return random.flip(a, b, purpose::acceptance, path_[i]);
    };
    return settle(d, path_, scan_(path_.size(), chances, laws, flip), p, random);
  }

 private:
  static constexpr auto unlimited_depth = static_cast<std::size_t>(-2);

  /// A prefix of the selected chain: the mass of chains that begin with a lesser prefix, and with this one, as shares
  /// of F; and q~ of the token after it.
  struct prefix {
    double lesser = 0.0;
    double equal = 1.0;
    double chance = 0.0;
  };

  /// Where the chains begin, in `alive_`, and how deep all of them go; checks the draft.
  void gather(const draft& d) {
    alive_.clear();
    alive_.reserve(d.expected_size());
    for (node_id x = d.first_child(draft::root()); x != prefix_node; x = d.next_sibling(x)) alive_.push_back(x);
    count_ = alive_.size();
    std::size_t longest = 0;  // of the chains that go on
    std::size_t shortest = unlimited_depth;
    std::size_t deepest = 0;
    bool in_order = true;  // none is longer than one before it
    bool closes = false;
    for (const node_id first : alive_) {
      if (count_ > 1 && !(drawn(d, first) && one_law(d.q(first), d.q(alive_[0])))) fail(d, first);
      node_id tip = first;
      for (node_id x = d.first_child(tip); x != prefix_node; x = d.first_child(x)) {
        if (d.next_sibling(x) != prefix_node || (count_ > 1 && !drawn(d, x))) fail(d, x);
        tip = x;
      }
      const std::size_t depth = d.depth(tip);
      deepest = depth > deepest ? depth : deepest;
      if (d.is_closed(tip)) {
        closes = true;
        continue;
      }
      in_order = in_order && depth <= shortest;
      longest = depth > longest ? depth : longest;
      shortest = depth < shortest ? depth : shortest;
    }
    depth_ = longest == 0 ? deepest : shortest;
    if (count_ == 0) return;
    // What is cut must not depend on tokens: chains that closed left nodes to others, so all are cut to what every
    // chain gets when none closes.
    const std::size_t fit = (d.size() - 1 + d.room()) / count_;
    const bool level = closes ? longest <= shortest || shortest >= fit : in_order && longest <= shortest + 1;
    if (longest > 0 && !level) {
      throw std::invalid_argument("proviso: rules::selected_path verifies chains of one length, but here one has " +
                                  std::to_string(longest) + " tokens, another one " + std::to_string(shortest) +
                                  "; use a fixed length");
    }
    if (closes && depth_ > fit) depth_ = fit;
  }
  static bool drawn(const draft& d, node_id x) noexcept {
    return d.kind(x) == draft::role::sampled && (d.drawn(x) == replacement::with || d.depth(x) > 1);
  }
  /// Whether siblings were drawn in one call: a law is recorded once. Points have no memory.
  static bool one_law(const law_view& a, const law_view& b) noexcept {
    return a.is_point() ? b.is_point() && a.token(0) == b.token(0) : a.weights().data() == b.weights().data();
  }
  [[noreturn]] static void fail(const draft& d, node_id x) {
    throw std::invalid_argument(
        "proviso: rules::selected_path verifies one chain, or chains drawn independently: sample_siblings with "
        "replacement at the root, then one drawn child each; token " +
        std::to_string(d.depth(x)) + " of a chain (node " + std::to_string(x) + ") is something else");
  }

  /// The greatest chain, in `path_`, up to the first token that the target cannot emit.
  void choose(const draft& d, const target_laws& p) {
    prefixes_.clear();
    prefixes_.reserve(d.expected_size());
    prefix at;
    node_id tip = draft::root();
    while (prefixes_.size() < depth_) {
      const law_view target = p(tip);
      ratio_order::entry best = entry_of(d, target, alive_[0]);
      tip = alive_[0];
      for (const node_id x : alive_) {
        const ratio_order::entry e = entry_of(d, target, x);
        if (!best.before(e)) continue;
        best = e;
        tip = x;
      }
      const law_view q = d.q(tip);
      const double drawn = q.weight(best.index) / q.total();
      const double low = at.lesser + at.equal * mass_before(target, q, best);
      const double high = low + at.equal * drawn;
      at.chance = drawn * powers(high, low) / powers(1.0, at.lesser);
      prefixes_.push_back(at);
      at = {low / high, at.equal * drawn / high, 0.0};
      if (!(target(d.token(tip)) > 0.0) || d.is_closed(tip)) break;
      if (prefixes_.size() < depth_) advance(d, d.token(tip));
    }
    nodes_down_to(d, tip, path_);
  }
  static ratio_order::entry entry_of(const draft& d, const law_view& p, node_id x) noexcept {
    const law_view q = d.q(x);
    return ratio_order::at(p, q, q.find(d.token(x)));
  }
  double mass_before(const law_view& p, const law_view& q, const ratio_order::entry& x) const noexcept {
    double mass = 0.0;
    if (count_ == 1 || q.is_point()) return mass;
    for (std::size_t i = 0; i < q.size(); ++i) {
      if (q.weight(i) > 0.0 && ratio_order::at(p, q, i).before(x)) mass += q.weight(i);
    }
    return mass / q.total();
  }
  /// Goes on with the chains that took `token`.
  void advance(const draft& d, token_id token) noexcept {
    std::size_t left = 0;
    for (const node_id x : alive_) {
      if (d.token(x) == token) alive_[left++] = d.first_child(x);
    }
    alive_.resize(left);
  }

  /// (a^n - b^n) / (a - b) without the cancellation.
  double powers(double a, double b) const noexcept {
    double sum = 0.0;
    double b_power = 1.0;
    for (std::size_t i = 0; i < count_; ++i, b_power *= b) sum = sum * a + b_power;
    return sum;
  }

  /// q~ after a prefix of the selected chain.
  law_view law_of_best(const law_view& p, const law_view& q, const prefix& at) {
    if (count_ == 1 || q.is_point()) return q;
    best_.wide.assign(q.size(), 0.0);
    double mass = 0.0;  // of q, before the token and then with it
    for (const ratio_order::entry& e : order_(p, q)) {
      const double low = at.lesser + at.equal * mass;
      const double drawn = q.weight(e.index) / q.total();
      mass += drawn;
      best_.wide[e.index] = drawn * powers(at.lesser + at.equal * mass, low);
    }
    const std::span<const double> weights = detail::view(best_.wide);
    const double total = numeric::sum(weights);
    return q.is_dense() ? law_view::dense(weights, total) : law_view::sparse(q.ids(), weights, total);
  }

  detail::list<node_id> alive_;  ///< the next node of every chain that has the prefix of the path
  detail::list<node_id> path_;
  detail::list<prefix> prefixes_;
  std::size_t count_ = 0;  ///< of chains
  std::size_t depth_ = 0;  ///< of the shortest chain
  block_scan scan_;
  ratio_order order_;
  law_buffer best_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
