// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "mutants/jury.hpp"

namespace mutants {

/// Enumerates like `enumerator`, but draws that have one key have one uniform: what a real source does. Of every
/// uniform the range that agrees with the draws so far is kept, and cut by each draw.
class shared_uniforms {
 public:
  explicit shared_uniforms(testing::enumerator& all) : all_{&all} {}

  bool flip(double p, double q, const draw_key& key) {
    borders_ = {0.0, p > 0.0 ? (p < q ? p / q : 1.0) : 0.0, 1.0};
    return cut(key) == 0;
  }
  token_id pick(const law_view& law, const draw_key& key) {
    borders_ = {0.0};
    double below = 0.0;
    for (std::size_t i = 0; i < law.size(); ++i) borders_.push_back((below += law.weight(i)) / law.total());
    return law.token(cut(key));
  }
  token_id race(const law_view& law, const draw_key& key) { return all_->race(law, key); }

 private:
  struct range {
    draw_key key;
    double low = 0.0;
    double high = 1.0;
  };
  range& of(const draw_key& key) {
    for (range& r : used_) {
      if (r.key.what == key.what && r.key.at == key.at && r.key.node == key.node && r.key.lane == key.lane) return r;
    }
    used_.push_back({key});
    return used_.back();
  }
  /// The interval between borders in which the key's uniform lies.
  std::size_t cut(const draw_key& key) {
    range& r = of(key);
    row parts;
    for (std::size_t i = 0; i + 1 < borders_.size(); ++i) {
      const double part = std::min(r.high, borders_[i + 1]) - std::max(r.low, borders_[i]);
      parts.push_back(part > 1e-12 * (r.high - r.low) ? part : 0.0);
    }
    const auto i = static_cast<std::size_t>(all_->pick(law_of(parts), {purpose::selection, draws_++, 0, 1}));
    r.low = std::max(r.low, borders_[i]);
    r.high = std::min(r.high, borders_[i + 1]);
    return i;
  }

  testing::enumerator* all_;
  std::vector<range> used_;
  std::vector<double> borders_;
  std::uint32_t draws_ = 0;
};

}  // namespace mutants
