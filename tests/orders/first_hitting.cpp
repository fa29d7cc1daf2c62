// SPDX-License-Identifier: Apache-2.0
#include <proviso/orders/first_hitting.hpp>

#include "support/canvases.hpp"
#include "support/catch.hpp"

using namespace proviso;
using support::close;

static_assert(!orders::first_hitting::scheduled);

TEST_CASE("first hitting fills one position, chosen uniformly, from its law") {
  support::canvas_trial trial{{2, 0, 2, 2}, {{0.3, 0.7}, {0.5, 0.5}, {0.9, 0.1}, {0.2, 0.8}}};
  auto law = trial.law(orders::first_hitting{});
  CHECK(law.size() == 6);
  CHECK(close(law[{1, 0, 2, 2}], 0.7 / 3.0));
  CHECK(close(law[{2, 0, 0, 2}], 0.9 / 3.0));
  CHECK(close(law[{2, 0, 2, 1}], 0.8 / 3.0));
}
