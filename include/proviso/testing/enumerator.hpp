// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/core/function_ref.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// The key in words: "acceptance, root 0, node 2".
inline std::string describe(const draw_key& key) {
  constexpr std::array<const char*, 6> names{"token", "draft", "acceptance", "residual", "selection", "race"};
  const auto what = static_cast<std::size_t>(key.what);
  std::string words = what < names.size() ? names[what] : "purpose " + std::to_string(what);
  const bool by_position = key.what == purpose::token || key.what == purpose::race;
  words += (by_position ? ", position " : ", root ") + std::to_string(key.at);
  if (!by_position) words += ", node " + std::to_string(key.node);
  if (key.lane != 0) words += ", lane " + std::to_string(key.lane);
  return words;
}

/// A source of randomness that walks every outcome of a program, depth first: the program runs once per outcome,
/// each draw replays or extends the path of choices, and the probability of the path is the product of its branches.
/// Branches of probability 0 are never taken.
///
///     enumerator all;
///     all.run([&] {
///       decoder d{sequence{algorithm, all.source()}};
///       ...                                            // all.probability() is that of this run
///     });
///
/// Races on one key share their noise: the directions of the exponential vector are uniform on a simplex, where each
/// token wins in a convex polygon. The polygon that is left is kept per key and cut by every race, so the joint law
/// of all races on a key is exact up to rounding; cells below 1e-12 of their polygon count as rounding.
///
/// Requirements: the program draws nothing elsewhere and does the same on the same choices. At most three tokens race
/// on one key.
/// Errors: `std::logic_error` that names the key when two draws share one (races may), when a law has no mass or a
/// weight that is negative or not finite, and when a run does not repeat; `std::invalid_argument` for a race of more
/// than three tokens; `std::length_error` after `most_outcomes` outcomes.
/// Cost: the program times the number of outcomes.
class enumerator {
 public:
  explicit enumerator(std::size_t most_outcomes = (std::numeric_limits<std::size_t>::max)()) noexcept
      : most_{most_outcomes} {}
  enumerator(const enumerator&) = delete;
  enumerator& operator=(const enumerator&) = delete;

  /// Runs `program` once per outcome.
  void run(function_ref<void()> program) {
    path_.clear();
    branches_.clear();
    outcomes_ = 0;
    do {
      if (outcomes_ == most_) {
        throw std::length_error("proviso: enumerator: there are more than " + std::to_string(most_) +
                                " outcomes: take fewer tokens, shorter drafts or a smaller vocabulary");
      }
      depth_ = 0;
      probability_ = 1.0;
      used_.clear();
      program();
      if (depth_ != path_.size()) differs(path_[depth_].key);
      ++outcomes_;
    } while (next_path());
  }

  /// Probability of the draws of the latest run so far.
  double probability() const noexcept { return probability_; }
  /// Runs that were completed.
  std::size_t outcomes() const noexcept { return outcomes_; }

  bool flip(double p, double q, const draw_key& key) {
    claim(key, false);
    const bool never = !(p > 0.0) || q != q;
    const double yes = never ? 0.0 : p < q ? p / q : 1.0;
    odds_ = {1.0 - yes, yes};
    return branch(key) == 1;
  }

  token_id pick(const law_view& law, const draw_key& key) {
    claim(key, false);
    check(law, key);
    odds_.clear();
    for (std::size_t i = 0; i < law.size(); ++i) odds_.push_back(law.weight(i) / law.total());
    return law.token(branch(key));
  }

  token_id race(const law_view& law, const draw_key& key) {
    noise& shared = used_[claim(key, true)];
    check(law, key);
    std::vector<runner> runners;
    for (std::size_t i = 0; i < law.size(); ++i) {
      if (law.weight(i) > 0.0) runners.push_back({law.token(i), law.weight(i), 0, {}});
    }
    if (runners.size() == 1) return runners[0].token;
    for (runner& r : runners) r.slot = shared.slot(r.token);
    double total = 0.0;
    for (runner& r : runners) {
      r.wins = shared.left;
      for (const runner& other : runners) {
        if (other.slot != r.slot) r.wins = cut(r.wins, r, other);
      }
      total += area(r.wins);
    }
    odds_.clear();
    double kept = 0.0;
    for (const runner& r : runners) {
      const double share = area(r.wins) / total;
      odds_.push_back(share > rounding ? share : 0.0);
      kept += odds_.back();
    }
    for (double& share : odds_) share /= kept;
    const runner& winner = runners[branch(key)];
    shared.left = winner.wins;
    return winner.token;
  }

  /// The enumerator as a value, for a sequence to own. The enumerator outlives it.
  class source_type {
   public:
    explicit source_type(enumerator& all) noexcept : all_{&all} {}
    bool flip(double p, double q, const draw_key& key) const { return all_->flip(p, q, key); }
    token_id pick(const law_view& law, const draw_key& key) const { return all_->pick(law, key); }
    token_id race(const law_view& law, const draw_key& key) const { return all_->race(law, key); }

   private:
    enumerator* all_;
  };
  source_type source() noexcept { return source_type{*this}; }

 private:
  static constexpr double rounding = 1e-12;

