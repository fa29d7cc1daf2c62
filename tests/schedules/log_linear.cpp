// SPDX-License-Identifier: Apache-2.0
#include <proviso/schedules/log_linear.hpp>

#include "support/catch.hpp"

using namespace proviso;

static_assert(masking_schedule<schedules::log_linear>);

TEST_CASE("the log-linear schedule masks the share t at time t") {
  constexpr schedules::log_linear schedule;
  CHECK(schedule(0.3) == 0.3);
  CHECK(schedule.time(0.3) == 0.3);
}

TEST_CASE("the chance to stay masked is a ratio, and 0 where nothing is masked") {
  CHECK(stay_masked(schedules::log_linear{}, 0.5, 0.25) == 0.5);
  CHECK(stay_masked(schedules::log_linear{}, 1.0, 0.75) == 0.75);
  CHECK(stay_masked(schedules::log_linear{}, 0.0, 0.0) == 0.0);
}
