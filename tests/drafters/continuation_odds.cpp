// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/continuation_odds.hpp>

#include <limits>
#include <stdexcept>

#include "support/catch.hpp"

namespace {

using proviso::drafters::continuation_odds;

/// Best draft length by trying all: tokens per time, with the odds the object reports.
std::size_t best_length(continuation_odds& odds, std::size_t match, double cost, std::size_t limit) {
  std::size_t best = 0;
  double best_rate = 1.0;
  double tokens = 1.0;
  double stands = 1.0;
  for (std::size_t n = 1; n <= limit; ++n) {
    stands *= odds.odds(match + n - 1);
    tokens += stands;
    const double rate = tokens / (1.0 + static_cast<double>(n) * cost);
    if (rate >= best_rate) {
      best_rate = rate;
      best = n;
    }
  }
  return best;
}

TEST_CASE("continuation_odds: longer matches earn longer drafts, within the limit") {
  continuation_odds odds{0.2};
  for (std::size_t length = 1; length < 40; ++length) {
    CHECK(odds.worth(length, 8) <= odds.worth(length + 1, 8));
    CHECK(odds.worth(length, 3) <= 3);
  }
  CHECK(odds.worth(2, 0) == 0);
  CHECK(odds.worth(40, 3) == 3);
}

TEST_CASE("continuation_odds: the draft has the best expected rate when odds do not rise along it") {
  const auto length = static_cast<std::size_t>(GENERATE(16, 20));  // one bin: constant odds
  const double cost = GENERATE(0.05, 0.1, 0.2, 0.4, 0.7);
  continuation_odds odds{cost};
  for (int i = 0; i < 7; ++i) {  // before the first trial
    CHECK(odds.worth(length, 12) == best_length(odds, length, cost, 12));
    odds.observe(length, 2, 0);
  }
}

TEST_CASE("continuation_odds: refusals end drafting, acceptance brings it back, start forgets") {
  continuation_odds odds{0.2};
  const std::size_t before = odds.worth(6, 8);
  REQUIRE(before > 0);
  for (int i = 0; i < 30; ++i) odds.observe(6, 1, 0);
  CHECK(odds.worth(6, 8) == 0);
  CHECK(odds.worth(12, 8) > 0);  // other matches have their own odds
  odds.start();
  CHECK(odds.worth(6, 8) == before);
  for (int i = 0; i < 30; ++i) odds.observe(6, 8, 8);
  CHECK(odds.worth(6, 8) == 8);
}

TEST_CASE("continuation_odds: what seems not worth its cost is tried now and then, so that it can learn") {
  continuation_odds odds{0.6};  // 0.5 expected after a match of 4
  std::size_t rounds = 0;
  for (; odds.worth(4, 6) == 0; ++rounds) odds.observe(4, 0, 0);
  CHECK(rounds == 7);
  odds.observe(4, 1, 1);
  CHECK(odds.worth(4, 6) == 0);
  for (int i = 0; i < 60; ++i) {
    const std::size_t drafted = odds.worth(4, 6);
    odds.observe(4, drafted, drafted);
  }
  CHECK(odds.odds(4) > 0.95);
  CHECK(odds.worth(4, 6) > 0);

  odds.start();
  std::size_t refused = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::size_t drafted = odds.worth(4, 6);
    odds.observe(4, drafted, 0);
    refused += drafted;
  }
  CHECK(refused > 5);
  CHECK(refused < 15);
}

TEST_CASE("continuation_odds: only tokens that were tested count") {
  continuation_odds odds{0.2};
  const double untouched = odds.odds(5);
  odds.observe(3, 8, 1);  // the token after 3 stood, the one after 4 fell, the rest was not tested
  CHECK(odds.odds(3) > continuation_odds{}.odds(3));
  CHECK(odds.odds(4) < continuation_odds{}.odds(4));
  CHECK(odds.odds(5) == untouched);
}

TEST_CASE("continuation_odds: a cost of 0 drafts all, a senseless cost is refused") {
  CHECK(continuation_odds{0.0}.worth(1, 50) == 50);
  REQUIRE_THROWS_AS(continuation_odds{1.0}, std::invalid_argument);
  REQUIRE_THROWS_AS(continuation_odds{-0.1}, std::invalid_argument);
  REQUIRE_THROWS_AS(continuation_odds{std::numeric_limits<double>::quiet_NaN()}, std::invalid_argument);
}

}  // namespace
