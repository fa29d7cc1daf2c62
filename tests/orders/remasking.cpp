// SPDX-License-Identifier: Apache-2.0
#include <proviso/orders/remasking.hpp>

#include <stdexcept>
#include <vector>

#include "support/canvases.hpp"
#include "support/catch.hpp"

using namespace proviso;
using tokens = std::vector<token_id>;

namespace {

/// Four open positions, of which the first two were filled with 0; rows 4 and 5 say what the others think of them.
tokens step(double in, double out, double first, double second) {
  const std::vector<double> certain{0.9, 0.1};
  support::canvas_trial trial{
      {2, 2, 2, 2}, {certain, certain, {0.8, 0.2}, {0.3, 0.7}, {first, 1.0 - first}, {second, 1.0 - second}}, 0.0};
  return trial.law(orders::remasking{in, out}, {0, 0, 2, 2}).begin()->first;
}

}  // namespace

static_assert(!orders::remasking::scheduled);

TEST_CASE("remasking takes the least likely tokens back, fewer than it fills") {
  CHECK(step(0.6, 0.5, 0.9, 0.8) == tokens{0, 0, 0, 1});
  CHECK(step(0.6, 0.5, 0.4, 0.8) == tokens{2, 0, 0, 1});
  CHECK(step(0.6, 0.5, 0.4, 0.3) == tokens{0, 2, 0, 1});   // two filled: one taken back, the worst
  CHECK(step(0.75, 0.5, 0.4, 0.3) == tokens{0, 0, 0, 2});  // one filled: none taken back
}

TEST_CASE("remasking takes two tokens back in a step that fills three") {
  support::canvas_trial trial{
      {2, 2, 2, 2, 2}, {{0.9, 0.1}, {0.9, 0.1}, {0.8, 0.2}, {0.3, 0.7}, {0.1, 0.9}, {0.2, 0.8}, {0.3, 0.7}}, 0.0};
  CHECK(trial.law(orders::remasking{0.6, 0.5}, {0, 0, 2, 2, 2}).begin()->first == tokens{2, 2, 0, 1, 1});
}

TEST_CASE("remasking with the least and the largest bounds") {
  CHECK(step(0.0, 0.0, 0.4, 0.3) == tokens{0, 0, 0, 1});  // fills all, takes nothing back
  CHECK(step(1.0, 1.0, 0.4, 0.3) == tokens{0, 0, 0, 2});  // fills the most confident one
  CHECK(step(0.0, 1.0, 0.9, 0.8) == tokens{0, 2, 0, 1});
}

TEST_CASE("given tokens are not taken back") {
  support::canvas_trial trial{{0, 2, 2, 2}, {{0.9, 0.1}, {0.9, 0.1}, {0.8, 0.2}, {0.3, 0.7}, {0.1, 0.9}}, 0.0};
  CHECK(trial.law(orders::remasking{0.6, 0.5}, {0, 0, 2, 2}).begin()->first == tokens{0, 2, 0, 1});
  CHECK(trial.law(orders::remasking{0.6, 0.5}, {0, 2, 2, 2}).begin()->first == tokens{0, 0, 0, 1});
}

TEST_CASE("bounds outside [0, 1] are refused") {
  for (const double bad : {-0.1, 1.1}) {
    REQUIRE_THROWS_AS(orders::remasking(bad, 0.5), std::invalid_argument);
    REQUIRE_THROWS_AS(orders::remasking(0.5, bad), std::invalid_argument);
  }
}