  /// A direction (e[0], e[1], e[2]) of the exponentials, scaled to sum 1.
  using direction = std::array<double, 3>;
  using polygon = std::vector<direction>;

  struct step {
    draw_key key;
    std::size_t first;  // of its branches
    std::size_t count;
    std::size_t choice;
  };
  struct runner {
    token_id token;
    double weight;
    std::size_t slot;
    polygon wins;  // directions in which it wins
  };
  struct noise {
    draw_key key;
    bool raced;
    std::vector<token_id> tokens{};  // whose exponentials the axes are
    polygon left{};                  // directions that agree with the races so far

    std::size_t slot(token_id token) {
      std::size_t i = 0;
      while (i < tokens.size() && tokens[i] != token) ++i;
      if (i == 3) {
        throw std::invalid_argument("proviso: enumerator: more than three tokens race on one key (" + describe(key) +
                                    "): beyond three, winning regions are no polygons; use a vocabulary of 2 or 3");
      }
      if (i == tokens.size()) tokens.push_back(token);
      return i;
    }
  };

  static bool same(const draw_key& a, const draw_key& b) noexcept {
    return a.what == b.what && a.at == b.at && a.node == b.node && a.lane == b.lane;
  }
  [[noreturn]] static void differs(const draw_key& key) {
    throw std::logic_error("proviso: enumerator: the program did something else on the same choices, at the draw (" +
                           describe(key) + "): it keeps state from run to run or draws elsewhere");
  }

  /// Index in `used_` of the key's noise; only races may come back to a key.
  std::size_t claim(const draw_key& key, bool races) {
    for (std::size_t i = 0; i < used_.size(); ++i) {
      if (!same(used_[i].key, key)) continue;
      if (races && used_[i].raced) return i;
      throw std::logic_error("proviso: enumerator: two draws share a key (" + describe(key) + ")");
    }
    used_.push_back({key, races});
    if (races) used_.back().left = {{1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}, {0.0, 0.0, 1.0}};
    return used_.size() - 1;
  }

  static void check(const law_view& law, const draw_key& key) {
    bool valid = law.total() > 0.0;
    for (std::size_t i = 0; valid && i < law.size(); ++i) {
      valid = law.weight(i) >= 0.0 && law.weight(i) <= (std::numeric_limits<double>::max)();
    }
    if (!valid) {
      throw std::logic_error("proviso: enumerator: a draw (" + describe(key) +
                             ") from weights that are no law: without mass, negative or not finite");
    }
  }

  /// Takes one of the branches whose probabilities are in `odds_`.
  std::size_t branch(const draw_key& key) {
    if (depth_ == path_.size()) {
      path_.push_back({key, branches_.size(), odds_.size(), 0});
      branches_.insert(branches_.end(), odds_.begin(), odds_.end());
      path_.back().choice = possible(path_.back(), 0);
    }
    const step& s = path_[depth_++];
    if (!same(s.key, key) || s.count != odds_.size() || branches_[s.first + s.choice] != odds_[s.choice]) differs(key);
    probability_ *= odds_[s.choice];
    return s.choice;
  }
  std::size_t possible(const step& s, std::size_t from) const noexcept {
    while (from < s.count && !(branches_[s.first + from] > 0.0)) ++from;
    return from;
  }
  bool next_path() {
    for (; !path_.empty(); path_.pop_back()) {
      step& s = path_.back();
      branches_.resize(s.first + s.count);
      s.choice = possible(s, s.choice + 1);
      if (s.choice < s.count) return true;
    }
    return false;
  }

  /// The part of a convex polygon where `a` arrives before `b`: e_a / w_a <= e_b / w_b.
  static polygon cut(const polygon& whole, const runner& a, const runner& b) {
    const auto ahead = [&](const direction& e) { return e[b.slot] * a.weight - e[a.slot] * b.weight; };
    polygon part;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      const direction& from = whole[i];
      const direction& to = whole[(i + 1) % whole.size()];
      const double x = ahead(from);
      const double y = ahead(to);
      if (x >= 0.0) part.push_back(from);
      if ((x > 0.0 && y < 0.0) || (x < 0.0 && y > 0.0)) {
        const double t = x / (x - y);
        direction border{};
        for (std::size_t k = 0; k < 3; ++k) border[k] = from[k] + t * (to[k] - from[k]);
        part.push_back(border);
      }
    }
    return part;
  }
  /// Area of a convex polygon, in units of the whole simplex.
  static double area(const polygon& p) noexcept {
    double sum = 0.0;
    for (std::size_t i = 2; i < p.size(); ++i) {
      const direction& a = p[i - 1];
      const direction& b = p[i];
      sum += (a[0] - p[0][0]) * (b[1] - p[0][1]) - (a[1] - p[0][1]) * (b[0] - p[0][0]);
    }
    return sum < 0.0 ? -sum : sum;
  }

  std::vector<step> path_;
  std::vector<double> branches_;  // probabilities of the branches of all steps
  std::vector<double> odds_;
  std::vector<noise> used_;
  std::size_t depth_ = 0;
  std::size_t outcomes_ = 0;
  std::size_t most_;
  double probability_ = 1.0;
};

}  // namespace testing
}  // namespace v0
}  // namespace proviso
