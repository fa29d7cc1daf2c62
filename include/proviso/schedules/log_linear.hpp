// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

namespace proviso {
inline namespace v0 {

/// How much of a sequence is masked at time t in [0, 1]: the move chance m(t) = 1 - alpha(t), which grows with t. A
/// sampler uses the ratio m(s) / m(t) of two times and nothing else. `time(m)` is the inverse of m(t).
template <class S>
concept masking_schedule = requires(const S& s, double t) {
  { s(t) } -> std::convertible_to<double>;
  { s.time(t) } -> std::convertible_to<double>;
};

namespace schedules {

/// m = t: sigma = -log(1 - t). The schedule of most models.
/// Source: Sahoo et al., arXiv 2406.07524.
struct log_linear {
  constexpr double operator()(double t) const noexcept { return t; }
  constexpr double time(double m) const noexcept { return m; }
};

}  // namespace schedules

/// Probability m(s) / m(t) that a position which is masked at time t is masked at the earlier time s; 0 when nothing is
/// masked at t.
template <masking_schedule S>
double stay_masked(const S& schedule, double t, double s) {
  const double now = schedule(t);
  return now > 0.0 ? schedule(s) / now : 0.0;
}

}  // namespace v0
}  // namespace proviso
