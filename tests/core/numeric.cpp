// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/numeric.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <proviso/core/random.hpp>

#include "support/catch.hpp"
#include "support/noise.hpp"
#include "support/numbers.hpp"

namespace {

using namespace proviso;
using support::infinity;
using support::nan;
using support::noise_row;

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

TEST_CASE("numeric: exp_weights has the bits of exp_nonpositive, for every length and instruction set") {
  for (const std::size_t n : {1U, 5U, 63U, 64U, 65U, 1024U, 1025U, 4000U}) {
    std::vector<float> row = noise_row(n, 5);
    for (std::size_t i = 2; i < n; i += 7) row[i] *= -60.0F;  // some below the lowest exponent
    if (n > 4) row[3] = -std::numeric_limits<float>::infinity();
    if (n > 4) row[4] = -1e30F;
    std::vector<float> w(n);
    const double total = numeric::exp_weights(row, 1.0F, 2.0F, w);
    for (std::size_t i = 0; i < n; ++i) REQUIRE(w[i] == numeric::exp_nonpositive((row[i] - 1.0F) * 2.0F));
    CHECK(total == numeric::sum(w));
    std::vector<float> plain(n);
    CHECK(numeric::exp_weights_loop(row, 1.0F, 2.0F, plain) == total);
    CHECK(plain == w);
    std::vector<float> in_place = row;
    CHECK(numeric::exp_weights(in_place, 1.0F, 2.0F, in_place) == total);
    CHECK(in_place == w);
  }
}

}  // namespace
