// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/top_k.hpp>

#include <algorithm>

#include "rows.hpp"
#include "support/catch.hpp"

namespace {

using proviso::transforms::top_k;
using namespace rows;

std::vector<double> top_k_reference(const std::vector<float>& row, std::size_t k) {
  std::vector<std::size_t> order(row.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return row[a] > row[b]; });
  std::vector<bool> kept(row.size(), false);
  for (std::size_t i = 0; i < row.size() && i < k; ++i) kept[order[i]] = true;
  return normalised(weights(row), kept);
}

TEST_CASE("top_k: equals sorting") {
  for (const std::size_t k : {1U, 2U, 3U, 40U, 63U, 64U, 129U, 1000U, 4999U}) {
    each([&](const std::vector<float>& row) { CHECK(same(law_of(top_k{k}, row), top_k_reference(row, k))); });
  }
}

TEST_CASE("top_k: ties go to the lowest ids") {
  const std::vector<float> row{1.0F, 2.0F, 1.0F, 2.0F, 1.0F};
  CHECK(law_of(top_k{1}, row) == std::vector<double>{0.0, 1.0, 0.0, 0.0, 0.0});
  const auto p = law_of(top_k{3}, row);
  CHECK(p[0] > 0.0);
  CHECK(p[2] == 0.0);
  CHECK(p[4] == 0.0);
}

TEST_CASE("top_k: the largest logits stand at the end of a row whose length is odd") {
  for (const std::size_t vocab : {100U, 2100U, 4111U}) {
    std::vector<float> row(vocab, 0.0F);
    for (std::size_t i = 0; i < 30; ++i) row[vocab - 1 - i] = 100.0F - static_cast<float>(i) / 8.0F;
    for (const std::size_t k : {1U, 2U, 3U, 29U}) CHECK(same(law_of(top_k{k}, row), top_k_reference(row, k)));
  }
}

TEST_CASE("top_k: gives a sparse law without impossible tokens") {
  std::vector<float> row(500, never);
  row[10] = 1.0F;
  row[400] = 0.0F;
  law_builder builder;
  law_buffer buffer;
  builder.begin(row, buffer);
  top_k{40}(builder, {});
  const law_view law = builder.finish();
  REQUIRE(law.kind() == law_view::form::sparse);
  REQUIRE(law.size() == 2);
  CHECK(law.token(0) == 10);
  CHECK(law.token(1) == 400);
}

TEST_CASE("top_k: bad configurations and rows are refused") {
  CHECK_THROWS_AS(top_k{0}, std::invalid_argument);
  CHECK(refuses_faults(top_k{2}));
  CHECK(refuses_faults(top_k{2000}));
}

TEST_CASE("top_k: drafted and plain decoding share every law") { CHECK(same_when_drafted(top_k{3})); }

}  // namespace
