// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <proviso/backends/eigen/kernels.hpp>

namespace eigen_test {

/// Those that this machine runs.
inline std::vector<proviso::eigen::instruction_set> instruction_sets() {
  std::vector<proviso::eigen::instruction_set> result;
  for (auto set : proviso::eigen::all_instruction_sets) {
    if (proviso::eigen::runs(set)) result.push_back(set);
  }
  return result;
}

}  // namespace eigen_test
