// SPDX-License-Identifier: Apache-2.0
// labels: threads
#include <proviso/backends/eigen/thread_team.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using proviso::eigen::thread_team;

TEST_CASE("every piece runs once, and is seen when run returns") {
  for (std::size_t threads : {1U, 2U, 3U, 5U}) {
    thread_team team(threads);
    CHECK(team.size() == threads);
    std::vector<std::size_t> counts(40);
    bool members = true;
    for (std::size_t job = 0; job < 3000; ++job) {
      const std::size_t pieces = job % counts.size();
      const std::vector<std::size_t> before = counts;
      std::atomic<bool> inside{true};
      team.run(pieces, [&](std::size_t member, std::size_t piece) {
        ++counts[piece];
        if (member >= threads) inside = false;
      });
      members = members && inside;
      for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] != before[i] + (i < pieces ? 1 : 0)) REQUIRE(job == 3001);
      }
    }
    CHECK(members);
  }
}

TEST_CASE("members that fell asleep wake up, and help") {
  thread_team team(2, std::chrono::microseconds{0});
  for (int job = 0; job < 20; ++job) {
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
    // The first piece waits for the second, which only another member can run.
    std::atomic<bool> second{false};
    team.run(2, [&](std::size_t, std::size_t piece) {
      if (piece == 1) second = true;
      while (!second) std::this_thread::yield();
    });
    CHECK(second);
  }
}

TEST_CASE("teams come and go without work") {
  for (int i = 0; i < 20; ++i) thread_team team(4);
  thread_team none(0);
  CHECK(none.size() == 1);
}
