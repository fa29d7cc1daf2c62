// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/top_p.hpp>

#include <algorithm>

#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/temperature.hpp>

#include "rows.hpp"
#include "support/catch.hpp"

namespace {

using proviso::transforms::chain;
using proviso::transforms::temperature;
using proviso::transforms::top_p;
using namespace rows;

std::vector<double> top_p_reference(const std::vector<float>& row, double p, float t = 1.0F) {
  const std::vector<float> w = weights(row, t);
  std::vector<std::size_t> order(row.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return w[a] > w[b]; });
  const double total = numeric::sum(w);
  std::vector<bool> kept(row.size(), false);
  double mass = 0.0;
  for (std::size_t i = 0; i < row.size() && mass < p * total; ++i) {
    kept[order[i]] = true;
    mass += static_cast<double>(w[order[i]]);
  }
  return normalised(w, kept);
}

TEST_CASE("top_p: equals sorting and summing") {
  for (const double p : {1e-9, 0.1, 0.5, 0.9, 0.95, 0.999}) {
    each([&](const std::vector<float>& row) { CHECK(same(law_of(top_p{p}, row), top_p_reference(row, p))); });
  }
}

TEST_CASE("top_p: acts at the temperature applied before it") {
  for (const float t : {0.5F, 1.5F}) {
    each([&](const std::vector<float>& row) {
      CHECK(same(law_of(chain{temperature{t}, top_p{0.8}}, row), top_p_reference(row, 0.8, t)));
    });
  }
}

TEST_CASE("top_p: the token that crosses p is kept, ties go to the lowest ids") {
  const std::vector<float> row{0.0F, 0.0F, 0.0F, 0.0F};
  CHECK(law_of(top_p{0.25}, row) == std::vector<double>{1.0, 0.0, 0.0, 0.0});
  CHECK(law_of(top_p{0.5}, row) == std::vector<double>{0.5, 0.5, 0.0, 0.0});
  CHECK(law_of(top_p{0.51}, row)[2] > 0.0);
  CHECK(law_of(top_p{1.0}, row)[3] == 0.25);
}

TEST_CASE("top_p: temperature 0 stays a point") {
  CHECK(law_of(chain{temperature{0.0F}, top_p{0.9}}, std::vector<float>{1.0F, 2.0F}) == std::vector<double>{0.0, 1.0});
}

TEST_CASE("top_p: bad configurations and rows are refused") {
  for (const double p : {0.0, -0.5, 1.0001, std::nan("")}) CHECK_THROWS_AS(top_p{p}, std::invalid_argument);
  CHECK(refuses_faults(top_p{0.9}));
}

TEST_CASE("top_p: drafted and plain decoding share every law") { CHECK(same_when_drafted(top_p{0.8})); }

}  // namespace
