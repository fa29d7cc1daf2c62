// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <stdexcept>

#include <proviso/core/types.hpp>
#include <proviso/schedules/log_linear.hpp>

namespace proviso {
inline namespace v0 {

/// Schedules of masked diffusion besides `log_linear`. Those that leave m(0) > 0 leave masks after the last step, which
/// the sampler then fills.
/// Source: Sahoo et al., arXiv 2406.07524, appendix E; Arriola et al., arXiv 2503.09573, for the powers.
namespace schedules {

/// alpha(t) = cos(pi t / 2).
struct cosine {
  double operator()(double t) const noexcept { return 1.0 - std::cos(half_pi * t); }
  double time(double m) const noexcept { return std::acos(1.0 - m) / half_pi; }
  static constexpr double half_pi = 1.5707963267948966;
};

/// alpha(t) = cos^2(pi t / 2).
struct cosine_squared {
  double operator()(double t) const noexcept {
    const double s = std::sin(cosine::half_pi * t);
    return s * s;
  }
  double time(double m) const noexcept { return std::asin(std::sqrt(m)) / cosine::half_pi; }
};

/// sigma(t) = low + t (high - low), m = 1 - exp(-sigma).
class linear {
 public:
  /// Throws `std::invalid_argument` unless 0 <= low < high.
  explicit linear(double low = 0.0, double high = 7.0) : low_{low}, high_{high} {
    if (!(low >= 0.0 && low < high)) {
      throw std::invalid_argument("proviso: schedules::linear: it needs 0 <= low < high");
    }
  }
  double operator()(double t) const noexcept { return -std::expm1(-(low_ + t * (high_ - low_))); }
  double time(double m) const noexcept { return (-std::log1p(-m) - low_) / (high_ - low_); }

 private:
  double low_;
  double high_;
};

/// sigma(t) = low^(1 - t) high^t, m = 1 - exp(-sigma).
class geometric {
 public:
  /// Throws `std::invalid_argument` unless 0 < low < high.
  explicit geometric(double low = 1e-3, double high = 7.0) : low_{low}, high_{high} {
    if (!(low > 0.0 && low < high)) {
      throw std::invalid_argument("proviso: schedules::geometric: it needs 0 < low < high");
    }
  }
  double operator()(double t) const noexcept { return -std::expm1(-low_ * std::pow(high_ / low_, t)); }
  double time(double m) const noexcept { return std::log(-std::log1p(-m) / low_) / std::log(high_ / low_); }

 private:
  double low_;
  double high_;
};

/// m = t^power: 2 for the square, 0.5 for the square root.
class polynomial {
 public:
  /// Throws `std::invalid_argument` unless power > 0.
  explicit polynomial(double power = 2.0) : power_{power} {
    if (!(power > 0.0)) throw std::invalid_argument("proviso: schedules::polynomial: the power must be positive");
  }
  double operator()(double t) const noexcept { return std::pow(t, power_); }
  double time(double m) const noexcept { return std::pow(m, 1.0 / power_); }

 private:
  double power_;
};

}  // namespace schedules

}  // namespace v0
}  // namespace proviso
