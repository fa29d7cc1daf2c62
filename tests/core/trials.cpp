// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/trials.hpp>

#include <cstddef>

#include "support/catch.hpp"

namespace {

/// Occasions until the next trial is due.
std::size_t wait(proviso::trials& t) {
  std::size_t count = 0;
  for (; !t.due(); ++count) t.pass();
  return count;
}

}  // namespace

TEST_CASE("trials become rarer when they are refused, and more frequent when they stand") {
  proviso::trials t;
  CHECK(wait(t) == 8);
  CHECK(wait(t) == 0);  // due until it is judged
  for (const std::size_t expected : {16U, 32U, 64U, 128U, 128U}) {
    t.judge(false);
    CHECK(wait(t) == expected);
  }
  for (const std::size_t expected : {64U, 32U, 16U, 8U, 4U, 4U}) {
    t.judge(true);
    CHECK(wait(t) == expected);
  }
  t.judge(false);
  CHECK(wait(t) == 8);
  t.judge(false);
  t.start();
  CHECK(wait(t) == 8);
}
