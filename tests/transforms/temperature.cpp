// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/temperature.hpp>

#include "rows.hpp"
#include "support/catch.hpp"

namespace {

using proviso::transforms::temperature;
using namespace rows;

TEST_CASE("temperature: the law is the softmax of logits / T") {
  for (const float t : {0.3F, 1.0F, 1.7F}) {
    each([&](const std::vector<float>& row) {
      const auto expected = softmax(row, static_cast<double>(t));
      const auto p = law_of(temperature{t}, row);
      bool close = true;
      for (std::size_t i = 0; i < row.size(); ++i) {
        close = close && std::abs(p[i] - expected[i]) < 3e-5 * expected[i] + 1e-30;
      }
      CHECK(close);
    });
  }
}

TEST_CASE("temperature: 0 is the largest logit, the lowest id on ties") {
  each([](const std::vector<float>& row) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < row.size(); ++i) best = row[i] > row[best] ? i : best;
    CHECK(law_of(temperature{0.0F}, row)[best] == 1.0);
  });
}

TEST_CASE("temperature: tiny and huge values are limits, not faults") {
  const std::vector<float> row{1.0F, 2.0F, never, 2.0F, 1.5F};
  for (const float tiny : {1e-45F, 1e-38F, 1e-30F}) {
    const auto p = law_of(temperature{tiny}, row);
    CHECK(p == std::vector<double>{0.0, 0.5, 0.0, 0.5, 0.0});
  }
  const auto p = law_of(temperature{3e38F}, row);
  CHECK(same(p, {0.25, 0.25, 0.0, 0.25, 0.25}));
}

TEST_CASE("temperature: rows that are not laws, and bad values, are refused") {
  CHECK(refuses_faults(temperature{0.8F}));
  CHECK(refuses_faults(temperature{0.0F}));
  CHECK_THROWS_AS(law_of(temperature{}, std::vector<float>(70, never)), std::domain_error);
  CHECK_THROWS_AS(temperature{-0.1F}, std::invalid_argument);
  CHECK_THROWS_AS(temperature{std::numeric_limits<float>::infinity()}, std::invalid_argument);
  CHECK_THROWS_AS(temperature{std::numeric_limits<float>::quiet_NaN()}, std::invalid_argument);
}

TEST_CASE("temperature: drafted and plain decoding share every law") {
  CHECK(same_when_drafted(temperature{0.7F}));
  CHECK(same_when_drafted(temperature{0.0F}));
}

}  // namespace
