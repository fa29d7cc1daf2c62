// SPDX-License-Identifier: Apache-2.0
#include <proviso/testing/table_denoiser.hpp>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using namespace proviso;

TEST_CASE("conditionals of the chain are those of its table of joint probabilities") {
  const testing::row_table chain = testing::random_table(3, 1, 4);
  const testing::markov_denoiser closed{chain};
  const std::vector<token_id> prefix{2};
  std::vector<double> weights;
  for (token_id a = 0; a < 3; ++a) {
    for (token_id b = 0; b < 3; ++b) {
      for (token_id c = 0; c < 3; ++c) weights.push_back(closed.joint(prefix, std::vector<token_id>{a, b, c}));
    }
  }
  double total = 0.0;
  for (const double w : weights) total += w;
  CHECK(std::abs(total - 1.0) < 1e-12);
  const testing::joint_denoiser table{3, 3, weights};
  std::vector<double> a(3);
  std::vector<double> b(3);
  for (token_id x = 0; x < 4; ++x) {
    for (token_id y = 0; y < 4; ++y) {
      for (token_id z = 0; z < 4; ++z) {
        const std::vector<token_id> canvas{x, y, z};
        for (std::size_t i = 0; i < 3; ++i) {
          if (canvas[i] != 3) continue;
          closed.conditional(prefix, canvas, i, a);
          table.conditional(prefix, canvas, i, b);
          for (std::size_t t = 0; t < 3; ++t) CHECK(std::abs(a[t] - b[t]) < 1e-12);
        }
      }
    }
  }
}

TEST_CASE("rows are hostile where the contract allows it") {
  testing::markov_denoiser net{testing::random_table(2, 1, 4)};
  const auto rows = net.score({}, std::vector<token_id>{0, 2});
  CHECK(net.calls() == 1);
  CHECK(std::isnan(rows.row(0)[0]));
  CHECK(rows.row(1)[2] == 5.0F);
  CHECK(std::abs(std::exp(rows.row(1)[0]) + std::exp(rows.row(1)[1]) - 1.0F) < 1e-6F);
  REQUIRE_THROWS_AS(testing::markov_denoiser(testing::random_table(2, 2, 4)), std::invalid_argument);
  REQUIRE_THROWS_AS(testing::joint_denoiser(2, 2, std::vector<double>(3)), std::invalid_argument);
}
