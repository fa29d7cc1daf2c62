// SPDX-License-Identifier: Apache-2.0
// labels: threads
#include <proviso/drafters/shared_rates.hpp>

#include <cmath>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"

namespace {

using namespace proviso;

TEST_CASE("shared_rates: rates are kept per language and arm, unknown ones are empty") {
  drafters::shared_rates rates;
  rates.add("de", 2, 1.5, 2.0);
  rates.add("de", 2, 0.5, 1.0);
  rates.add("fr", 0, 1.0, 1.0);
  std::vector<bandits::record> arms(4);
  rates.read("de", arms);
  CHECK(arms[2].weight == 3.0);
  CHECK(std::abs(arms[2].mean() - 3.5 / 3.0) < 1e-15);
  CHECK(arms[0].weight == 0.0);
  CHECK(arms[3].weight == 0.0);
  rates.read("fr", arms);
  CHECK(arms[0].mean() == 1.0);
  CHECK(arms[2].weight == 0.0);
  rates.read("it", arms);
  for (const bandits::record& r : arms) CHECK(r.weight == 0.0);
}

TEST_CASE("shared_rates: old rates fade, so a change is learned") {
  drafters::shared_rates rates{50.0};
  for (int i = 0; i < 1000; ++i) rates.add("", 0, 1.0, 1.0);
  bandits::record arm[1];
  rates.read("", arm);
  CHECK(arm[0].weight <= 50.0);
  CHECK(std::abs(arm[0].mean() - 1.0) < 1e-12);
  for (int i = 0; i < 200; ++i) rates.add("", 0, 3.0, 1.0);
  rates.read("", arm);
  CHECK(arm[0].mean() > 2.9);
  REQUIRE_THROWS_AS(drafters::shared_rates{-1.0}, std::invalid_argument);
}

TEST_CASE("shared_rates: threads lose no rate") {
  drafters::shared_rates rates{1e9};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&rates, t] {
      std::vector<bandits::record> arms(3);
      for (int i = 0; i < 500; ++i) {
        rates.add(std::to_string((t + static_cast<std::size_t>(i)) % 2), t % 3, 2.0, 1.0);
        rates.read("0", arms);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  double total = 0.0;
  for (const char* language : {"0", "1"}) {
    bandits::record arms[3];
    rates.read(language, arms);
    for (const bandits::record& r : arms) {
      total += r.weight;
      CHECK(r.mean() == 2.0);
    }
  }
  CHECK(total == 2000.0);
}

}  // namespace
