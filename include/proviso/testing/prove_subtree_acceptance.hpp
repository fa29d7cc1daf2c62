// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <proviso/core/draft.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/types.hpp>
#include <proviso/testing/enumerator.hpp>
#include <proviso/testing/proof_report.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// The value with which a traversal from the leaves enters `node`: 1 at the root; a child c of u, after its earlier
/// siblings were refused, has min(1, a P(c) / Q(c)), where (a, P) starts as (value of u, p(u)) and every refused
/// sibling turns it into (S / (S + 1 - a), norm(d)) with d = [a P - Q]+ and S its sum. On a chain these are the P_i
/// of block verification. Dense target laws.
/// Source: Weng et al., arXiv 2505.12398; on chains Sun et al., arXiv 2403.10444.
inline double traversal_value(const draft& d, node_id node, const target_laws& p) {
  if (node == draft::root()) return 1.0;
  const node_id above = d.parent(node);
  double a = traversal_value(d, above, p);
  const law_view target = p(above);
  std::vector<double> rest(target.size());
  for (std::size_t x = 0; x < rest.size(); ++x) rest[x] = target(static_cast<token_id>(x));
  for (node_id c = d.first_child(above);; c = d.next_sibling(c)) {
    const law_view drawn_from = d.q(c);
    std::vector<double> q(rest.size());
    for (std::size_t x = 0; x < q.size(); ++x) q[x] = drawn_from(static_cast<token_id>(x));
    if (d.kind(c) == draft::role::sampled && d.drawn(c) == replacement::without) {
      for (node_id s = d.first_child(above); s != c; s = d.next_sibling(s)) {
        const bool same_draws =
            d.kind(s) == draft::role::sampled && d.q(s).weights().data() == drawn_from.weights().data();
        if (same_draws) q[static_cast<std::size_t>(d.token(s))] = 0.0;
      }
      double left = 0.0;
      for (const double x : q) left += x;
      for (double& x : q) x /= left;
    }
    const auto token = static_cast<std::size_t>(d.token(c));
    if (c == node) return a * rest[token] < q[token] ? a * rest[token] / q[token] : 1.0;
    double sum = 0.0;
    for (std::size_t x = 0; x < q.size(); ++x) {
      rest[x] = a * rest[x] > q[x] ? a * rest[x] - q[x] : 0.0;
      sum += rest[x];
    }
    for (double& x : rest) x = sum > 0.0 ? x / sum : 0.0;
    a = sum > 0.0 ? sum / (sum + 1.0 - a) : 0.0;
  }
}

/// One round with fixed laws.
struct subtree_setup {
  /// The rule.
  std::function<outcome(const draft&, const target_laws&, random_ref)> rule;
  /// Draws a draft below the root.
  std::function<void(draft&, random_ref)> build;
  /// The target's law after the drafted tokens `path`: one probability per token.
  std::function<std::vector<double>(std::span<const token_id> path)> target;
  /// The probability that is claimed for `node`.
  std::function<double(const draft&, node_id, const target_laws&)> value = traversal_value;
  double tolerance = 1e-9;
  std::size_t most_outcomes = 2'000'000;
};

namespace detail {

/// The part of `prove_subtree_acceptance` that lives through all outcomes.
class subtree_proof {
 public:
  explicit subtree_proof(const subtree_setup& setup) : setup_{setup} {}

  proof_report run() {
    enumerator all{setup_.most_outcomes};
    std::string thrown;
    try {
      all.run([&] { walk(all); });
    } catch (const std::exception& e) {
      thrown = e.what();
    }
    report_.outcomes = all.outcomes();
    report_.accepted = report_.first_accepted;
    report_.tokens_per_round = report_.first_accepted + 1.0;
    report_.most_rounds = 1;
    report_.add("exception", "nothing is thrown, and no two draws share a key", thrown);
    if (!thrown.empty()) return std::move(report_);
    judge("total", "the probabilities of the outcomes add up to 1", std::abs(report_.probability - 1.0),
          "the probabilities of the outcomes add up to " + number("%.9f", report_.probability));
    const group* worst = nullptr;
    std::string where;
    for (const auto& [key, g] : groups_) {
      if (worst != nullptr && g.error() <= worst->error()) continue;
      worst = &g;
      where = words(key);
    }
    if (worst == nullptr) {
      report_.add("subtree", "", "nothing was drafted");
      return std::move(report_);
    }
    judge("subtree", "what is accepted at or below a node that is entered", worst->error(),
          where + " is entered with probability " + number("%.6f", worst->entered) + " and then accepted with " +
              number("%.6f", worst->accepted / worst->entered) + ", expected " +
              number("%.6f", worst->expected / worst->entered));
    return std::move(report_);
  }

