// SPDX-License-Identifier: Apache-2.0
#include <proviso/schedules/masking.hpp>

#include <cmath>
#include <stdexcept>

#include "support/catch.hpp"

using namespace proviso;

namespace {

template <masking_schedule S>
void rises(const S& schedule) {
  double before = -1e-12;
  for (int i = 0; i <= 100; ++i) {
    const double t = i / 100.0;
    const double m = schedule(t);
    CHECK(m > before);
    CHECK(m <= 1.0);
    CHECK(std::abs(schedule.time(m) - t) < 1e-7);
    before = m;
  }
}

}  // namespace

TEST_CASE("schedules rise and have inverses") {
  rises(schedules::cosine{});
  rises(schedules::cosine_squared{});
  rises(schedules::linear{});
  rises(schedules::linear{0.5, 4.0});
  rises(schedules::geometric{});
  rises(schedules::polynomial{2.0});
  rises(schedules::polynomial{0.5});
}

TEST_CASE("schedules have the values of their formulas") {
  CHECK(std::abs(schedules::cosine{}(2.0 / 3.0) - 0.5) < 1e-12);
  CHECK(std::abs(schedules::cosine_squared{}(0.5) - 0.5) < 1e-12);
  CHECK(std::abs(schedules::linear{1.0, 3.0}(0.5) - (1.0 - std::exp(-2.0))) < 1e-12);
  CHECK(schedules::geometric{}(0.5) == schedules::geometric{1e-3, 7.0}(0.5));
  CHECK(std::abs(schedules::geometric{0.25, 4.0}(0.5) - (1.0 - std::exp(-1.0))) < 1e-12);
  CHECK(std::abs(schedules::polynomial{2.0}(0.5) - 0.25) < 1e-12);
}

TEST_CASE("the chance to stay masked is a ratio") { CHECK(stay_masked(schedules::polynomial{2.0}, 1.0, 0.5) == 0.25); }

TEST_CASE("schedules refuse senseless bounds") {
  REQUIRE_THROWS_AS(schedules::linear(2.0, 1.0), std::invalid_argument);
  REQUIRE_THROWS_AS(schedules::geometric(0.0, 1.0), std::invalid_argument);
  REQUIRE_THROWS_AS(schedules::polynomial(0.0), std::invalid_argument);
}
