// SPDX-License-Identifier: Apache-2.0
#include <proviso/combine/product.hpp>

#include <cmath>
#include <span>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/numbers.hpp"

namespace {

using namespace proviso;
using support::nan;
using support::never;
using row = std::vector<float>;

row mean(const combine::product& how, const std::vector<row>& rows) {
  std::vector<std::span<const float>> views(rows.begin(), rows.end());
  row out(rows[0].size(), 17.0F);
  how(views, out);
  return out;
}

TEST_CASE("product: the mean of logits") {
  CHECK(mean({0.25, 0.75}, {{4.0F, 0.0F, -8.0F}, {0.0F, 4.0F, 8.0F}}) == row{1.0F, 3.0F, 4.0F});
  CHECK(mean({0.5, 0.25, 0.25}, {{2.0F}, {4.0F}, {8.0F}}) == row{4.0F});
}

TEST_CASE("product: what a model excludes is excluded, unless its weight is 0") {
  CHECK(mean({0.5, 0.5}, {{never, 2.0F}, {5.0F, 4.0F}}) == row{never, 3.0F});
  CHECK(mean({0.5, 0.5}, {{never, 2.0F}, {never, never}}) == row{never, never});
  CHECK(mean({0.0, 1.0}, {{never, nan}, {5.0F, 4.0F}}) == row{5.0F, 4.0F});
}

TEST_CASE("product: NaN stays") { CHECK(std::isnan(mean({0.5, 0.5}, {{nan}, {never}})[0])); }

TEST_CASE("product: senseless weights are errors") {
  REQUIRE_THROWS_AS((combine::product{0.5, 0.6}), std::invalid_argument);
  REQUIRE_THROWS_AS((combine::product{-0.5, 1.5}), std::invalid_argument);
  REQUIRE_THROWS_AS(combine::product{std::vector<double>{}}, std::invalid_argument);
  REQUIRE_THROWS_AS((combine::product{0.5, 0.5}.check(1)), std::invalid_argument);
}

}  // namespace
