// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/types.hpp>

#include <cstdint>
#include <type_traits>

#include "support/catch.hpp"

TEST_CASE("tokens and nodes are 32 bits wide and signed") {
  STATIC_REQUIRE(std::is_same_v<proviso::token_id, std::int32_t>);
  STATIC_REQUIRE(std::is_same_v<proviso::node_id, std::int32_t>);
  STATIC_REQUIRE(proviso::prefix_node == -1);
  const proviso::generated_token t;
  CHECK(t.token == 0);
  CHECK(t.from == proviso::origin::fresh);
  CHECK(t.log_probability == 0.0F);
}
