// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/law_math.hpp>

#include <cmath>
#include <vector>

#include <proviso/core/random.hpp>

#include "support/catch.hpp"
#include "support/noise.hpp"

namespace {

using namespace proviso;
using support::noise_row;

TEST_CASE("law_math: inverse_cdf never draws an entry of weight 0") {
  const double last = 1.0 - 0x1.0p-53;
  const std::vector<float> edges{0.0F, 2.0F, 0.0F, 1.0F, 0.0F};
  const law_view dense = law_view::dense(edges, 3.0);
  CHECK(numeric::inverse_cdf(dense, 0.0) == 1);
  CHECK(numeric::inverse_cdf(dense, 0.6666) == 1);
  CHECK(numeric::inverse_cdf(dense, 0.6667) == 3);
  CHECK(numeric::inverse_cdf(dense, last) == 3);
  const std::vector<token_id> ids{3, 4, 8, 10, 11};
  CHECK(numeric::inverse_cdf(law_view::sparse(ids, edges, 3.0), 0.0) == 4);
  CHECK(numeric::inverse_cdf(law_view::sparse(ids, edges, 3.0), last) == 10);
  CHECK(numeric::inverse_cdf(law_view::point(6), last) == 6);
  // a total above the sum, as rounding may give: still the last possible entry
  CHECK(numeric::inverse_cdf(law_view::dense(edges, 3.0001), last) == 3);
  std::vector<float> long_row(1000, 0.0F);
  long_row[300] = 1.0F;
  CHECK(numeric::inverse_cdf(law_view::dense(long_row, 1.0), 0.0) == 300);
  CHECK(numeric::inverse_cdf(law_view::dense(long_row, 1.1), last) == 300);
}

TEST_CASE("law_math: inverse_cdf gives every token its share of u") {
  for (const std::size_t n : {3U, 255U, 256U, 700U}) {
    std::vector<float> w = noise_row(n, 9);
    for (std::size_t i = 0; i < n; i += 3) w[i] = 0.0F;
    const double total = numeric::sum(w);
    const law_view law = law_view::dense(w, total);
    double below = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      if (w[i] > 1e-6F) {
        CHECK(numeric::inverse_cdf(law, (below + 1e-9) / total) == static_cast<token_id>(i));
        const double end = below + static_cast<double>(w[i]) - 1e-9;
        CHECK(numeric::inverse_cdf(law, end / total) == static_cast<token_id>(i));
      }
      below += static_cast<double>(w[i]);
    }
  }
}

struct stored {
  std::vector<float> weights;
  std::vector<token_id> ids;
  law_view law;
};
/// `p` as a dense law over 6 tokens, a sparse one without zeros, or a point; the weights sum to `total`.
stored as(law_view::form form, const std::vector<double>& p, double total) {
  stored s;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (form == law_view::form::dense || p[i] > 0.0) {
      s.weights.push_back(static_cast<float>(p[i] * total));
      s.ids.push_back(static_cast<token_id>(i));
    }
  }
  s.law = form == law_view::form::dense    ? law_view::dense(s.weights, total)
          : form == law_view::form::sparse ? law_view::sparse(s.ids, s.weights, total)
                                           : law_view::point(s.ids[0]);
  return s;
}

TEST_CASE("law_math: residual of dense, sparse and point laws") {
  using form = law_view::form;
  const std::vector<std::vector<double>> laws{{0.5, 0.25, 0.0, 0.25, 0.0, 0.0},
                                              {0.25, 0.5, 0.125, 0.0, 0.125, 0.0},
                                              {0.0, 0.0, 0.0, 0.0, 0.75, 0.25},
                                              {0.125, 0.125, 0.25, 0.25, 0.125, 0.125},
                                              {0.0, 0.0, 0.0, 1.0, 0.0, 0.0}};
  for (const auto& p : laws) {
    for (const auto& q : laws) {
      if (p == q) continue;
      std::vector<double> expected(6);
      double sum = 0.0;
      for (std::size_t x = 0; x < 6; ++x) sum += expected[x] = p[x] > q[x] ? p[x] - q[x] : 0.0;
      for (const form f : {form::dense, form::sparse, form::point}) {
        if (f == form::point && p[3] != 1.0) continue;
        for (const form g : {form::dense, form::sparse, form::point}) {
          if (g == form::point && q[3] != 1.0) continue;
          const stored a = as(f, p, 4.0);
          const stored b = as(g, q, 16.0);
          law_buffer buffer;
          buffer.wide.assign(9, 5.0);  // old contents do not matter
          const law_view r = numeric::residual(a.law, b.law, buffer);
          for (token_id x = 0; x < 6; ++x) CHECK(std::abs(r(x) - expected[static_cast<std::size_t>(x)] / sum) < 1e-15);
        }
      }
    }
  }
}

