// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/selection.hpp>

#include <algorithm>
#include <numeric>
#include <vector>

#include <proviso/core/random.hpp>

#include "support/catch.hpp"
#include "support/numbers.hpp"

namespace {

using namespace proviso;
using support::infinity;

std::uint32_t bits(std::uint64_t seed, std::size_t i) {
  return philox::block({static_cast<std::uint32_t>(i), 0, 0, 0}, seed)[0];
}

TEST_CASE("selection: order_key orders floats, with equal zeros, and is undone by from_order_key") {
  const std::vector<float> ascending{-infinity, -3e38F, -1.0F, -1e-45F, 0.0F,    1e-45F,
                                     1e-38F,    1.0F,   2.0F,  3e38F,   infinity};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    CHECK(numeric::from_order_key(numeric::order_key(ascending[i])) == ascending[i]);
    if (i > 0) CHECK(numeric::order_key(ascending[i - 1]) < numeric::order_key(ascending[i]));
  }
  CHECK(numeric::order_key(-0.0F) == numeric::order_key(0.0F));
}

/// The entries taken by sorting.
std::vector<bool> sorted(const std::vector<std::uint32_t>& keys, const std::vector<double>& masses, double target) {
  std::vector<std::size_t> order(keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return keys[a] > keys[b]; });
  std::vector<bool> taken(keys.size(), false);
  double sum = 0.0;
  for (std::size_t i = 0; i < order.size() && sum < target; ++i) {
    taken[order[i]] = true;
    sum += masses[order[i]];
  }
  return taken;
}
std::vector<bool> selected(const std::vector<std::uint32_t>& keys, const std::vector<double>& masses, double target,
                           std::uint32_t low, std::uint32_t high) {
  std::vector<std::uint32_t> members;
  const numeric::border b = numeric::reach(
      keys.size(), [&](std::size_t i) { return keys[i]; }, [&](std::size_t i) { return masses[i]; }, low, high, target,
      members);
  std::vector<bool> taken(keys.size(), false);
  std::size_t ties = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    taken[i] = keys[i] > b.key || (keys[i] == b.key && ties++ < b.ties);
  }
  return taken;
}

TEST_CASE("selection: reach takes what sorting takes") {
  const auto spread = static_cast<std::uint32_t>(GENERATE(0, 20, 27, 32));  // right shift of the keys: 32 - bits used
  for (const std::size_t n : {1U, 2U, 31U, 32U, 33U, 500U, 3000U}) {
    std::vector<std::uint32_t> keys(n);
    std::vector<double> masses(n);
    for (std::size_t i = 0; i < n; ++i) {
      keys[i] = spread == 32 ? 5U : bits(n, i) >> spread;
      masses[i] = static_cast<double>(bits(n + 1, i) % 16);  // whole numbers: every order of summing agrees
    }
    const std::uint32_t highest = spread == 32 ? 5U : 0xFFFFFFFFU >> spread;
    const double total = std::accumulate(masses.begin(), masses.end(), 0.0);
    for (const double share : {0.001, 0.3, 0.5, 0.9, 1.0}) {
      if (total == 0.0) continue;
      CHECK(selected(keys, masses, share * total, 0, highest) == sorted(keys, masses, share * total));
      CHECK(selected(keys, masses, share * total, 0, 0xFFFFFFFFU) == sorted(keys, masses, share * total));
    }
  }
}

TEST_CASE("selection: keys below the lower bound are not needed and not taken") {
  const std::vector<std::uint32_t> keys{1, 9, 2, 7, 8, 7};
  const std::vector<double> masses(6, 1.0);
  CHECK(selected(keys, masses, 3.0, 5, 20) == std::vector<bool>{false, true, false, true, true, false});
}

TEST_CASE("selection: a target that is out of reach takes everything above the lower bound") {
  const std::vector<std::uint32_t> keys{1, 9, 2, 7};
  CHECK(selected(keys, {1.0, 1.0, 1.0, 1.0}, 100.0, 2, 20) == std::vector<bool>{false, true, true, true});
}

TEST_CASE("selection: sort_tokens") {
  for (const std::size_t n : {0U, 1U, 2U, 3U, 10U, 1000U}) {
    std::vector<token_id> tokens(n);
    for (std::size_t i = 0; i < n; ++i) tokens[i] = static_cast<token_id>(bits(7, i) % 500) - 20;
    std::vector<token_id> expected = tokens;
    std::sort(expected.begin(), expected.end());
    numeric::sort_tokens(tokens);
    CHECK(tokens == expected);
  }
}

}  // namespace
