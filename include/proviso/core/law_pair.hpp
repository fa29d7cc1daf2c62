// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include <proviso/core/law.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

namespace detail {

/// [x]+, without a branch.
constexpr double positive(double x) noexcept { return x > 0.0 ? x : 0.0; }

}  // namespace detail

/// The probabilities of two laws p and q side by side, at the tokens that p lists. Sums over both are then plain
/// loops, whatever the forms of the laws. Reused, so a steady state allocates nothing.
class law_pair {
 public:
  /// Cost: one pass over both; a look-up per token when p is sparse.
  void align(const law_view& p, const law_view& q) {
    p_.resize(p.size());
    q_.resize(p.size());
    fill(p, p_.data());
    if (p.is_dense() && q.is_dense() && q.size() >= p.size()) {
      fill(q, q_.data());
    } else {
      for (std::size_t i = 0; i < p_.size(); ++i) q_[i] = q(p.token(i));
    }
  }

  std::span<const double> p() const noexcept { return detail::view(p_); }
  std::span<const double> q() const noexcept { return detail::view(q_); }

  /// The sum of `f(p(x), q(x))`, in the order of `numeric::lane_sum`. Without branches in `f` the loop is fast.
  template <class F>
  double sum(F f) const noexcept {
    const double* const p = p_.data();
    const double* const q = q_.data();
    const std::size_t whole = p_.size() - p_.size() % numeric::lanes;
    double part[numeric::lanes] = {};
    for (std::size_t i = 0; i < whole; i += numeric::lanes) {
      for (std::size_t j = 0; j < numeric::lanes; ++j) part[j] += f(p[i + j], q[i + j]);
    }
    for (std::size_t i = whole; i < p_.size(); ++i) part[i - whole] += f(p[i], q[i]);
    double all = 0.0;
    for (const double x : part) all += x;
    return all;
  }

 private:
  void fill(const law_view& law, double* to) const noexcept {
    const double scale = 1.0 / law.total();
    if (law.is_point()) {
      *to = 1.0;
    } else if (law.is_wide()) {
      numeric::loops::scaled(law.wide_weights().first(p_.size()), scale, to);
    } else {
      numeric::loops::scaled(law.weights().first(p_.size()), scale, to);
    }
  }

  detail::list<double> p_;
  detail::list<double> q_;
};

}  // namespace v0
}  // namespace proviso
