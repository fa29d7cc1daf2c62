// SPDX-License-Identifier: Apache-2.0
#include <proviso/combine/combiner.hpp>

#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/combine/contrastive.hpp>
#include <proviso/combine/product.hpp>
#include <proviso/combine/weighted.hpp>

#include "support/catch.hpp"

namespace {

using namespace proviso;

struct first_law {
  law_view operator()(std::span<const law_view> laws, law_buffer&) const { return laws[0]; }
};
struct first_row {
  void operator()(std::span<const std::span<const float>> rows, std::span<float> out) const { out[0] = rows[0][0]; }
};
struct neither {
  void operator()(int) const {}
};

TEST_CASE("combiner: of laws, of rows, or none") {
  CHECK((law_combiner<combine::weighted>));
  CHECK((!row_combiner<combine::weighted>));
  CHECK((row_combiner<combine::product>));
  CHECK((row_combiner<combine::contrastive>));
  CHECK((law_combiner<first_law>));
  CHECK((row_combiner<first_row>));
  CHECK((!combiner<neither>));
}

std::string error_of(const std::vector<double>& weights) {
  try {
    combine::weights{"combine::test", weights};
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST_CASE("combiner: weights are not negative and add up to 1") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK(error_of({1.0}).empty());
  CHECK(error_of({0.0, 1.0}).empty());
  CHECK(error_of({1.0 / 3, 1.0 / 3, 1.0 / 3}).empty());
  CHECK(error_of({}).find("there are no weights") != std::string::npos);
  CHECK(error_of({0.5, 0.4}).find("combine::test: the weights add up to 0.9") != std::string::npos);
  CHECK(error_of({0.7, 0.7, -0.4}).find("weight 2 is -0.4") != std::string::npos);
  CHECK(error_of({nan, 1.0}).find("weight 0") != std::string::npos);
  CHECK(error_of({infinity, 0.0}).find("add up to") != std::string::npos);
  const combine::weights two{"combine::test", std::vector<double>{0.25, 0.75}};
  two.check(2);
  REQUIRE_THROWS_AS(two.check(1), std::invalid_argument);
  REQUIRE_THROWS_AS(two.check(3), std::invalid_argument);
}

}  // namespace
