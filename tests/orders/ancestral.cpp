// SPDX-License-Identifier: Apache-2.0
#include <proviso/orders/ancestral.hpp>

#include "support/canvases.hpp"
#include "support/catch.hpp"

using namespace proviso;
using support::close;

static_assert(orders::ancestral::scheduled);

TEST_CASE("an ancestral step fills each position with probability 1 - stay, from its law") {
  support::canvas_trial trial{{2, 0, 2}, {{0.3, 0.7}, {0.5, 0.5}, {0.9, 0.1}}};
  trial.plan.stay = 0.25;
  auto law = trial.law(orders::ancestral{});
  CHECK(law.size() == 9);
  CHECK(close(law[{2, 0, 2}], 0.25 * 0.25));
  CHECK(close(law[{1, 0, 2}], 0.75 * 0.7 * 0.25));
  CHECK(close(law[{0, 0, 1}], 0.75 * 0.3 * 0.75 * 0.1));
}

TEST_CASE("an ancestral step that fills nothing needs no rows") {
  support::canvas_trial trial{{2, 2}, {{0.3, 0.7}, {0.5, 0.5}}};
  trial.plan.stay = 1.0;
  CHECK(trial.after(orders::ancestral{}) == std::vector<token_id>{2, 2});
  CHECK(!trial.needed);
  trial.plan.stay = 0.0;
  CHECK(trial.law(orders::ancestral{}).size() == 4);
  CHECK(trial.needed);
}
