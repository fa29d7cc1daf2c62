// SPDX-License-Identifier: Apache-2.0
// Wrong versions of the rules that judge chains as a whole: block, joint and selected-path verification.
#include <algorithm>
#include <cmath>
#include <vector>

#include <proviso/rules/block.hpp>
#include <proviso/rules/joint.hpp>
#include <proviso/rules/selected_path.hpp>

#include "mutants/jury.hpp"
#include "support/catch.hpp"

namespace {

using namespace mutants;

enum class block_fault {
  none,
  prefix_stop,        ///< the scan goes forward and ends at the first prefix that fails
  first_passes,       ///< the shortest prefix that passes wins
  h_is_p,             ///< h_i = P_i at every row
  uncapped,           ///< P_i = min(1, product of ratios): held below 1 at the end only
  uncapped_residual,  ///< the correction alone uses the product that was not held below 1
  token_residual,     ///< the correction is drawn from norm([p - q]+)
  correction_from_target,
  bonus_from_draft,
  last_row_configured,  ///< K is that of the longest draft so far; a shorter draft has no last row, and reads stale
                        ///< laws
  last_row_early,       ///< h = P one row before the last, too
  plain_law,            ///< the selected path is verified with q
  selected_by_value     ///< the path of the most probable tokens is selected, and verified as the greatest one
};

/// The nodes of a chain and the laws that its tokens are verified with.
struct chain {
  std::vector<node_id> path;
  std::vector<row> p, q;  ///< before each token
};

/// Block verification from the formulas.
class block_scan {
 public:
  explicit block_scan(block_fault f) : fault_{f} {}

  outcome operator()(const chain& c, const draft& d, const target_laws& p, random_ref random) {
    const std::size_t size = c.path.size();
    longest_ = std::max(longest_, size);
    std::vector<double> joint{1.0}, free{1.0};
    for (std::size_t i = 0; i < size; ++i) {
      const double above = at(c.p[i], d.token(c.path[i]));
      const double below = at(c.q[i], d.token(c.path[i]));
      free.push_back(below > 0.0 ? free.back() * above / below : 0.0);
      const double next = below > 0.0 ? joint.back() * above / below : 0.0;
      joint.push_back(fault_ == block_fault::uncapped ? free.back() : std::min(1.0, next));
    }
    if (fault_ == block_fault::uncapped) {
      for (double& x : joint) x = std::min(1.0, x);
    }
    const auto passes = [&](std::size_t i) {
      const double P = joint[i];
      const bool last = fault_ == block_fault::last_row_configured ? i == longest_ : i == size;
      const bool early = fault_ == block_fault::last_row_early && i + 1 == size;
      if (last || early || fault_ == block_fault::h_is_p)
        return random.flip(P, 1.0, purpose::acceptance, c.path[i - 1]);
      const double S =
          sum(excess(P, i < size ? c.p[i] : probabilities(p(c.path[i - 1])), 1.0, i < size ? c.q[i] : c.q[i - 1]));
      return P > 0.0 && random.flip(S, S + 1.0 - P, purpose::acceptance, c.path[i - 1]);
    };
    std::size_t length = 0;
    if (fault_ == block_fault::prefix_stop) {
      while (length < size && passes(length + 1)) ++length;
    } else if (fault_ == block_fault::first_passes) {
      for (std::size_t i = 1; i <= size && length == 0; ++i) length = passes(i) ? i : 0;
    } else {
      for (length = size; length > 0 && !passes(length);) --length;
    }
    path_.assign(c.path.begin(), c.path.begin() + static_cast<std::ptrdiff_t>(length));
    const node_id tip = path_.empty() ? draft::root() : path_.back();
    if (length == size) {
      const bool from_draft = fault_ == block_fault::bonus_from_draft && size > 0;
      return {path_, random.pick_token(from_draft ? d.q(tip) : p(tip), d.next_position(tip)), ending(d, tip)};
    }
    const double keep = fault_ == block_fault::token_residual      ? 1.0
                        : fault_ == block_fault::uncapped_residual ? free[length]
                                                                   : joint[length];
    correction_ = excess(keep, c.p[length], 1.0, c.q[length]);
    if (fault_ == block_fault::correction_from_target || !(sum(correction_) > 0.0)) correction_ = c.p[length];
    return {path_, random.pick(law_of(correction_), purpose::residual, c.path[length]), origin::corrected};
  }
  void start() { longest_ = 0; }

 private:
  block_fault fault_;
  std::size_t longest_ = 0;
  std::vector<node_id> path_;
  row correction_;
};

class block_double {
 public:
  static constexpr bool lossless = false;
  explicit block_double(block_fault f) : scan_{f} {}
  void start() { scan_.start(); }
  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    chain c;
    for (node_id x = d.first_child(draft::root()); x != prefix_node; x = d.first_child(x)) {
      c.path.push_back(x);
      c.p.push_back(probabilities(p(d.parent(x))));
      c.q.push_back(probabilities(d.q(x)));
    }
    return scan_(c, d, p, random);
  }

