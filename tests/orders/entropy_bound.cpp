// SPDX-License-Identifier: Apache-2.0
#include <proviso/orders/entropy_bound.hpp>

#include <stdexcept>
#include <vector>

#include "support/canvases.hpp"
#include "support/catch.hpp"

using namespace proviso;
using tokens = std::vector<token_id>;

static_assert(!orders::entropy_bound::scheduled);

TEST_CASE("an entropy bound fills the most certain positions until the others' entropies exceed it") {
  // Entropies in nats: 0.611, 0.199, 0.500.
  support::canvas_trial trial{{2, 2, 2}, {{0.7, 0.3}, {0.95, 0.05}, {0.2, 0.8}}, 0.0};
  CHECK(trial.after(orders::entropy_bound{0.0}) == tokens{2, 0, 2});
  CHECK(trial.after(orders::entropy_bound{0.19}) == tokens{2, 0, 2});
  CHECK(trial.after(orders::entropy_bound{0.21}) == tokens{2, 0, 1});
  CHECK(trial.after(orders::entropy_bound{0.69}) == tokens{2, 0, 1});
  CHECK(trial.after(orders::entropy_bound{0.71}) == tokens{0, 0, 1});
}

TEST_CASE("a bound of 0 fills all certain positions and one more") {
  support::canvas_trial trial{{2, 2, 2}, {{1.0, 0.0}, {0.5, 0.5}, {0.0, 1.0}}};
  CHECK(trial.law(orders::entropy_bound{0.0}).size() == 2);
  REQUIRE_THROWS_AS(orders::entropy_bound(-0.1), std::invalid_argument);
}
