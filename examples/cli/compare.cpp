// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <memory>
#include <span>

#include "comparison.hpp"

namespace cli {

std::span<const std::unique_ptr<comparison>> comparisons() {
  static const std::array all{methods_comparison(), rules_comparison(),     ensemble_comparison(),
                              space_comparison(),   languages_comparison(), diffusion_comparison()};
  return all;
}

}  // namespace cli
