// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>

#include <proviso/core/law_builder.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/selection.hpp>

namespace proviso {
inline namespace v0 {
namespace transforms {

/// Keeps the `k` most probable tokens (lowest ids on ties) and renormalises; tokens of probability 0 are never kept.
/// The temperature does not matter. A row of at most `k` candidates is left alone.
/// Errors: `std::invalid_argument` when `k` is 0.
/// Cost: one pass over the row for the maxima of columns of 32 logits; the columns whose maximum reaches the k-th
/// largest maximum hold the k largest logits and settle where they end; one more pass gathers them. For `k` beyond
/// V / 32, the whole row takes the place of the columns.
/// Source: Fan et al., "Hierarchical neural story generation", ACL 2018.
class top_k {
 public:
  explicit top_k(std::size_t k) : k_{k} {
    if (k == 0) throw std::invalid_argument("proviso: top_k: k must be at least 1, got 0");
  }

  void operator()(law_builder& row, const text_position&) const {
    if (row.size() <= k_ || row.is_point()) return;
    const std::span<const float> maxima = row.maxima();
    const std::span<const float> logits = row.logits();
    detail::list<std::uint32_t>& members = row.members();
    if (maxima.size() < k_) {
      keep_border(row, largest(logits, least_of(logits.first(k_)), row.top(), members));
      return;
    }
    const float floor = numeric::from_order_key(largest(maxima, least_of(maxima.first(k_)), row.top(), members).key);
    const std::span<float> candidates = row.scores();
    std::size_t count = 0;
    constexpr std::size_t columns = numeric::group_columns;
    constexpr std::size_t stretch = columns * numeric::group_rows;
    for (std::size_t g = 0; g < maxima.size(); ++g) {
      if (!(maxima[g] >= floor)) continue;
      const std::size_t begin = g / columns * stretch + g % columns;
      const std::size_t last = (g / columns + 1) * stretch;
      const std::size_t end = last < logits.size() ? last : logits.size();
      for (std::size_t i = begin; i < end; i += columns) {
        candidates[count] = logits[i];
        count += static_cast<std::size_t>(logits[i] >= floor);
      }
    }
    keep_border(row, largest(candidates.first(count), floor, row.top(), members));
  }

 private:
  /// Where the k largest of `values` end; at least k are not below `least`.
  numeric::border largest(std::span<const float> values, float least, float top,
                          detail::list<std::uint32_t>& members) const {
    return numeric::reach(
        values.size(), [values](std::size_t i) { return numeric::order_key(values[i]); },
        [](std::size_t) { return 1.0; }, numeric::order_key(least), numeric::order_key(top), static_cast<double>(k_),
        members);
  }
  static float least_of(std::span<const float> values) noexcept {
    float least = values[0];
    for (const float x : values) least = x < least ? x : least;
    return least;
  }
  static void keep_border(law_builder& row, const numeric::border& b) {
    const float least = numeric::from_order_key(b.key);
    row.keep(row.logits(), least, least == -std::numeric_limits<float>::infinity() ? 0 : b.ties);
  }

  std::size_t k_;
};

}  // namespace transforms
}  // namespace v0
}  // namespace proviso
