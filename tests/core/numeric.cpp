// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/numeric.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <proviso/core/random.hpp>

#include "support/catch.hpp"

namespace {

using namespace proviso;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

float noise(std::uint64_t seed, std::size_t i) {
  return static_cast<float>(philox{seed}.uniform({purpose::selection, static_cast<std::uint32_t>(i), 0, 0}));
}
std::vector<float> noise_row(std::size_t n, std::uint64_t seed) {
  std::vector<float> row(n);
  for (std::size_t i = 0; i < n; ++i) row[i] = noise(seed, i);
  return row;
}

TEST_CASE("numeric: exp_nonpositive is within 2e-7, ends at -87, and is 1 at 0") {
  double worst = 0.0;
  for (int i = 0; i < 870000; ++i) {
    const float x = -1e-4F * static_cast<float>(i);
    if (x <= -87.0F) break;
    const double exact = std::exp(static_cast<double>(x));
    const double error = std::abs(static_cast<double>(numeric::exp_nonpositive(x)) - exact) / exact;
    worst = error > worst ? error : worst;
  }
  CHECK(worst < 2e-7);
  CHECK(numeric::exp_nonpositive(0.0F) == 1.0F);
  CHECK(numeric::exp_nonpositive(-0.0F) == 1.0F);
  CHECK(numeric::exp_nonpositive(-1e-45F) == 1.0F);
  CHECK(numeric::exp_nonpositive(-86.99F) > 0.0F);
  CHECK(numeric::exp_nonpositive(-87.0F) == 0.0F);
  CHECK(numeric::exp_nonpositive(-1e30F) == 0.0F);
  CHECK(numeric::exp_nonpositive(-infinity) == 0.0F);
}

TEST_CASE("numeric: log is within 1e-15 of the truth, relatively for results beyond 1") {
  double worst = 0.0;
  for (int i = 1; i <= 200000; ++i) {
    for (const double x : {i / 200000.0, std::ldexp(1.0 + i / 200001.0, -(i % 1000))}) {
      const double exact = std::log(x);
      const double scale = std::abs(exact) > 1.0 ? std::abs(exact) : 1.0;
      const double error = std::abs(numeric::log(x) - exact) / scale;
      worst = error > worst ? error : worst;
    }
  }
  CHECK(worst < 1e-15);
  CHECK(numeric::log(1.0) == 0.0);
  CHECK(numeric::log(0.0) == -std::numeric_limits<double>::infinity());
}

TEST_CASE("numeric: maxima of columns and of the row") {
  constexpr std::size_t columns = numeric::group_columns;
  constexpr std::size_t stretch = columns * numeric::group_rows;
  for (const std::size_t n : {1U, 2U, 63U, 64U, 65U, 127U, 2047U, 2048U, 2049U, 2111U, 2112U, 4097U, 5000U}) {
    const std::vector<float> row = noise_row(n, n);
    std::vector<float> expected(numeric::group_count(n), -infinity);
    float top = -infinity;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t g = i / stretch * columns + i % columns;
      REQUIRE(g < expected.size());
      expected[g] = row[i] > expected[g] ? row[i] : expected[g];
      top = row[i] > top ? row[i] : top;
    }
    std::vector<float> largest(expected.size());
    const numeric::row_maximum m = numeric::group_maxima(row, largest);
    CHECK(largest == expected);
    CHECK(m.value == top);
    CHECK_FALSE(m.has_nan);
    CHECK(numeric::maximum(row).value == top);
  }
  CHECK(numeric::maximum({}).value == -infinity);
}

TEST_CASE("numeric: NaN is seen wherever it stands") {
  for (const std::size_t n : {1U, 64U, 100U, 2048U, 3001U}) {
    for (const std::size_t at : {std::size_t{0}, n / 3, n - 1}) {
      std::vector<float> row = noise_row(n, 1);
      row[at] = at % 2 == 0 ? nan : -nan;
      CHECK(numeric::maximum(row).has_nan);
    }
  }
}

TEST_CASE("numeric: first_equal") {
  for (const std::size_t n : {1U, 63U, 64U, 65U, 1000U}) {
    std::vector<float> row(n, 0.0F);
    CHECK(numeric::first_equal(row, 1.0F) == n);
    row[n - 1] = 1.0F;
    CHECK(numeric::first_equal(row, 1.0F) == n - 1);
    row[n / 2] = 1.0F;
    CHECK(numeric::first_equal(row, 1.0F) == n / 2);
  }
}

TEST_CASE("numeric: sums have one order, whole or in pieces, and double precision") {
  for (const std::size_t n : {0U, 1U, 7U, 8U, 9U, 1024U, 3000U}) {
    const std::vector<float> row = noise_row(n, 3);
    double lane[numeric::lanes] = {};
    const std::size_t whole = n - n % numeric::lanes;
    for (std::size_t i = 0; i < n; ++i) lane[i < whole ? i % numeric::lanes : i - whole] += static_cast<double>(row[i]);
    double expected = 0.0;
    for (const double x : lane) expected += x;
    CHECK(numeric::sum(row) == expected);
    numeric::lane_sum pieces;
    const std::size_t cut = n / 16 * 8;
    pieces.add(std::span<const float>{row}.first(cut));
    pieces.add(std::span<const float>{row}.subspan(cut));
    CHECK(pieces.total() == expected);
  }
  std::vector<float> tiny(100001, 1e-8F);
  tiny[0] = 1.0F;
  CHECK(std::abs(numeric::sum(tiny) - 1.001) < 1e-9);
}

TEST_CASE("numeric: exp_weights") {
  for (const std::size_t n : {1U, 5U, 1024U, 1025U, 4000U}) {
    const std::vector<float> row = noise_row(n, 5);
    std::vector<float> w(n);
    const double total = numeric::exp_weights(row, 1.0F, 2.0F, w);
    for (std::size_t i = 0; i < n; ++i) REQUIRE(w[i] == numeric::exp_nonpositive((row[i] - 1.0F) * 2.0F));
    CHECK(total == numeric::sum(w));
    std::vector<float> in_place = row;
    CHECK(numeric::exp_weights(in_place, 1.0F, 2.0F, in_place) == total);
    CHECK(in_place == w);
  }
}

TEST_CASE("numeric: inverse_cdf never draws an entry of weight 0") {
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

TEST_CASE("numeric: inverse_cdf gives every token its share of u") {
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

TEST_CASE("numeric: residual of dense, sparse and point laws") {
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
          buffer.weights.assign(9, 5.0F);  // old contents do not matter
          const law_view r = numeric::residual(a.law, b.law, buffer);
          for (token_id x = 0; x < 6; ++x) CHECK(std::abs(r(x) - expected[static_cast<std::size_t>(x)] / sum) < 1e-7);
        }
      }
    }
  }
}

TEST_CASE("numeric: a residual without mass is p") {
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

TEST_CASE("numeric: residual with a q over fewer or more tokens") {
  const std::vector<float> w{1.0F, 1.0F, 2.0F};
  const std::vector<float> few{1.0F};
  const std::vector<float> more{0.0F, 0.0F, 0.0F, 0.0F, 1.0F};
  law_buffer buffer;
  CHECK(std::abs(numeric::residual(law_view::dense(w, 4.0), law_view::dense(few, 1.0), buffer)(2) - 2.0 / 3) < 1e-7);
  CHECK(numeric::residual(law_view::dense(w, 4.0), law_view::dense(more, 1.0), buffer)(2) == 0.5);
  CHECK(numeric::residual(law_view::dense(w, 4.0), law_view::point(9), buffer)(2) == 0.5);
}

TEST_CASE("numeric: without") {
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

}  // namespace
