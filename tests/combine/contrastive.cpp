// SPDX-License-Identifier: Apache-2.0
#include <proviso/combine/contrastive.hpp>

#include <cmath>
#include <limits>
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

row apart(const combine::contrastive& how, const row& a, const row& b) {
  const std::vector<std::span<const float>> views{a, b};
  row out(a.size(), 17.0F);
  how(views, out);
  return out;
}

TEST_CASE("contrastive: the expert's logits, pushed away from the amateur's") {
  const row expert{4.0F, 2.0F, 0.0F};
  const row amateur{2.0F, 4.0F, -4.0F};
  CHECK(apart(combine::contrastive{0.5, 0.0}, expert, amateur) == row{5.0F, 1.0F, 2.0F});
  CHECK(apart(combine::contrastive{0.5, 0.0, 1}, amateur, expert) == row{5.0F, 1.0F, 2.0F});
  CHECK(apart(combine::contrastive{0.5, 0.0, 1}, expert, amateur) == row{1.0F, 5.0F, -6.0F});
  CHECK(apart(combine::contrastive{0.0, 0.0}, expert, amateur) == expert);
}

TEST_CASE("contrastive: only what the expert finds plausible") {
  const row expert{std::log(0.5F), std::log(0.3F), std::log(0.06F), std::log(0.04F), never};
  const row amateur{0.0F, 0.0F, 0.0F, 0.0F, 0.0F};
  const row out = apart(combine::contrastive{1.0, 0.1}, expert, amateur);
  CHECK(out[0] == 2.0F * expert[0]);
  CHECK(out[1] == 2.0F * expert[1]);
  CHECK(out[2] == 2.0F * expert[2]);
  CHECK(out[3] == never);  // 0.04 < 0.1 * 0.5
  CHECK(out[4] == never);
  CHECK(apart(combine::contrastive{1.0}, expert, amateur) == out);  // the default
  CHECK(apart(combine::contrastive{1.0, 1.0}, expert, amateur)[1] == never);
}

TEST_CASE("contrastive: what the amateur excludes counts as its least probable other token") {
  CHECK(apart(combine::contrastive{1.0, 0.0}, {1.0F, 1.0F, 1.0F}, {0.0F, -3.0F, never}) == row{2.0F, 5.0F, 5.0F});
  CHECK(apart(combine::contrastive{1.0, 0.0}, {1.0F, never}, {never, 0.0F}) == row{2.0F, never});
  CHECK(apart(combine::contrastive{0.0, 0.0}, {1.0F, 2.0F}, {never, never}) == row{1.0F, 2.0F});
}

TEST_CASE("contrastive: NaN stays, and an amateur without any token is no law") {
  CHECK(std::isnan(apart(combine::contrastive{0.5}, {1.0F, nan}, {0.0F, 0.0F})[1]));
  CHECK(std::isnan(apart(combine::contrastive{0.5}, {1.0F, 1.0F}, {0.0F, nan})[1]));
  CHECK(std::isnan(apart(combine::contrastive{0.5}, {1.0F, 1.0F}, {never, never})[0]));
}

TEST_CASE("contrastive: senseless arguments are errors") {
  REQUIRE_THROWS_AS(combine::contrastive{-0.1}, std::invalid_argument);
  REQUIRE_THROWS_AS(combine::contrastive{std::numeric_limits<double>::quiet_NaN()}, std::invalid_argument);
  REQUIRE_THROWS_AS(combine::contrastive{std::numeric_limits<double>::infinity()}, std::invalid_argument);
  REQUIRE_THROWS_AS((combine::contrastive{0.1, 1.5}), std::invalid_argument);
  REQUIRE_THROWS_AS((combine::contrastive{0.1, -0.5}), std::invalid_argument);
  REQUIRE_THROWS_AS((combine::contrastive{0.1, 0.1, 2}), std::invalid_argument);
  REQUIRE_THROWS_AS(combine::contrastive{0.1}.check(3), std::invalid_argument);
}

}  // namespace
