// SPDX-License-Identifier: Apache-2.0
// Wrong versions of the rules for trees: siblings, fixed sets of candidates, k_seq, greedy_hub, traversal.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <proviso/rules/greedy_hub.hpp>
#include <proviso/rules/k_seq.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/siblings.hpp>
#include <proviso/rules/traversal.hpp>

#include "mutants/jury.hpp"
#include "support/catch.hpp"

namespace {

using namespace mutants;

std::vector<node_id> children(const draft& d, node_id at) {
  std::vector<node_id> all;
  for (node_id x = d.first_child(at); x != prefix_node; x = d.next_sibling(x)) all.push_back(x);
  return all;
}

/// What is left of a law after a refusal; the law itself when rounding leaves nothing.
row remainder(const row& r, const row& q) {
  row left = excess(1.0, r, 1.0, q);
  const double mass = sum(left);
  if (!(mass > 0.0)) return r;
  for (double& x : left) x /= mass;
  return left;
}
row without(row law, token_id x) {
  law[static_cast<std::size_t>(x)] = 0.0;
  const double mass = sum(law);
  for (double& y : law) y = mass > 0.0 ? y / mass : 0.0;
  return law;
}

enum class siblings_fault {
  none,
  q_not_renormalised,  ///< draws without replacement verified with the first draw's law
  q_renormalised,      ///< draws with replacement verified as if without
  sorted,              ///< siblings tried by falling q, not in the order of their draws
  correction_from_target,
  residual_not_updated,       ///< every sibling is tested against p; the correction subtracts the last q
  correction_without_tokens,  ///< the correction is drawn from p without the refused tokens
  bonus_from_draft,
  row_of_parent  ///< the children of a node are tested with the row before that node
};

/// Recursive rejection from the formulas.
class siblings_double {
 public:
  static constexpr bool lossless = false;
  explicit siblings_double(siblings_fault f) : fault_{f} {}

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    node_id tip = draft::root();
    for (node_id at = tip; d.first_child(at) != prefix_node; at = tip) {
      const bool late = fault_ == siblings_fault::row_of_parent && at != draft::root();
      const row target = probabilities(p(late ? d.parent(at) : at));
      tip = try_children(d, at, target, random);
      if (tip != at) continue;
      if (fault_ == siblings_fault::correction_from_target) rest_ = target;
      const token_id next = random.pick(law_of(rest_), purpose::residual, at);
      nodes_down_to(d, tip, path_);
      return {path_, next, origin::corrected};
    }
    nodes_down_to(d, tip, path_);
    const bool from_draft = fault_ == siblings_fault::bonus_from_draft && tip != draft::root();
    return {path_, random.pick_token(from_draft ? d.q(tip) : p(tip), d.next_position(tip)), ending(d, tip)};
  }

 private:
  /// The child that stands, or `node`; then `rest_` is the law of the correction.
  node_id try_children(const draft& d, node_id node, const row& target, random_ref random) {
    std::vector<node_id> order = children(d, node);
    if (fault_ == siblings_fault::sorted) {
      std::stable_sort(order.begin(), order.end(),
                       [&](node_id a, node_id b) { return d.q(a)(d.token(a)) > d.q(b)(d.token(b)); });
    }
    rest_ = target;
    row q;
    row removed = target;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const node_id x = order[i];
      bool successive = i > 0 && d.kind(x) == draft::role::sampled && d.drawn(x) == replacement::without;
      if (fault_ == siblings_fault::q_not_renormalised) successive = false;
      if (fault_ == siblings_fault::q_renormalised) successive = i > 0;
      q = successive ? without(q, d.token(order[i - 1])) : probabilities(d.q(x));
      const token_id token = d.token(x);
      if (random.flip(at(rest_, token), at(q, token), purpose::acceptance, x)) return x;
      removed = without(removed, token);
      rest_ = remainder(fault_ == siblings_fault::residual_not_updated ? target : rest_, q);
      if (fault_ == siblings_fault::residual_not_updated && i + 1 < order.size()) rest_ = target;
    }
    if (fault_ == siblings_fault::correction_without_tokens && sum(removed) > 0.0) rest_ = removed;
    return node;
  }

  siblings_fault fault_;
  std::vector<node_id> path_;
  row rest_;
};

suspect siblings_with(siblings_fault f, const char* name) {
  return {name, [f] { return siblings_double{f}; }};
}

