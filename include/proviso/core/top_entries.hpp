// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include <proviso/core/law.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// The entries of a law with the largest weights.
class top_entries {
 public:
  /// At most `count` entries of `law` with weights above 0, in descending order, the lowest first among equals; valid
  /// until the next call. Cost: one pass, and a little more for each large weight.
  std::span<const std::size_t> of(const law_view& law, std::size_t count) {
    entries_.clear();
    if (law.is_point() && count > 0) entries_.push_back(0);
    if (law.is_wide()) {
      find(law.wide_weights(), count);
    } else {
      find(law.weights(), count);
    }
    return detail::view(entries_);
  }

 private:
  template <class Weight>
  void find(std::span<const Weight> w, std::size_t count) {
    if (count > w.size()) count = w.size();
    if (count == 0) return;
    entries_.reserve(count);
    Weight least{};
    constexpr std::size_t step = 64;
    for (std::size_t begin = 0; begin < w.size(); begin += step) {
      const std::size_t end = w.size() - begin < step ? w.size() : begin + step;
      unsigned hit = 0;
      for (std::size_t i = begin; i < end; ++i) hit |= static_cast<unsigned>(w[i] > least);
      if (hit == 0) continue;
      for (std::size_t i = begin; i < end; ++i) {
        if (!(w[i] > least)) continue;
        if (entries_.size() == count) entries_.pop_back();
        std::size_t at = entries_.size();
        entries_.push_back(i);
        for (; at > 0 && w[entries_[at - 1]] < w[i]; --at) entries_[at] = entries_[at - 1];
        entries_[at] = i;
        if (entries_.size() == count) least = w[entries_.back()];
      }
    }
  }

  detail::list<std::size_t> entries_;
};

}  // namespace v0
}  // namespace proviso
