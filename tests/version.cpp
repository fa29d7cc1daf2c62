// SPDX-License-Identifier: Apache-2.0
#include <proviso/version.hpp>

#include "support/catch.hpp"

TEST_CASE("the version is made of three small numbers") {
  STATIC_REQUIRE(PROVISO_VERSION_MAJOR == 0);
  STATIC_REQUIRE(PROVISO_VERSION_MINOR >= 1);
  STATIC_REQUIRE(PROVISO_VERSION_PATCH >= 0);
}