TEST_CASE("siblings mutants") {
  judge({"siblings",
         {"rules::siblings", [] { return rules::siblings{}; }},
         {siblings_with(siblings_fault::none, "double without a fault")},
         {siblings_with(siblings_fault::q_not_renormalised, "without replacement, first q"),
          siblings_with(siblings_fault::q_renormalised, "with replacement, renormalised q"),
          siblings_with(siblings_fault::sorted, "siblings sorted by q"),
          siblings_with(siblings_fault::correction_from_target, "correction from p"),
          siblings_with(siblings_fault::residual_not_updated, "residual not updated"),
          siblings_with(siblings_fault::correction_without_tokens, "correction from p without refused"),
          siblings_with(siblings_fault::bonus_from_draft, "bonus from q"),
          siblings_with(siblings_fault::row_of_parent, "row of the level above")},
         {{{"2 siblings with replacement", {2}}, 4},
          {{"2 siblings without replacement", {2}, growth::without}, 3},
          {{"tree 2 1 without replacement", {2, 1}, growth::without}, 3}}});
}

enum class traversal_fault {
  none,
  share_not_updated,   ///< a stays when a child was refused
  law_not_updated,     ///< the next child is offered a p, and the token after the node is drawn from p
  q_not_renormalised,  ///< draws without replacement with the first draw's law
  uncapped,            ///< children are entered with a r(x) / q(x), not held below 1
  share_is_mass,       ///< a <- S without the division by S + 1 - a
  next_from_target     ///< the token after an inner node is drawn from p
};

/// Traversal verification from the formulas.
class traversal_double {
 public:
  static constexpr bool lossless = false;
  explicit traversal_double(traversal_fault f) : fault_{f} {}

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    enter(d, p, random, draft::root(), 1.0);
    nodes_down_to(d, tip_, path_);
    return {path_, next_, ending(d, tip_)};
  }

 private:
  bool enter(const draft& d, const target_laws& p, random_ref random, node_id v, double a) {
    row r = probabilities(p(v));
    row q;
    const std::vector<node_id> below = children(d, v);
    for (std::size_t i = 0; i < below.size() && a > 0.0; ++i) {
      const node_id x = below[i];
      const bool successive =
          i > 0 && d.drawn(x) == replacement::without && fault_ != traversal_fault::q_not_renormalised;
      q = successive ? without(q, d.token(below[i - 1])) : probabilities(d.q(x));
      const double ratio = a * at(r, d.token(x)) / at(q, d.token(x));
      const double offered = ratio > 1.0 && fault_ != traversal_fault::uncapped ? 1.0 : ratio;
      if (offered > 0.0 && enter(d, p, random, x, offered)) return true;
      row left = excess(a, r, 1.0, q);
      const double S = sum(left);
      if (!(S > 0.0) && a >= 1.0) continue;  // rounding
      const double share = fault_ == traversal_fault::share_is_mass ? S : S / (S + 1.0 - a);
      if (fault_ != traversal_fault::share_not_updated) a = share;
      for (double& y : left) y = S > 0.0 ? y / S : 0.0;
      if (fault_ != traversal_fault::law_not_updated && S > 0.0) r = left;
    }
    if (v != draft::root() && !(a > 0.0 && random.flip(a, 1.0, purpose::acceptance, v))) return false;
    tip_ = v;
    if (fault_ == traversal_fault::next_from_target) r = probabilities(p(v));
    next_ = random.pick(law_of(r), purpose::residual, v);
    return true;
  }

  traversal_fault fault_;
  std::vector<node_id> path_;
  node_id tip_ = draft::root();
  token_id next_ = 0;
};

suspect traversal_with(traversal_fault f, const char* name) {
  return {name, [f] { return traversal_double{f}; }};
}

TEST_CASE("traversal mutants") {
  judge({"traversal",
         {"rules::traversal", [] { return rules::traversal{}; }},
         {traversal_with(traversal_fault::none, "double without a fault")},
         {traversal_with(traversal_fault::share_not_updated, "a not updated"),
          traversal_with(traversal_fault::law_not_updated, "r not updated"),
          traversal_with(traversal_fault::q_not_renormalised, "without replacement, first q"),
          traversal_with(traversal_fault::uncapped, "offer not held below 1"),
          traversal_with(traversal_fault::share_is_mass, "a = S"),
          traversal_with(traversal_fault::next_from_target, "correction from p")},
         {{{"tree 2 1 with replacement", {2, 1}}, 3}, {{"tree 2 1 without replacement", {2, 1}, growth::without}, 3}},
         testing::conditionals::every_round,
         true});
}

enum class set_fault {
  none,
  duplicates_counted,  ///< a token that stands twice among the candidates has twice its probability
  accepts_zero,        ///< coin <= cumulated p: with coins of 10 bits, a first candidate with p = 0 passes once in 1024
  fresh_after_match,   ///< refused candidates are forgotten: the next token is drawn from p
  sample_per_path      ///< the target is sampled once per path, and the longest match wins
};

