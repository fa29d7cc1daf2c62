// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <proviso/backends/eigen/kernels.hpp>

namespace eigen_test {

/// Those that this machine runs.
inline std::vector<proviso::eigen::instruction_set> instruction_sets() {
  using proviso::eigen::instruction_set;
  std::vector<instruction_set> result;
  for (auto set : {instruction_set::generic, instruction_set::avx2, instruction_set::avx512, instruction_set::vnni,
                   instruction_set::amx}) {
    if (proviso::eigen::runs(set)) result.push_back(set);
  }
  return result;
}

}  // namespace eigen_test
