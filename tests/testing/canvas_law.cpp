// SPDX-License-Identifier: Apache-2.0
#include <proviso/testing/canvas_law.hpp>

#include <cmath>
#include <vector>

#include <proviso/orders/ancestral.hpp>
#include <proviso/orders/first_hitting.hpp>
#include <proviso/testing/table_denoiser.hpp>

#include "support/catch.hpp"

using namespace proviso;
using canvas_tokens = std::vector<token_id>;

TEST_CASE("total variation is half the distance") {
  const testing::canvas_law a{{{0}, 0.5}, {{1}, 0.5}};
  const testing::canvas_law b{{{1}, 0.25}, {{2}, 0.75}};
  CHECK(std::abs(testing::total_variation(a, b) - 0.75) < 1e-12);
  CHECK(testing::total_variation(a, a) == 0.0);
}

TEST_CASE("one step draws positions independently, one position at a time is exact; given tokens stay") {
  testing::joint_denoiser net{2, 3, {4.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 3.0}};  // 000, 101, 111
  testing::canvas_sampler sampler{net, canvas_tokens{0}};
  const canvas_tokens open(3, 2);
  const auto together = sampler.run(orders::ancestral{}, open, 1);
  CHECK(std::abs(together.law.at({0, 0, 0}) - 0.5 * 0.625 * 0.5) < 1e-6);
  CHECK(std::abs(together.evaluations - 1.0) < 1e-9);
  const auto alone = sampler.run(orders::first_hitting{}, open);
  CHECK(std::abs(alone.law.at({0, 0, 0}) - 0.5) < 1e-6);
  CHECK(std::abs(alone.law.at({1, 0, 1}) - 0.125) < 1e-6);
  CHECK(std::abs(alone.evaluations - 3.0) < 1e-9);
  const auto infilled = sampler.run(orders::first_hitting{}, {2, 0, 2});
  CHECK(std::abs(infilled.law.at({0, 0, 0}) - 0.8) < 1e-6);
  CHECK(std::abs(infilled.law.at({1, 0, 1}) - 0.2) < 1e-6);
}