/// One coin per node for a fixed set of candidates: the first one whose cumulated p exceeds the coin stands.
class set_double {
 public:
  static constexpr bool lossless = false;
  explicit set_double(set_fault f) : fault_{f} {}

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    if (fault_ == set_fault::sample_per_path) return by_paths(d, p, random);
    return descend(d, p, random, path_, [&](node_id at) -> choice {
      const row target = probabilities(p(at));
      row rest = target;
      double left = 1.0;  // of the coin's range
      for (const node_id x : children(d, at)) {
        const bool counted = fault_ == set_fault::duplicates_counted;
        const double chance = mutants::at(counted ? target : rest, d.token(x));
        if (fault_ == set_fault::accepts_zero && chance == 0.0 && left == 1.0) {
          if (random.flip(1.0, 1024.0, purpose::acceptance, x)) return {x};
          continue;
        }
        if (random.flip(chance, left, purpose::acceptance, x)) return {x};
        left -= chance;
        rest[static_cast<std::size_t>(d.token(x))] = 0.0;
      }
      if (fault_ == set_fault::fresh_after_match || !(sum(rest) > 0.0)) rest = target;
      return {prefix_node, random.pick(law_of(rest), purpose::residual, at)};
    });
  }

 private:
  outcome by_paths(const draft& d, const target_laws& p, random_ref random) {
    node_id tip = draft::root();
    token_id next = random.pick_token(p(tip), d.next_position(tip));
    for (node_id leaf = 1; leaf < static_cast<node_id>(d.size()); ++leaf) {
      if (d.first_child(leaf) != prefix_node) continue;
      nodes_down_to(d, leaf, path_);
      path_.insert(path_.begin(), draft::root());
      for (std::size_t i = 0; i < path_.size(); ++i) {
        const token_id y = random.pick(p(path_[i]), purpose::selection, path_[i], static_cast<std::uint32_t>(leaf));
        const bool stands = i + 1 < path_.size() && y == d.token(path_[i + 1]);
        if (stands) continue;
        if (i > d.depth(tip)) {
          tip = path_[i];
          next = y;
        }
        break;
      }
    }
    nodes_down_to(d, tip, path_);
    return {path_, next, ending(d, tip)};
  }

  set_fault fault_;
  std::vector<node_id> path_;
};

/// Pushes the same token twice, then another one.
proposal twice(const tables&, const draft_shape&) {
  return [](const context& c, draft& d) {
    if (c.limit() == 0) return;
    const auto x = static_cast<token_id>(c.text().size() % 3);
    for (const token_id token : {x, x, (x + 1) % 3}) d.push(draft::root(), token);
  };
}

suspect set_with(set_fault f, const char* name) {
  return {name, [f] { return set_double{f}; }};
}
suspect set_with_duplicates(set_fault f, const char* name) {
  return {name, [f] { return set_double{f}; }, twice};
}

TEST_CASE("candidate set mutants") {
  judge({"candidate sets",
         {"rules::match", [] { return rules::match{}; }},
         {set_with(set_fault::none, "double without a fault")},
         {set_with(set_fault::accepts_zero, "coin <= cumulated p"),
          set_with(set_fault::fresh_after_match, "fresh draw after a refusal"),
          set_with(set_fault::sample_per_path, "a sample per path")},
         {{{"chain of 2 pushed", {1, 1}, growth::pushed}, 4}, {{"tree 1 2 pushed", {1, 2}, growth::pushed}, 3}}});
  judge({"candidate sets with duplicates",
         {"rules::match", [] { return rules::match{}; }, twice},
         {{"rules::siblings", [] { return rules::siblings{}; }, twice},
          {"rules::traversal", [] { return rules::traversal{}; }, twice},
          {"rules::greedy_hub", [] { return rules::greedy_hub{}; }, twice},
          set_with_duplicates(set_fault::none, "double without a fault")},
         {set_with_duplicates(set_fault::duplicates_counted, "duplicates counted twice")},
         {{{"3 pushed", {3}, growth::pushed}, 3}}});
}

enum class k_seq_fault {
  none,
  no_discount,           ///< rho = 1: every sibling has the chance of an only one
  too_small,             ///< rho halfway between 1 and the smallest valid one
  too_large,             ///< rho = k with the residual of the smallest one
  residual_undiscounted  ///< the correction is drawn from norm([p - q]+)
};

