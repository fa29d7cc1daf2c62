// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include <proviso/core/context.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// The target drafts for itself through mask tokens: mask j after a text stands for "the token j places after the next
/// one". A group of k masks hangs as probes under the last token and under every candidate, so the evaluation that
/// verifies the candidates also drafts after each of them. The group under the last candidate that stands gives the
/// next candidates, each drawn from the law of its own mask row and recorded with that law. A group is a branch of the
/// tree: later nodes do not see it, its masks see those before them, and positions are depths.
///
/// In the first place `branches` candidates can be drawn without replacement, each followed by candidates of its own: a
/// tree, which more often has a path that stands.
///
/// Nodes are cheap but not free. With `node_cost` > 0 a candidate or a mask is left out unless the tokens that it is
/// expected to bring are worth its cost at the speed reached so far; what is expected is learnt from the rounds before,
/// for every offset. With 0 all groups are whole.
///
/// Requirements: a target that was trained with these masks and evaluates trees (or `chain_emulation`).
/// Guarantee: the candidates are drawn from recorded laws (or chosen from them as the rule wants, see
/// `context::sample`), so a lossless rule is lossless. A mask row that is not a law ends the draft. Masks behind the
/// token budget are left out.
/// Errors: `std::invalid_argument` without masks or branches, for a cost that is not in [0, 1), and for an ensemble as
/// the target.
/// Cost per round: none but the nodes: (k + 1)^2 in all, (b k + 1)(k + 1) with b branches. Of a chain at most 2 k + 1
/// rows are read: k + 1 by the rule, k by the next draft.
/// Source: Yi et al., "Generation meets verification" (SPACE), arXiv 2402.11809, section 3.
class masks {
 public:
  static constexpr bool needs_trees = true;
  static constexpr bool reads_rows = true;

  /// `tokens[j - 1]` is mask j. `node_cost`: what one more node costs, as a share of an evaluation of one token.
  /// `branches`: candidates in the first place, drawn without replacement, each followed by candidates of its own; more
  /// than one need a rule for trees.
  explicit masks(const std::vector<token_id>& tokens, double node_cost = 0.0, std::size_t branches = 1)
      : cost_{node_cost}, branches_{branches}, odds_(tokens.size()) {
    detail::copy(detail::view(tokens), tokens_);
    if (tokens_.empty()) throw std::invalid_argument("proviso: drafters::masks needs at least one mask token");
    if (!(node_cost >= 0.0 && node_cost < 1.0)) {
      throw std::invalid_argument("proviso: drafters::masks needs 0 <= node_cost < 1");
    }
    if (branches == 0) throw std::invalid_argument("proviso: drafters::masks needs at least one branch");
  }
  /// One token is all `count` masks.
  static masks shared(token_id token, std::size_t count, double node_cost = 0.0, std::size_t branches = 1) {
    return masks{std::vector<token_id>(count, token), node_cost, branches};
  }

  /// k: masks in a group, and the most candidates of a round.
  std::size_t size() const noexcept { return tokens_.size(); }

  void start(std::span<const token_id>) noexcept {
    ready_ = 0;
    for (record& r : odds_) r = {};
    speed_ = {1.0, 1.0};
  }

  void propose(const context& c, draft& d) {
    price_ = cost_ * speed_.rate();
    drafted_ = 0;
    if (ready_ > c.limit()) ready_ = c.limit();
    extend(c, d, draft::root(), 0, 1.0);
  }

  /// The rows are gone when another drafter of a pool has drafted.
  void watch(std::span<const token_id>) noexcept { ready_ = 0; }
  void commit(const feedback& f) {
    if (f.rows.rows() == 0) {
      throw std::invalid_argument("proviso: drafters::masks reads rows of its target, which must be one model");
    }
    const std::size_t stood = f.result.path.size();
    const std::size_t tested = stood < drafted_ ? stood + 1 : stood;
    for (std::size_t i = 0; i < odds_.size(); ++i) {
      if (i < tested) {
        odds_[i].add(i < stood ? 1.0 : 0.0, 1.0);
      } else {
        odds_[i].forget();
      }
    }
    speed_.add(static_cast<double>(stood + 1), 1.0 + cost_ * static_cast<double>(f.proposal.size() - 1));

    rows_ = f.rows;
    node_id mask = f.result.tip() + 1;
    while (is_node(f.proposal, mask) && !is_mask_below(f.proposal, mask, f.result.tip())) ++mask;
    group_ = static_cast<std::size_t>(mask);
    ready_ = 0;
    for (node_id at = f.result.tip(); is_node(f.proposal, mask) && is_mask_below(f.proposal, mask, at); ++mask) {
      at = mask;
      ++ready_;
    }
  }

