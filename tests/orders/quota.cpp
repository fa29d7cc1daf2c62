// SPDX-License-Identifier: Apache-2.0
#include <proviso/orders/quota.hpp>

#include <stdexcept>
#include <vector>

#include "support/canvases.hpp"
#include "support/catch.hpp"

using namespace proviso;
using orders::pace;
using orders::ranking;
using support::close;
using tokens = std::vector<token_id>;

namespace {

/// The quotas of all steps for `masked` positions.
std::vector<std::size_t> quotas(std::size_t masked, std::size_t steps, const orders::quota& order,
                                bool by_schedule = false) {
  std::vector<std::size_t> counts;
  std::size_t left = masked;
  for (std::size_t step = 0; step < steps; ++step) {
    canvas c;
    c.start(left, 1);
    canvas_memory memory;
    transforms::temperature shape;
    philox source{1};
    canvas_plan plan{0, left, step, steps, masked, 0.0};
    if (by_schedule) plan.stay = static_cast<double>(steps - step - 1) / static_cast<double>(steps - step);
    const canvas_step s{c, memory, plan, {}, shape, source};
    counts.push_back(order.count(s));
    left -= counts.back();
  }
  CHECK(left == 0);
  return counts;
}

}  // namespace

static_assert(orders::quota::scheduled);

TEST_CASE("quotas sum to the masked positions") {
  CHECK(quotas(10, 4, orders::quota{}) == std::vector<std::size_t>{3, 3, 2, 2});
  CHECK(quotas(3, 5, orders::quota{}) == std::vector<std::size_t>{1, 1, 1, 0, 0});
  CHECK(quotas(7, 1, orders::quota{}) == std::vector<std::size_t>{7});
  const orders::quota scheduled{ranking::confidence, 0.0, pace::schedule};
  CHECK(quotas(10, 4, scheduled, true) == std::vector<std::size_t>{2, 2, 3, 3});
}

TEST_CASE("a quota of 0 needs no rows") {
  support::canvas_trial trial{{2, 2}, {{0.3, 0.7}, {0.5, 0.5}}};
  trial.plan.steps = 4;
  trial.plan.step = 2;
  CHECK(trial.after(orders::quota{}) == tokens{2, 2});
  CHECK(!trial.needed);
}

TEST_CASE("positions rank by confidence, margin or entropy") {
  // Highest probability, largest margin and lowest entropy are at different places.
  support::canvas_trial trial{{3, 3, 3}, {{0.62, 0.37, 0.01}, {0.60, 0.20, 0.20}, {0.51, 0.489, 0.001}}, 0.0};
  trial.plan.steps = 3;
  CHECK(trial.after(orders::quota{ranking::confidence}) == tokens{0, 3, 3});
  CHECK(trial.after(orders::quota{ranking::top}) == tokens{0, 3, 3});
  CHECK(trial.after(orders::quota{ranking::margin}) == tokens{3, 0, 3});
  CHECK(trial.after(orders::quota{ranking::entropy}) == tokens{3, 3, 0});
  auto law = trial.law(orders::quota{ranking::random});
  CHECK(law.size() == 3);
  CHECK(close(law[{3, 3, 0}], 1.0 / 3.0));
}

TEST_CASE("spread positions halve their distance from step to step") {
  support::canvas_trial trial{tokens(11, 2), std::vector<std::vector<double>>(11, {0.6, 0.4}), 0.0};
  trial.plan.steps = 3;
  tokens now(11, 2);
  const auto step = [&](std::size_t number) {
    trial.plan.step = number;
    return now = trial.law(orders::quota{ranking::spread}, now).begin()->first;
  };
  // 4, 4 and 3 positions: 0, 8, 4, 2 of 16; 10, 6, 1, 9; 5, 3, 7.
  CHECK(step(0) == tokens{0, 2, 0, 2, 0, 2, 2, 2, 0, 2, 2});
  CHECK(step(1) == tokens{0, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0});
  CHECK(step(2) == tokens(11, 0));
  // The number of steps is a power of two that divides the window: the distance in every step.
  support::canvas_trial even{tokens(16, 2), std::vector<std::vector<double>>(16, {0.6, 0.4}), 0.0};
  even.plan.steps = 4;
  now.assign(16, 2);
  for (const std::size_t first : {0U, 2U, 1U, 3U}) {
    tokens expected = now;
    for (std::size_t i = first; i < 16; i += 4) expected[i] = 0;
    now = even.law(orders::quota{ranking::spread}, now).begin()->first;
    CHECK(now == expected);
    ++even.plan.step;
  }
}

TEST_CASE("the confidence is that of the drawn token") {
  support::canvas_trial trial{{2, 2}, {{0.9, 0.1}, {0.6, 0.4}}};
  trial.plan.steps = 2;
  auto law = trial.law(orders::quota{ranking::confidence});
  CHECK(law.size() == 3);
  CHECK(close(law[{0, 2}], 0.9));        // 0.9 beats whatever the other drew
  CHECK(close(law[{2, 0}], 0.1 * 0.6));  // 0.1 is less than 0.6 and than 0.4
  CHECK(close(law[{2, 1}], 0.1 * 0.4));
  auto by_law = trial.law(orders::quota{ranking::top});
  CHECK(close(by_law[{1, 2}], 0.1));
  CHECK(by_law.size() == 2);
}

TEST_CASE("a temperature draws the positions without replacement") {
  support::canvas_trial trial{{2, 2}, {{0.8, 0.2}, {0.7, 0.3}}, 0.0};
  trial.plan.steps = 2;
  const orders::quota soft{ranking::confidence, 0.1};
  auto law = trial.law(soft);
  CHECK(close(law[{0, 2}], std::exp(0.0) / (1.0 + std::exp(-1.0))));
  trial.plan.steps = 1;
  CHECK(trial.after(soft) == tokens{0, 0});
  // Weights that vanish leave the order of the scores.
  CHECK(trial.after(orders::quota{ranking::confidence, 1e-9}) == tokens{0, 0});
  REQUIRE_THROWS_AS(orders::quota(ranking::margin, -1.0), std::invalid_argument);
}
