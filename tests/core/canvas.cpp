// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/canvas.hpp>

#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using namespace proviso;

TEST_CASE("a canvas keeps what it was given") {
  canvas c;
  c.start(std::vector<token_id>{5, 9, 9, 7}, 9);
  CHECK(c.size() == 4);
  CHECK(c.mask() == 9);
  CHECK(c.given(0));
  CHECK(!c.given(1));
  CHECK(c.chance(0) == 1.0);
  CHECK(c.masked_in(0, 4) == 2);
  CHECK(c.masked_in(2, 4) == 1);
  REQUIRE_THROWS_AS(c.fill(0, 1, 1.0), std::logic_error);
  REQUIRE_THROWS_AS(c.clear(3), std::logic_error);
  REQUIRE_THROWS_AS(c.fill(1, 9, 1.0), std::logic_error);
}

TEST_CASE("every change gives a canvas a new version") {
  canvas c;
  c.start(std::size_t{3}, 2);
  CHECK(c.masked_in(0, 3) == 3);
  const std::uint64_t first = c.version();
  c.fill(1, 0, 0.25);
  CHECK(c.version() != first);
  CHECK(c.chance(1) == 0.25);
  CHECK(!c.given(1));
  REQUIRE_THROWS_AS(c.fill(1, 1, 0.5), std::logic_error);
  const std::uint64_t second = c.version();
  c.clear(1);
  CHECK(c.version() != second);
  CHECK(c.version() != first);
  CHECK(c.masked(1));
}
