// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>

#include <proviso/combine/combiner.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {
namespace combine {

/// The weighted mean of the models' probabilities: v(x) = sum over i of w_i p_i(x), p_i after the transforms. At
/// temperature 0 all mass lies on the argmax of the mean of the laws before that temperature.
///
///     combine::weighted{0.5, 0.5}
///
/// Errors: `std::invalid_argument` when a weight is negative or NaN, when the weights do not add up to 1, and when
/// their number is not that of the models. Cost: one pass over the entries of every law.
/// Source: Fu et al., arXiv 2502.01662, "weighted ensemble".
class weighted {
 public:
  weighted(std::initializer_list<double> values) : weighted(std::span<const double>{values.begin(), values.size()}) {}
  explicit weighted(std::span<const double> values) : weights_{"combine::weighted", values} {}
  void check(std::size_t models) const { weights_.check(models); }

  law_view operator()(std::span<const law_view> laws, law_buffer& out) const {
    std::size_t columns = 0;
    for (const law_view& p : laws) columns = p.is_dense() && p.size() > columns ? p.size() : columns;
    out.ids.clear();
    out.wide.assign(columns, 0.0);
    for (std::size_t i = 0; i < laws.size(); ++i) {
      const double scale = weights_[i] / laws[i].total();
      if (scale == 0.0) continue;
      if (columns > 0) {
        add(laws[i], scale, out.wide);
      } else {
        merge(laws[i], scale, out);
      }
    }
    const std::span<const double> sums = detail::view(out.wide);
    if (columns > 0) return law_view::dense(sums, numeric::sum(sums));
    if (sums.size() == 1) return law_view::point(out.ids[0]);
    return law_view::sparse(detail::view(out.ids), sums, numeric::sum(sums));
  }

 private:
  static void add(const law_view& p, double scale, detail::list<double>& sums) {
    if (p.is_dense() && !p.is_wide()) {
      const std::span<const float> w = p.weights();
      double* const to = sums.data();
      for (std::size_t x = 0; x < w.size(); ++x) to[x] += static_cast<double>(w[x]) * scale;
    } else {
      for (std::size_t j = 0; j < p.size(); ++j) sums[static_cast<std::size_t>(p.token(j))] += p.weight(j) * scale;
    }
  }
  /// Adds a law that lists its tokens to a list of sums; both ascend.
  static void merge(const law_view& p, double scale, law_buffer& out) {
    detail::list<token_id>& ids = out.ids;
    std::size_t at = 0;
    std::size_t fresh = 0;  // tokens that only `p` lists
    for (std::size_t j = 0; j < p.size(); ++j) {
      while (at < ids.size() && ids[at] < p.token(j)) ++at;
      if (at == ids.size() || ids[at] != p.token(j)) ++fresh;
    }
    at = ids.size();
    std::size_t to = at + fresh;
    ids.resize(to);
    out.wide.resize(to);
    for (std::size_t j = p.size(); j > 0;) {  // from behind, so that it can be done in place
      const token_id x = p.token(j - 1);
      --to;
      if (at > 0 && ids[at - 1] > x) {
        --at;
        ids[to] = ids[at];
        out.wide[to] = out.wide[at];
        continue;
      }
      --j;
      const bool both = at > 0 && ids[at - 1] == x;
      if (both) --at;
      out.wide[to] = p.weight(j) * scale + (both ? out.wide[at] : 0.0);
      ids[to] = x;
    }
  }

  weights weights_;
};

}  // namespace combine
}  // namespace v0
}  // namespace proviso
