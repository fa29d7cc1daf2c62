// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <proviso/core/random.hpp>

namespace support {

/// Floats from 0 to 1, told apart by their seed and place.
inline float noise(std::uint64_t seed, std::size_t i) {
  return static_cast<float>(
      proviso::philox{seed}.uniform({proviso::purpose::selection, static_cast<std::uint32_t>(i), 0, 0}));
}
inline std::vector<float> noise_row(std::size_t n, std::uint64_t seed) {
  std::vector<float> row(n);
  for (std::size_t i = 0; i < n; ++i) row[i] = noise(seed, i);
  return row;
}

}  // namespace support
