// SPDX-License-Identifier: Apache-2.0
#include <proviso/orders/threshold.hpp>

#include <stdexcept>
#include <vector>

#include "support/canvases.hpp"
#include "support/catch.hpp"

using namespace proviso;
using support::close;
using tokens = std::vector<token_id>;

static_assert(!orders::threshold::scheduled);

TEST_CASE("a threshold fills all confident positions, and always the most confident one") {
  support::canvas_trial trial{{2, 2, 2}, {{0.95, 0.05}, {0.6, 0.4}, {0.08, 0.92}}, 0.0};
  CHECK(trial.after(orders::threshold{0.9}) == tokens{0, 2, 1});
  CHECK(trial.after(orders::threshold{0.99}) == tokens{0, 2, 2});
  CHECK(trial.after(orders::threshold{0.5}) == tokens{0, 0, 1});
}

TEST_CASE("the threshold is compared with the probability of the drawn token") {
  support::canvas_trial trial{{2, 2}, {{0.95, 0.05}, {0.6, 0.4}}};
  auto law = trial.law(orders::threshold{0.5});
  CHECK(close(law[{0, 0}], 0.95 * 0.6));
  CHECK(close(law[{0, 2}], 0.95 * 0.4));
  CHECK(close(law[{2, 0}], 0.05 * 0.6));
  CHECK(close(law[{2, 1}], 0.05 * 0.4));
}

TEST_CASE("a threshold of 0 fills everything, one of 1 what is certain") {
  support::canvas_trial trial{{2, 2, 2}, {{0.95, 0.05}, {0.0, 1.0}, {1.0, 0.0}}, 0.0};
  CHECK(trial.after(orders::threshold{0.0}) == tokens{0, 1, 0});
  CHECK(trial.after(orders::threshold{1.0}) == tokens{2, 1, 0});
}

TEST_CASE("a threshold outside [0, 1] is refused") {
  REQUIRE_THROWS_AS(orders::threshold(1.5), std::invalid_argument);
  REQUIRE_THROWS_AS(orders::threshold(-0.1), std::invalid_argument);
}