 private:
  block_scan scan_;
};

/// Of several chains the greatest in the order by p / q, with the law that the greatest of them has.
class selection_double {
 public:
  static constexpr bool lossless = false;
  explicit selection_double(block_fault f) : fault_{f}, scan_{f} {}
  void start() { scan_.start(); }

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    std::vector<node_id> alive;
    for (node_id x = d.first_child(draft::root()); x != prefix_node; x = d.next_sibling(x)) alive.push_back(x);
    const double n = static_cast<double>(alive.size());
    chain c;
    double below = 0.0;  // probability that a chain begins with a lesser prefix,
    double own = 1.0;    // and with this one
    for (node_id at = draft::root(); !alive.empty() && alive[0] != prefix_node;) {
      c.p.push_back(probabilities(p(at)));
      const row q = probabilities(d.q(alive[0]));
      const auto ranks = [&](token_id x) { return order(c.p.back(), q, x); };
      const auto greater = [&](node_id a, node_id b) {
        if (fault_ != block_fault::selected_by_value) return ranks(d.token(a)) < ranks(d.token(b));
        return mutants::at(c.p.back(), d.token(a)) < mutants::at(c.p.back(), d.token(b));
      };
      at = *std::max_element(alive.begin(), alive.end(), greater);
      row best(q.size());
      const double F = std::pow(below + own, n) - std::pow(below, n);
      double lesser = below;
      for (token_id x = 0; x < 3; ++x) {
        double low = below;
        for (token_id y = 0; y < 3; ++y) low += ranks(y) < ranks(x) ? own * mutants::at(q, y) : 0.0;
        best[static_cast<std::size_t>(x)] = (std::pow(low + own * mutants::at(q, x), n) - std::pow(low, n)) / F;
        if (x == d.token(at)) lesser = low;
      }
      below = lesser;
      own *= mutants::at(q, d.token(at));
      c.q.push_back(fault_ == block_fault::plain_law ? q : best);
      c.path.push_back(at);
      std::vector<node_id> next;
      for (const node_id x : alive) {
        if (d.token(x) == d.token(at) && d.first_child(x) != prefix_node) next.push_back(d.first_child(x));
      }
      alive = next;
    }
    for (std::size_t i = c.path.size(); i > 1; --i) c.path[i - 2] = d.parent(c.path[i - 1]);  // of equal chains, one
    return scan_(c, d, p, random);
  }

 private:
  /// Place of `x` in the order by p / q; ties by id.
  static std::size_t order(const row& p, const row& q, token_id x) {
    std::size_t before = 0;
    for (token_id y = 0; y < 3; ++y) {
      const double a = mutants::at(p, y) * mutants::at(q, x);
      const double b = mutants::at(p, x) * mutants::at(q, y);
      const bool neither = mutants::at(p, y) == 0.0 && mutants::at(q, y) == 0.0;
      before += a < b || neither || (a == b && y < x) ? 1 : 0;
    }
    return before;
  }

  block_fault fault_;
  block_scan scan_;
};

suspect block_with(block_fault f, const char* name) {
  return {name, [f] { return block_double{f}; }};
}
suspect selection_with(block_fault f, const char* name) {
  return {name, [f] { return selection_double{f}; }};
}

TEST_CASE("block mutants") {
  judge({"block",
         {"rules::block", [] { return rules::block{}; }},
         {block_with(block_fault::none, "double without a fault")},
         {block_with(block_fault::prefix_stop, "stops at the first failing h"),
          block_with(block_fault::first_passes, "shortest passing prefix"), block_with(block_fault::h_is_p, "h = P"),
          block_with(block_fault::uncapped, "P capped at the end only"),
          block_with(block_fault::uncapped_residual, "correction with uncapped P"),
          block_with(block_fault::token_residual, "token residual"),
          block_with(block_fault::correction_from_target, "correction from p"),
          block_with(block_fault::bonus_from_draft, "bonus from q"),
          block_with(block_fault::last_row_configured, "row K of a longer draft"),
          block_with(block_fault::last_row_early, "h = P one row early")},
         {{{"chain of 2", {1, 1}}, 4}, {{"chain of 3", {1, 1, 1}}, 4}},
         testing::conditionals::every_round,
         true});
}

TEST_CASE("selected-path mutants") {
  judge({"selected path",
         {"rules::selected_path", [] { return rules::selected_path{}; }},
         {selection_with(block_fault::none, "double without a fault")},
         {selection_with(block_fault::plain_law, "verified with q"),
          selection_with(block_fault::selected_by_value, "selected by p")},
         {{{"2 paths of 2", {2, 1}}, 3}}});
}

enum class carry_fault {
  none,
  nothing,      ///< no memory: every round verifies against p
  too_short,    ///< one token less is verified against what is owed
  too_long,     ///< one token more
  newest_only,  ///< only the newest refused draft is remembered
  ratio_of_one  ///< what is owed is [p - q]+, without the ratio of the text
};

