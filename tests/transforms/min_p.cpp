// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/min_p.hpp>

#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/temperature.hpp>

#include "rows.hpp"
#include "support/catch.hpp"

namespace {

using proviso::transforms::chain;
using proviso::transforms::min_p;
using proviso::transforms::temperature;
using namespace rows;

std::vector<double> min_p_reference(const std::vector<float>& row, double p, double t) {
  const std::vector<double> all = softmax(row, t);
  double top = 0.0;
  for (const double x : all) top = x > top ? x : top;
  std::vector<bool> kept;
  for (const double x : all) kept.push_back(x >= p * top);
  return normalised(weights(row, static_cast<float>(t)), kept);
}

TEST_CASE("min_p: equals comparing probabilities") {
  for (const double p : {0.013, 0.1, 0.77}) {
    for (const float t : {0.6F, 1.0F}) {
      each([&](const std::vector<float>& row) {
        CHECK(same(law_of(chain{temperature{t}, min_p{p}}, row), min_p_reference(row, p, static_cast<double>(t))));
      });
    }
  }
}

TEST_CASE("min_p: the ends of its range") {
  each([](const std::vector<float>& row) {
    CHECK(same(law_of(min_p{0.0}, row), law_of(temperature{}, row)));
    const float top = numeric::maximum(row).value;
    std::vector<bool> kept;
    for (const float x : row) kept.push_back(x == top);
    CHECK(same(law_of(min_p{1.0}, row), normalised(weights(row), kept)));
  });
}

TEST_CASE("min_p: bad configurations and rows are refused") {
  for (const double p : {-0.5, 1.0001, std::nan("")}) CHECK_THROWS_AS(min_p{p}, std::invalid_argument);
  CHECK(refuses_faults(min_p{0.1}));
}

TEST_CASE("min_p: drafted and plain decoding share every law") { CHECK(same_when_drafted(min_p{0.2})); }

}  // namespace
