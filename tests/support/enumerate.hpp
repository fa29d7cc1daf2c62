// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <tuple>
#include <vector>

#include <proviso/core/random.hpp>

namespace support {

/// Walks every outcome of a program's random draws, depth first: the program runs once per outcome, each draw
/// replays or extends the path of choices, and the path's probability is the product of its branches.
class enumeration {
 public:
  /// Takes one of the branches whose probabilities are given; those of probability 0 are never taken.
  std::size_t branch(const std::vector<double>& probabilities, const proviso::draw_key& key) {
    if (!keys_.insert({static_cast<unsigned>(key.what), key.at, key.node, key.lane}).second) {
      throw std::logic_error("two draws share a key");
    }
    if (depth_ == path_.size()) path_.push_back({next(probabilities, 0), probabilities});
    const step& s = path_[depth_++];
    probability_ *= s.probabilities[s.choice];
    return s.choice;
  }

  /// Runs `program` once per outcome; `probability()` is that of the latest run.
  template <class Program>
  void run(Program&& program) {
    do {
      depth_ = 0;
      probability_ = 1.0;
      keys_.clear();
      program();
    } while (advance());
  }
  double probability() const noexcept { return probability_; }

 private:
  struct step {
    std::size_t choice;
    std::vector<double> probabilities;
  };
  static std::size_t next(const std::vector<double>& probabilities, std::size_t from) {
    while (from < probabilities.size() && !(probabilities[from] > 0.0)) ++from;
    return from;
  }
  bool advance() {
    for (; !path_.empty(); path_.pop_back()) {
      step& s = path_.back();
      s.choice = next(s.probabilities, s.choice + 1);
      if (s.choice < s.probabilities.size()) return true;
    }
    return false;
  }

  std::vector<step> path_;
  std::set<std::tuple<unsigned, std::uint32_t, std::uint32_t, std::uint32_t>> keys_;
  std::size_t depth_ = 0;
  double probability_ = 1.0;
};

/// The enumeration as a source of randomness.
struct enumerated {
  enumeration* all;
  bool flip(double p, double q, const proviso::draw_key& key) {
    const double yes = p < q ? p / q : p > 0.0 ? 1.0 : 0.0;
    return all->branch({1.0 - yes, yes}, key) == 1;
  }
  proviso::token_id pick(const proviso::law_view& law, const proviso::draw_key& key) {
    std::vector<double> p(law.size());
    for (std::size_t i = 0; i < p.size(); ++i) p[i] = law.weight(i) / law.total();
    return law.token(all->branch(p, key));
  }
};

}  // namespace support
