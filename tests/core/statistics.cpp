// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/statistics.hpp>

#include "support/catch.hpp"

using proviso::statistics;

TEST_CASE("ratios are ratios of counters, and 0 where nothing was counted") {
  statistics s;
  CHECK(s.acceptance_rate() == 0.0);
  CHECK(s.tokens_per_call() == 0.0);
  CHECK(s.drafted_per_call() == 0.0);
  CHECK(s.acceptance_at(0) == 0.0);
  s.drafted = 8;
  s.accepted = 6;
  s.emitted = 9;
  s.target_calls = 2;
  s.drafted_at[1] = 4;
  s.accepted_at[1] = 1;
  CHECK(s.acceptance_rate() == 0.75);
  CHECK(s.tokens_per_call() == 4.5);
  CHECK(s.drafted_per_call() == 4.0);
  CHECK(s.acceptance_at(1) == 0.25);
}

TEST_CASE("statistics add up counter by counter") {
  statistics a{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, {}, {}};
  a.drafted_at[0] = 1;
  a.drafted_at[31] = 2;
  a.accepted_at[31] = 3;
  statistics b{100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, {}, {}};
  b.drafted_at[31] = 20;
  b.accepted_at[31] = 30;
  a += b;
  CHECK(a.rounds == 101);
  CHECK(a.target_calls == 202);
  CHECK(a.target_tokens == 303);
  CHECK(a.prefill_calls == 404);
  CHECK(a.prefill_tokens == 505);
  CHECK(a.drafter_calls == 606);
  CHECK(a.drafted == 707);
  CHECK(a.accepted == 808);
  CHECK(a.corrected == 909);
  CHECK(a.bonus == 1010);
  CHECK(a.fresh == 1111);
  CHECK(a.emitted == 1212);
  CHECK(a.discarded == 1313);
  CHECK(a.drafted_at[0] == 1);
  CHECK(a.drafted_at[31] == 22);
  CHECK(a.accepted_at[31] == 33);
}
