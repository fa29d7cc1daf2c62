// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/top_entries.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include <proviso/core/random.hpp>

#include "support/catch.hpp"

namespace {

using namespace proviso;

/// By sorting everything.
std::vector<std::size_t> largest(const std::vector<float>& weights, std::size_t count) {
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return weights[a] > weights[b]; });
  order.resize((std::min)(count, order.size()));
  while (!order.empty() && weights[order.back()] == 0.0F) order.pop_back();
  return order;
}

TEST_CASE("top_entries: the largest weights in order, lowest first among equals, none of weight 0") {
  top_entries top;
  const philox source{5};
  for (const std::size_t size : {1U, 3U, 64U, 65U, 300U}) {
    std::vector<float> weights(size);
    for (std::size_t i = 0; i < size; ++i) {  // few values, so that many are equal, and some 0
      weights[i] = static_cast<float>(
          static_cast<int>(9.0 * source.uniform({purpose::selection, static_cast<std::uint32_t>(i), 0, 0})));
    }
    weights[size / 2] = 1.0F;
    const law_view law = law_view::dense(weights, numeric::sum(weights));
    for (const std::size_t count : {0U, 1U, 2U, 7U, 1000U}) {
      const std::span<const std::size_t> got = top.of(law, count);
      const std::vector<std::size_t> expected = largest(weights, count);
      REQUIRE(got.size() == expected.size());
      for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == expected[i]);
      const std::vector<double> wide(weights.begin(), weights.end());
      const std::span<const double> doubles{wide};
      const std::span<const std::size_t> same = top.of(law_view::dense(doubles, numeric::sum(doubles)), count);
      REQUIRE(same.size() == expected.size());
      for (std::size_t i = 0; i < same.size(); ++i) CHECK(same[i] == expected[i]);
    }
  }
  CHECK(top.of(law_view::point(7), 3).size() == 1);
  CHECK(top.of(law_view::point(7), 0).empty());
}

}  // namespace
