// SPDX-License-Identifier: Apache-2.0
#include <proviso/testing/check_arithmetic.hpp>

#include <string>

#include "support/catch.hpp"

namespace {

using namespace proviso;

TEST_CASE("check_arithmetic finds no fault in the options that these tests are compiled with") {
  CHECK(testing::check_arithmetic() == "");
}

}  // namespace
