// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace numeric {

inline constexpr std::size_t all_ties = static_cast<std::size_t>(-1);

/// Where a selection ends: every entry with a greater key is in it, and of the entries with this key the first
/// `ties`, lowest index first.
struct border {
  std::uint32_t key = 0;
  std::size_t ties = all_ties;
};

/// An integer that orders like the float `x` (not NaN); -0 and +0 have the same.
inline std::uint32_t order_key(float x) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(x + 0.0F);
  return (bits >> 31U) != 0 ? ~bits : bits | 0x80000000U;
}
/// The float whose `order_key` is `key`.
inline float from_order_key(std::uint32_t key) noexcept {
  return std::bit_cast<float>((key >> 31U) != 0 ? key & 0x7FFFFFFFU : ~key);
}

/// The smallest set of entries 0 .. n-1, taken by descending `key(i)` (lowest index first among equals), whose
/// `mass(i)` sum to `target`. Keys are integers of at most `high`; entries with keys below `low` are not looked at,
/// so the others must reach the target; if rounding leaves them short, the set is all of them.
///
/// Histograms of mass over ever narrower ranges of keys, until a few entries are left to put in order: the cost is
/// two passes over the keys and one over the masses, and little more, whatever their values. `members` is scratch
/// memory.
template <class Key, class Mass, class Members>
border reach(std::size_t n, Key key, Mass mass, std::uint32_t low, std::uint32_t high, double target,
             Members& members) {
  constexpr std::uint32_t bins = 512;
  constexpr std::uint32_t outside = 8;  // several, so that entries that do not count do not wait for each other
  constexpr std::size_t step = 32;
  constexpr std::size_t few = 32;
  if (members.size() < n) members.resize(n);
  bool listed = false;  // the entries of the range are the first `count` of `members`
  std::size_t count = 0;
  double above = 0.0;  // mass of the keys beyond `high`

  // Calls f(begin, end) for stretches that may hold keys from `low` to `high`.
  const auto stretches = [&](auto f) {
    const std::uint32_t range = high - low;
    for (std::size_t begin = 0; begin < n; begin += step) {
      std::uint32_t hit = 0;
      if (begin + step <= n) {
        for (std::size_t j = 0; j < step; ++j) hit |= static_cast<std::uint32_t>(key(begin + j) - low <= range);
        if (hit != 0) f(begin, begin + step);
      } else {
        f(begin, n);
      }
    }
  };

  for (;;) {
    const std::uint32_t range = high - low;
    const auto width = static_cast<std::uint32_t>(std::bit_width(range));
    const std::uint32_t shift = width > 9 ? width - 9 : 0;
    double histogram[2][bins + outside] = {};
    if (listed) {
      for (std::size_t i = 0; i < count; ++i) histogram[i & 1U][(key(members[i]) - low) >> shift] += mass(members[i]);
    } else {
      stretches([&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
          const std::uint32_t offset = key(i) - low;
          const std::uint32_t in = 0U - static_cast<std::uint32_t>(offset <= range);  // a mask: a branch is missed
          const std::uint32_t elsewhere = bins + static_cast<std::uint32_t>(i / 2 % outside);
          histogram[i & 1U][((offset >> shift) & in) | (elsewhere & ~in)] += mass(i);
        }
      });
    }
    std::uint32_t bin = (range >> shift) + 1;
    double here = 0.0;
    do {
      if (bin == 0) return {low, all_ties};  // rounding left the range short
      --bin;
      above += here;
      here = histogram[0][bin] + histogram[1][bin];
    } while (!(above + here >= target));
    low += bin << shift;
    const std::uint32_t end_of_bin = low + ((1U << shift) - 1);
    high = end_of_bin < high ? end_of_bin : high;

    const std::uint32_t narrow = high - low;
    std::size_t kept = 0;
    const auto collect = [&](std::uint32_t e) {
      members[kept] = e;
      kept += static_cast<std::size_t>(key(e) - low <= narrow);
    };
    if (listed) {
      for (std::size_t i = 0; i < count; ++i) collect(members[i]);
    } else {
      stretches([&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) collect(static_cast<std::uint32_t>(i));
      });
    }
    count = kept;
    listed = true;
    if (low == high || count <= few) break;
  }
  // Few members are left, or they are equal: in order, by insertion.
  for (std::size_t i = 1; i < count && low != high; ++i) {
    const std::uint32_t e = members[i];
    std::size_t at = i;
    for (; at > 0 && key(members[at - 1]) < key(e); --at) members[at] = members[at - 1];
    members[at] = e;
  }
  border last{low, 0};
  for (std::size_t i = 0; i < count && above < target; ++i) {
    above += mass(members[i]);
    last.ties = key(members[i]) == last.key ? last.ties + 1 : 1;
    last.key = key(members[i]);
  }
  return last;
}

/// Sorts tokens in ascending order. Cost: n log n (heap sort; <algorithm> would double the time to compile this).
inline void sort_tokens(std::span<token_id> tokens) noexcept {
  const auto sink = [tokens](std::size_t at, std::size_t end) {
    for (std::size_t child = 2 * at + 1; child < end; child = 2 * at + 1) {
      if (child + 1 < end && tokens[child] < tokens[child + 1]) ++child;
      if (tokens[at] >= tokens[child]) return;
      const token_id held = tokens[at];
      tokens[at] = tokens[child];
      tokens[child] = held;
      at = child;
    }
  };
  for (std::size_t at = tokens.size() / 2; at > 0; --at) sink(at - 1, tokens.size());
  for (std::size_t end = tokens.size(); end > 1;) {
    --end;
    const token_id largest = tokens[0];
    tokens[0] = tokens[end];
    tokens[end] = largest;
    sink(0, end);
  }
}

}  // namespace numeric
}  // namespace v0
}  // namespace proviso
