// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <limits>

namespace support {

inline constexpr float infinity = std::numeric_limits<float>::infinity();
inline constexpr float never = -infinity;  ///< the logit of an impossible token
inline constexpr float nan = std::numeric_limits<float>::quiet_NaN();

inline bool near(double a, double b, double tolerance = 1e-12) { return std::abs(a - b) < tolerance; }

}  // namespace support