TEST_CASE("law_math: a residual without mass is p") {
  for (const double scale : {1.0, 3.0, 0.7}) {
    const std::vector<float> w{0.5F, 0.0F, 0.25F};
    std::vector<float> v = w;
    for (float& x : v) x = static_cast<float>(static_cast<double>(x) * scale);
    law_buffer buffer;
    const law_view p = law_view::dense(w, 0.75);
    const law_view r = numeric::residual(p, law_view::dense(v, numeric::sum(v)), buffer);
    CHECK(r(1) == 0.0);
    if (scale == 1.0) CHECK(r.weights().data() == w.data());
  }
  law_buffer buffer;
  const std::vector<float> w{0.5F, 0.5F};
  const law_view p = law_view::dense(w, 1.0);
  CHECK(numeric::residual(p, law_view{}, buffer)(0) == 0.5);
  CHECK(numeric::residual(law_view::point(1), p, buffer)(1) == 1.0);
}

TEST_CASE("law_math: residual with a q over fewer or more tokens") {
  const std::vector<float> w{1.0F, 1.0F, 2.0F};
  const std::vector<float> few{1.0F};
  const std::vector<float> more{0.0F, 0.0F, 0.0F, 0.0F, 1.0F};
  law_buffer buffer;
  CHECK(std::abs(numeric::residual(law_view::dense(w, 4.0), law_view::dense(few, 1.0), buffer)(2) - 2.0 / 3) < 1e-15);
  CHECK(numeric::residual(law_view::dense(w, 4.0), law_view::dense(more, 1.0), buffer)(2) == 0.5);
  CHECK(numeric::residual(law_view::dense(w, 4.0), law_view::point(9), buffer)(2) == 0.5);
}

TEST_CASE("law_math: without") {
  law_buffer buffer;
  buffer.weights.assign(50, 3.0F);
  buffer.ids.assign(50, 1);
  const std::vector<float> w{1.0F, 1.0F, 2.0F};
  const std::vector<token_id> ids{4, 6, 9};
  law_view rest = numeric::without(law_view::sparse(ids, w, 4.0), 9, buffer);
  CHECK(rest(4) == 0.5);
  CHECK(rest(9) == 0.0);
  rest = numeric::without(rest, 4, buffer);
  CHECK(rest(6) == 1.0);
  CHECK_FALSE(numeric::without(rest, 6, buffer));
  CHECK(numeric::without(law_view::dense(w, 4.0), 0, buffer)(1) == 1.0 / 3);
  CHECK(numeric::without(law_view::point(3), 4, buffer)(3) == 1.0);
  CHECK_FALSE(numeric::without(law_view::point(3), 3, buffer));
}

TEST_CASE("law_math: what of a law exceeds a share of another") {
  const std::vector<float> w{1.0F, 2.0F, 1.0F};
  const std::vector<double> v{3.0, 0.0, 1.0};
  law_buffer buffer;
  const law_view p = law_view::dense(w, 4.0);
  const law_view q = law_view::dense(v, 4.0);
  const numeric::excess e = numeric::excess_of(0.5, p, 0.25, q, buffer);
  CHECK(e.law.weight(0) == 0.0);  // 1/8 - 3/16
  CHECK(e.law.weight(1) == 0.25);
  CHECK(e.law.weight(2) == 0.0625);
  CHECK(e.mass == 0.3125);
  CHECK(e.law(1) == 0.8);
  // on: what is left exceeds the whole of a third law, in the same memory
  const numeric::excess next = numeric::excess_of(1.0, e.law, 0.5, law_view::point(2), buffer);
  CHECK(next.mass == 0.8);
  CHECK(next.law(1) == 1.0);
  CHECK_FALSE(numeric::excess_of(0.25, p, 1.0, p, buffer).law);
  const numeric::excess point = numeric::excess_of(0.75, law_view::point(2), 1.0, q, buffer);
  CHECK(point.mass == 0.5);
  CHECK(point.law.is_point());
}

TEST_CASE("law_math: overlap") {
  const std::vector<float> w{1.0F, 2.0F, 1.0F};
  const std::vector<token_id> ids{1, 2};
  const std::vector<float> v{1.0F, 3.0F};
  const law_view p = law_view::dense(w, 4.0);
  CHECK(numeric::overlap(p, law_view::sparse(ids, v, 4.0)) == 0.5);
  CHECK(numeric::overlap(law_view::sparse(ids, v, 4.0), p) == 0.5);
  CHECK(numeric::overlap(p, law_view::point(1)) == 0.5);
  CHECK(numeric::overlap(p, p) == 1.0);
}

}  // namespace