/// Joint verification from the definition: all refused drafts that are not over yet, oldest first.
class joint_double {
 public:
  static constexpr bool lossless = false;
  explicit joint_double(carry_fault f) : fault_{f} {}
  void start() { owed_.clear(); }

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    path_.clear();
    for (node_id x = d.first_child(draft::root()); x != prefix_node; x = d.first_child(x)) path_.push_back(x);
    const std::size_t size = path_.size();
    std::vector<std::vector<layer>> layers{owed_};  // after 0, 1, .. drafted tokens
    std::vector<row> laws, q;
    std::vector<double> ratio{1.0};
    for (std::size_t i = 0; i < size; ++i) {
      q.push_back(probabilities(d.q(path_[i])));
      const row target = probabilities(p(d.parent(path_[i])));
      laws.push_back(law_under(layers[i], target, q[i]));
      layers.push_back(after(layers[i], target, q[i], d.token(path_[i])));
      ratio.push_back(ratio[i] * at(laws[i], d.token(path_[i])) / at(q[i], d.token(path_[i])));
    }
    std::size_t length = size;
    const auto stands = [&](std::size_t i) {
      const double S = i < size ? sum(excess(ratio[i], laws[i], 1.0, q[i])) : 0.0;
      const double other = i < size ? S + 1.0 - ratio[i] : 1.0;
      return ratio[i] > 0.0 && random.flip(i < size ? S : ratio[i], other, purpose::acceptance, path_[i - 1]);
    };
    while (length > 0 && !stands(length)) --length;
    const std::span<const node_id> kept = std::span<const node_id>{path_}.first(length);
    const node_id tip = kept.empty() ? draft::root() : kept.back();
    if (length == size) {
      owed_.clear();
      return {kept, random.pick_token(p(tip), d.next_position(tip)), ending(d, tip)};
    }
    correction_ = excess(ratio[length], laws[length], 1.0, q[length]);
    if (!(sum(correction_) > 0.0)) correction_ = laws[length];
    const token_id y = random.pick(law_of(correction_), purpose::residual, path_[length]);
    carry(layers[length], probabilities(p(tip)), laws[length], q[length], y, ratio[length], size - length - 1);
    return {kept, y, origin::corrected};
  }

 private:
  struct layer {
    double ratio;
    std::size_t left;
  };

  row owed_by(const layer& l, const row& law, const row& q) const {
    return excess(fault_ == carry_fault::ratio_of_one ? 1.0 : l.ratio, law, 1.0, q);
  }
  row law_under(const std::vector<layer>& layers, const row& p, const row& q) const {
    row law = p;
    for (const layer& l : layers) {
      row owed = owed_by(l, law, q);
      const double mass = sum(owed);
      if (!(mass > 0.0)) continue;
      for (double& x : owed) x /= mass;
      law = owed;
    }
    return law;
  }
  std::vector<layer> after(const std::vector<layer>& layers, const row& p, const row& q, token_id x) const {
    std::vector<layer> next;
    for (std::size_t j = 0; j < layers.size(); ++j) {
      const row law = law_under({layers.begin(), layers.begin() + static_cast<std::ptrdiff_t>(j)}, p, q);
      if (layers[j].left > 1 && at(q, x) > 0.0) {
        next.push_back({layers[j].ratio * at(law, x) / at(q, x), layers[j].left - 1});
      }
    }
    return next;
  }
  void carry(const std::vector<layer>& layers, const row& p, const row& law, const row& q, token_id y, double ratio,
             std::size_t left) {
    owed_ = after(layers, p, q, y);
    if (fault_ == carry_fault::newest_only) owed_.clear();
    if (fault_ == carry_fault::too_short && left > 0) --left;
    if (fault_ == carry_fault::too_long) ++left;
    if (left > 0 && at(q, y) > 0.0) owed_.push_back({ratio * at(law, y) / at(q, y), left});
    if (fault_ == carry_fault::nothing) owed_.clear();
  }

  carry_fault fault_;
  std::vector<layer> owed_;
  std::vector<node_id> path_;
  row correction_;
};

suspect joint_with(carry_fault f, const char* name) {
  return {name, [f] { return joint_double{f}; }};
}

TEST_CASE("joint mutants") {
  judge({"joint",
         {"rules::joint", [] { return rules::joint{}; }},
         {joint_with(carry_fault::none, "double without a fault")},
         {joint_with(carry_fault::nothing, "nothing carried"),
          joint_with(carry_fault::too_short, "carried one token too short"),
          joint_with(carry_fault::too_long, "carried one token too long"),
          joint_with(carry_fault::newest_only, "only the newest draft carried"),
          joint_with(carry_fault::ratio_of_one, "carried without the ratio")},
         {{{"chain of 2", {1, 1}}, 4}, {{"chain of 3", {1, 1, 1}}, 4}},
         testing::conditionals::whole_text});
}

}  // namespace
