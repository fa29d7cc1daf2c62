// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/law.hpp>

#include <vector>

#include "support/catch.hpp"
#include "support/numbers.hpp"

namespace {

using namespace proviso;

const std::vector<float> three_weights{1.0F, 0.0F, 3.0F};

TEST_CASE("law: dense") {
  const law_view law = law_view::dense(three_weights, 4.0);
  REQUIRE(law);
  CHECK(law.size() == 3);
  CHECK(law.token(2) == 2);
  CHECK(law.weight(2) == 3.0);
  CHECK(law(0) == 0.25);
  CHECK(law(1) == 0.0);
  CHECK(law(2) == 0.75);
  CHECK(law(3) == 0.0);
  CHECK(law(-1) == 0.0);
  CHECK(law.argmax() == 2);
  CHECK_FALSE(law.is_point());
}

TEST_CASE("law: sparse") {
  const std::vector<token_id> ids{4, 9, 100};
  const law_view law = law_view::sparse(ids, three_weights, 4.0);
  CHECK(law.size() == 3);
  CHECK(law.token(1) == 9);
  CHECK(law(4) == 0.25);
  CHECK(law(9) == 0.0);
  CHECK(law(100) == 0.75);
  for (const token_id x : {-1, 0, 3, 5, 99, 101}) CHECK(law(x) == 0.0);
  CHECK(law.argmax() == 100);
}

TEST_CASE("law: a point, and no law") {
  const law_view law = law_view::point(7);
  REQUIRE(law);
  CHECK(law.is_point());
  CHECK(law.size() == 1);
  CHECK(law.token(0) == 7);
  CHECK(law.weight(0) == 1.0);
  CHECK(law.total() == 1.0);
  CHECK(law(7) == 1.0);
  CHECK(law(6) == 0.0);
  CHECK(law.argmax() == 7);
  CHECK_FALSE(law_view{});
  CHECK(law_view{}(0) == 0.0);
}

TEST_CASE("law: weights in double") {
  const std::vector<double> wide{1.0, 0.0, 3.0};
  const std::vector<token_id> ids{4, 9, 100};
  for (const law_view law : {law_view::dense(wide, 4.0), law_view::sparse(ids, wide, 4.0)}) {
    CHECK(law.is_wide());
    CHECK(law.size() == 3);
    CHECK(law.weights().empty());
    CHECK(law.wide_weights().size() == 3);
    CHECK(law(law.token(2)) == 0.75);
    CHECK(law.argmax() == law.token(2));
    CHECK(law.find(9) == (law.is_dense() ? 3U : 1U));
  }
  CHECK_FALSE(law_view::dense(three_weights, 4.0).is_wide());
}

TEST_CASE("law: the largest weight, lowest id on ties") {
  const std::vector<float> ties{0.5F, 2.0F, 2.0F};
  const std::vector<token_id> ids{3, 5, 8};
  CHECK(law_view::dense(ties, 4.5).argmax() == 1);
  CHECK(law_view::sparse(ids, ties, 4.5).argmax() == 5);
  const std::vector<float> faulty(3, support::nan);
  CHECK(law_view::sparse(ids, faulty, 1.0).argmax() == 3);
}

}  // namespace
