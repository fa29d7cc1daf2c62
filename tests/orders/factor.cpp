// SPDX-License-Identifier: Apache-2.0
#include <proviso/orders/factor.hpp>

#include <stdexcept>
#include <vector>

#include "support/canvases.hpp"
#include "support/catch.hpp"

using namespace proviso;
using tokens = std::vector<token_id>;

static_assert(!orders::factor::scheduled);

TEST_CASE("a factor fills the largest n with (n + 1)(1 - c_n) < f") {
  // n = 1: 2 * 0.05 = 0.1; n = 2: 3 * 0.2 = 0.6; n = 3: 4 * 0.3 = 1.2
  support::canvas_trial trial{{2, 2, 2}, {{0.7, 0.3}, {0.95, 0.05}, {0.2, 0.8}}, 0.0};
  CHECK(trial.after(orders::factor{1.0}) == tokens{2, 0, 1});
  CHECK(trial.after(orders::factor{1.3}) == tokens{0, 0, 1});
  CHECK(trial.after(orders::factor{0.5}) == tokens{2, 0, 2});
  CHECK(trial.after(orders::factor{0.01}) == tokens{2, 0, 2});
}

TEST_CASE("a factor that is not positive is refused") { REQUIRE_THROWS_AS(orders::factor(0.0), std::invalid_argument); }