 private:
  /// Adds the group under `at`, the candidate in place i (from 0) below it, and so on. `reach`: how probable it is that
  /// the candidates down to `at` stand.
  void extend(const context& c, draft& d, node_id at, std::size_t i, double reach) {
    if (d.is_closed(at)) return;
    law_view q;
    if (i < ready_ && d.room() > 0 && reach * odds_[i].rate() >= price_) {
      q = c.law(rows_, group_ + i, d, at, d.next_law());
      if (q && !c.proceed(rows_, group_ + i, d, at, q, ranking_)) q = {};
    }
    const double further = q ? reach * odds_[i].rate() : 0.0;
    const std::size_t below = q ? ready_ - i : 0;  // nodes that candidates need
    attach(c, d, at, reach - further, d.room() > below ? d.room() - below : 0);
    if (!q) return;
    if (i + 1 > drafted_) drafted_ = i + 1;
    if (i > 0 || branches_ == 1) {
      extend(c, d, c.sample(d, at, q), i + 1, further);
      return;
    }
    const auto first = static_cast<node_id>(d.size());
    const std::size_t count = branches_ < d.room() ? branches_ : d.room();
    const std::size_t drawn = c.sample_siblings(d, at, q, count, replacement::without);
    for (std::size_t s = 0; s < drawn; ++s) {
      extend(c, d, first + static_cast<node_id>(s), 1, further / static_cast<double>(drawn));
    }
  }

  /// A rate that follows the rounds before: gains per effort, older rounds weigh less. Begins high, so that a short
  /// text tries everything once.
  struct record {
    static constexpr double memory = 0.98;
    double gained = 3.0;
    double spent = 4.0;
    double rate() const noexcept { return gained / spent; }
    void add(double gain, double effort) noexcept {
      gained = memory * gained + gain;
      spent = memory * spent + effort;
    }
    /// A round without news: back to the beginning, slowly, so that what was given up is tried again.
    void forget() noexcept { add(0.75 * (1.0 - memory), 1.0 - memory); }
  };

  /// The masks under `at`, after which the next draft goes on with probability `ends`: as long as the candidate of the
  /// next mask is worth a node there and its mask is worth one here.
  void attach(const context& c, draft& d, node_id at, double ends, std::size_t room) const {
    const std::size_t emitted = d.depth(at) + 1;  // with the token that follows
    if (c.room() <= emitted + 1) return;
    const std::size_t useful = c.room() - emitted - 1;
    double stands = 1.0;
    for (std::size_t j = 0; j < tokens_.size() && j < useful && j < room; ++j) {
      stands *= odds_[j].rate();
      if (!(ends * (stands - price_) >= price_)) return;
      at = d.probe(at, tokens_[j]);
    }
  }

  static bool is_node(const draft& d, node_id n) noexcept { return static_cast<std::size_t>(n) < d.size(); }
  static bool is_mask_below(const draft& d, node_id n, node_id parent) noexcept {
    return d.kind(n) == draft::role::probe && d.parent(n) == parent;
  }

  detail::list<token_id> tokens_;
  double cost_;
  std::size_t branches_;
  detail::list<record> odds_;  // of candidate i + 1 when those before it stand
  record speed_{1.0, 1.0};     // tokens per evaluation of one token
  logits_rows rows_;           // of the round before
  std::size_t group_ = 0;      // first row of the group that the next candidates come from
  std::size_t ready_ = 0;      // rows of it
  std::size_t drafted_ = 0;    // places of this round's candidates
  double price_ = 0.0;         // of a node, in tokens
  law_buffer ranking_;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
