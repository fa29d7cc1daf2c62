// SPDX-License-Identifier: Apache-2.0
// The sentences are tested in tests/compile_fail.
#include <proviso/model/explain.hpp>

#include <proviso/testing/archetypes.hpp>

#include "support/catch.hpp"

TEST_CASE("nothing has to be explained about a model") {
  STATIC_REQUIRE(proviso::explain_model<proviso::testing::table_model>());
  STATIC_REQUIRE(proviso::explain_model<proviso::testing::chain_only>());
  STATIC_REQUIRE(proviso::explain_model<proviso::testing::half_rows>());
}