 private:
  struct group {
    double entered = 0.0;
    double accepted = 0.0;
    double expected = 0.0;
    double error() const noexcept { return std::abs(accepted - expected); }
  };
  using key_type = std::vector<int>;  // from the node upwards: its id, its token, its earlier siblings' tokens, -1

  void walk(enumerator& all) {
    const random_ref random{all};
    draft_.reset(0, 0, most_nodes, most_nodes);
    setup_.build(draft_, random);
    laws_.assign(draft_.size(), {});
    auto law_after = [this](node_id n) {
      std::vector<double>& p = laws_[static_cast<std::size_t>(n)];
      if (p.empty()) {
        draft_.path(n, path_);
        p = setup_.target(path_);
      }
      double total = 0.0;
      for (const double x : p) total += x;
      return law_view::dense(std::span<const double>{p}, total);
    };
    const target_laws p{law_after};
    const outcome o = setup_.rule(draft_, p, random);
    const double probability = all.probability();
    report_.probability += probability;
    report_.first_accepted += probability * static_cast<double>(o.path.size());
    for (node_id v = 1; v < static_cast<node_id>(draft_.size()); ++v) {
      if (draft_.kind(v) == draft::role::probe || !enters(v, o.tip())) continue;
      group& g = groups_[key(v)];
      g.entered += probability;
      g.expected += probability * setup_.value(draft_, v, p);
      if (below(o.tip(), v)) g.accepted += probability;
    }
  }
  bool below(node_id n, node_id top) const noexcept {
    while (n != prefix_node && n != top) n = draft_.parent(n);
    return n == top;
  }
  /// Whether a traversal that ended at `tip` came to `v`: no earlier sibling of `v` or of a node above it stands.
  bool enters(node_id v, node_id tip) const noexcept {
    for (; v != draft::root(); v = draft_.parent(v)) {
      for (node_id s = draft_.first_child(draft_.parent(v)); s != v; s = draft_.next_sibling(s)) {
        if (below(tip, s)) return false;
      }
    }
    return true;
  }
  key_type key(node_id v) const {
    key_type k;
    for (; v != draft::root(); v = draft_.parent(v)) {
      k.push_back(v);
      k.push_back(draft_.token(v));
      for (node_id s = draft_.first_child(draft_.parent(v)); s != v; s = draft_.next_sibling(s))
        k.push_back(draft_.token(s));
      k.push_back(-1);
    }
    return k;
  }
  /// "node 4 (token 2 after siblings 0, below token 1)".
  static std::string words(const key_type& k) {
    std::string out = "node " + std::to_string(k[0]) + " (token ";
    std::size_t siblings = 0;
    for (std::size_t i = 1; i < k.size(); ++i) {
      if (k[i] == -1) {
        if (++i < k.size()) out += ", below token ";
        siblings = 0;
        continue;
      }
      if (siblings++ == 1) out += " after siblings";
      if (siblings > 1) out += ' ';
      out += std::to_string(k[i]);
    }
    return out + ")";
  }
  void judge(const char* name, const char* about, double error, std::string failure) {
    if (error <= setup_.tolerance) failure.clear();
    report_.add(name, about, std::move(failure), error);
  }

  static constexpr std::size_t most_nodes = 64;
  const subtree_setup& setup_;
  proof_report report_;
  draft draft_;
  std::vector<std::vector<double>> laws_;
  std::vector<token_id> path_;
  std::map<key_type, group> groups_;
};

}  // namespace detail

/// Proves what makes rules that scan from the leaves exact: given that a traversal enters node v (no earlier sibling
/// of v or of a node above it stands), something at or below v is accepted with probability `value`. It depends on
/// the tokens of v, of the nodes above it and of their earlier siblings only; the nodes below are averaged over.
/// On a chain: P(at least i tokens stand | x_1..x_i) is the i-th value. By default the values are those of traversal
/// and block verification.
///
/// Checks, by name: exception, total, subtree (error: weighted with the probability of the context).
/// `first_accepted` of the report is the expected number of accepted tokens.
/// Cost: the rule once per outcome of drafting and verification.
inline proof_report prove_subtree_acceptance(const subtree_setup& setup) { return detail::subtree_proof{setup}.run(); }

}  // namespace testing
}  // namespace v0
}  // namespace proviso
