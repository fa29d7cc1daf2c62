// SPDX-License-Identifier: Apache-2.0
#include <proviso/testing/target_law.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/top_k.hpp>

#include "support/catch.hpp"

using namespace proviso;

TEST_CASE("target_law: laws of tables and rows, after transforms") {
  const testing::row_table table = testing::random_table(3, 2, 5);
  const std::vector<token_id> text{2, 0};
  const std::span<const float> row = table.row(text);
  const std::vector<double> p = testing::table_law(table, transforms::temperature{0.5F})(text);
  double total = 0.0;
  for (const float x : row) total += std::exp(2.0 * static_cast<double>(x));
  for (std::size_t x = 0; x < 3; ++x)
    CHECK(std::abs(p[x] - std::exp(2.0 * static_cast<double>(row[x])) / total) < 1e-6);

  const std::vector<double> greedy = testing::table_law(table, transforms::temperature{0.0F})(text);
  CHECK(std::count(greedy.begin(), greedy.end(), 0.0) == 2);
  CHECK(std::count(greedy.begin(), greedy.end(), 1.0) == 1);

  const transforms::chain two{transforms::temperature{0.8F}, transforms::top_k{2}};
  const testing::table_model::row_function rows = [&](std::span<const token_id> after, std::span<float> to) {
    std::copy(table.row(after).begin(), table.row(after).end(), to.begin());
  };
  const std::vector<double> sparse = testing::row_law(3, rows, two)(text);
  CHECK(sparse == testing::table_law(table, two)(text));
  CHECK(std::count(sparse.begin(), sparse.end(), 0.0) == 1);
}