class k_seq_double {
 public:
  static constexpr bool lossless = false;
  explicit k_seq_double(k_seq_fault f) : fault_{f} {}

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    return descend(d, p, random, path_, [&](node_id at) -> choice {
      const std::vector<node_id> below = children(d, at);
      const row target = probabilities(p(at));
      const row q = probabilities(d.q(below[0]));
      const double smallest = discount(target, q, below.size());
      double rho = smallest;
      if (fault_ == k_seq_fault::no_discount) rho = 1.0;
      if (fault_ == k_seq_fault::too_small) rho = (1.0 + smallest) / 2.0;
      if (fault_ == k_seq_fault::too_large) rho = static_cast<double>(below.size());
      for (const node_id x : below) {
        const token_id token = d.token(x);
        if (random.flip(mutants::at(target, token), rho * mutants::at(q, token), purpose::acceptance, x)) return {x};
      }
      row rest = excess(1.0, target, fault_ == k_seq_fault::residual_undiscounted ? 1.0 : smallest, q);
      if (!(sum(rest) > 0.0)) rest = target;
      return {prefix_node, random.pick(law_of(rest), purpose::residual, at)};
    });
  }

 private:
  /// The smallest rho with 1 - (1 - b)^k <= rho b, by bisection.
  static double discount(const row& p, const row& q, std::size_t k) {
    double below = 1.0;
    double above = static_cast<double>(k);
    for (int i = 0; i < 100; ++i) {
      const double rho = (below + above) / 2.0;
      double b = 0.0;
      for (std::size_t x = 0; x < p.size(); ++x) b += std::min(q[x], p[x] / rho);
      (1.0 - std::pow(1.0 - b, static_cast<double>(k)) <= rho * b ? above : below) = rho;
    }
    return above;
  }

  k_seq_fault fault_;
  std::vector<node_id> path_;
};

suspect k_seq_with(k_seq_fault f, const char* name) {
  return {name, [f] { return k_seq_double{f}; }};
}

TEST_CASE("k_seq mutants") {
  judge({"k_seq",
         {"rules::k_seq", [] { return rules::k_seq{}; }},
         {k_seq_with(k_seq_fault::none, "double without a fault")},
         {k_seq_with(k_seq_fault::no_discount, "rho = 1"), k_seq_with(k_seq_fault::too_small, "rho too small"),
          k_seq_with(k_seq_fault::too_large, "rho = k, residual of the smallest"),
          k_seq_with(k_seq_fault::residual_undiscounted, "correction from [p - q]+")},
         {{{"2 siblings with replacement", {2}}, 4}, {{"3 siblings with replacement", {3}}, 3}}});
}

enum class hub_fault {
  none,
  correction_from_target,
  correction_without_siblings,  ///< the correction is drawn from the residual without the pushed siblings
  emitted_twice,                ///< a correction that is a pushed sibling is emitted, and the sibling, too
  drawn_unchecked               ///< a drawn sibling stands when the target's sample is any sibling
};

class hub_double {
 public:
  static constexpr bool lossless = false;
  explicit hub_double(hub_fault f) : fault_{f} {}

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    path_.clear();
    node_id at = draft::root();
    while (d.first_child(at) != prefix_node) {
      const row target = probabilities(p(at));
      rest_ = target;
      node_id drawn = prefix_node;
      for (const node_id x : children(d, at)) drawn = d.kind(x) == draft::role::sampled ? x : drawn;
      if (drawn != prefix_node) {
        const row q = probabilities(d.q(drawn));
        if (random.flip(mutants::at(target, d.token(drawn)), mutants::at(q, d.token(drawn)), purpose::acceptance,
                        drawn)) {
          path_.push_back(at = drawn);
          continue;
        }
        if (fault_ != hub_fault::correction_from_target) rest_ = remainder(target, q);
      }
      if (fault_ == hub_fault::correction_without_siblings && drawn != prefix_node) {
        row fewer = rest_;
        for (const node_id x : children(d, at)) fewer[static_cast<std::size_t>(d.token(x))] = 0.0;
        if (sum(fewer) > 0.0) rest_ = fewer;
      }
      const token_id next = random.pick(law_of(rest_), purpose::residual, at);
      const node_id child = find_child(d, at, next);
      if (child == prefix_node) return {path_, next, origin::corrected};
      path_.push_back(at = child);
      if (fault_ == hub_fault::emitted_twice) return {path_, next, origin::corrected};
      if (fault_ == hub_fault::drawn_unchecked && drawn != prefix_node) path_.back() = at = drawn;
    }
    return {path_, random.pick_token(p(at), d.next_position(at)), ending(d, at)};
  }

 private:
  hub_fault fault_;
  std::vector<node_id> path_;
  row rest_;
};

suspect hub_with(hub_fault f, const char* name) {
  return {name, [f] { return hub_double{f}; }};
}

TEST_CASE("greedy_hub mutants") {
  judge({"greedy_hub",
         {"rules::greedy_hub", [] { return rules::greedy_hub{}; }},
         {hub_with(hub_fault::none, "double without a fault")},
         {hub_with(hub_fault::correction_from_target, "correction from p"),
          hub_with(hub_fault::correction_without_siblings, "correction never a sibling"),
          hub_with(hub_fault::emitted_twice, "correction on a sibling, twice"),
          hub_with(hub_fault::drawn_unchecked, "any match keeps the drawn one")},
         {{{"hub of 2", {2}, growth::hub}, 4}, {{"tree 2 2 hub", {2, 2}, growth::hub}, 3}}});
}

}  // namespace
