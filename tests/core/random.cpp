// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/random.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

#include "support/catch.hpp"

using namespace proviso;

TEST_CASE("philox gives the known answers of Random123") {
  using words = philox::words;
  CHECK(philox::block({0, 0, 0, 0}, 0) == words{0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U});
  CHECK(philox::block({0xffffffffU, 0xffffffffU, 0xffffffffU, 0xffffffffU}, 0xffffffffffffffffU) ==
        words{0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU});
  // The key's words are a4093822, 299f31d0, the low word first.
  CHECK(philox::block({0x243f6a88U, 0x85a308d3U, 0x13198a2eU, 0x03707344U}, 0x299f31d0a4093822U) ==
        words{0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U});
  STATIC_REQUIRE(philox::block({0, 0, 0, 0}, 0)[0] == 0x6627e8d5U);
}

TEST_CASE("draws with different keys, streams or seeds share nothing") {
  std::set<double> seen;
  std::size_t count = 0;
  const auto add = [&](double u) {
    CHECK(u >= 0.0);
    CHECK(u < 1.0);
    seen.insert(u);
    ++count;
  };
  const purpose all[] = {purpose::token, purpose::draft, purpose::acceptance, purpose::residual, purpose::selection};
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32U}) {
    for (const std::uint32_t stream : {0U, 1U, 1U << 24U}) {
      const philox source{seed, stream};
      for (const purpose what : all) {
        for (const std::uint32_t at : {0U, 1U, 77U}) {
          for (const std::uint32_t node : {0U, 1U, 9U}) {
            for (const std::uint32_t lane : {0U, 1U, 0xffffffU}) add(source.uniform({what, at, node, lane}));
          }
        }
      }
    }
  }
  CHECK(seen.size() == count);

  const philox a{5, 6};
  const philox b{5, 6};
  CHECK(a.uniform({purpose::draft, 3, 4, 5}) == b.uniform({purpose::draft, 3, 4, 5}));
}

TEST_CASE("flip is strict and follows its probability") {
  const philox source{3};
  std::size_t heads = 0;
  for (std::uint32_t i = 0; i < 4000; ++i) {
    const draw_key key{purpose::acceptance, i, 0, 0};
    CHECK(!source.flip(0.0, 1.0, key));
    CHECK(source.flip(0.5, 0.5, key));
    heads += source.flip(0.25, 1.0, key) ? 1U : 0U;
    CHECK(source.flip(0.3, 0.5, key) == (source.uniform(key) * 0.5 < 0.3));
  }
  CHECK(heads > 880);  // 1000 expected, standard deviation 27
  CHECK(heads < 1120);
}

TEST_CASE("pick follows its law and never gives a token of weight 0") {
  const philox source{4};
  const std::vector<float> weights{0.0F, 3.0F, 0.0F, 1.0F};
  const law_view dense = law_view::dense(weights, 4.0);
  const std::vector<token_id> ids{4, 9};
  const std::vector<float> two{1.0F, 3.0F};
  const law_view sparse = law_view::sparse(ids, two, 4.0);
  std::size_t ones = 0;
  std::size_t nines = 0;
  for (std::uint32_t i = 0; i < 4000; ++i) {
    const token_id x = source.pick(dense, {purpose::token, i, 0, 0});
    CHECK((x == 1 || x == 3));
    ones += x == 1 ? 1U : 0U;
    const token_id y = source.pick(sparse, {purpose::draft, i, 0, 0});
    CHECK((y == 4 || y == 9));
    nines += y == 9 ? 1U : 0U;
  }
  CHECK(ones > 2880);  // 3000 expected, standard deviation 27
  CHECK(ones < 3120);
  CHECK(nines > 2880);
  CHECK(nines < 3120);
  CHECK(source.pick(law_view::point(7), {purpose::draft, 0, 0, 0}) == 7);
}

TEST_CASE("a race follows its law, and close laws pick the same token on the same noise") {
  const philox source{4};
  const std::vector<float> weights{0.0F, 3.0F, 1.0F, 0.0F, 4.0F};
  const std::vector<float> other{2.0F, 3.0F, 1.0F, 0.0F, 2.0F};
  const std::vector<token_id> ids{1, 2, 4};
  const std::vector<float> kept{3.0F, 1.0F, 4.0F};
  const law_view p = law_view::dense(weights, 8.0);
  const law_view q = law_view::dense(other, 8.0);
  double expected = 0.0;  // sum over x of 1 / sum over y of max(p(y) / p(x), q(y) / q(x))
  for (token_id x = 0; x < 5; ++x) {
    if (p(x) == 0.0 || q(x) == 0.0) continue;
    double sum = 0.0;
    for (token_id y = 0; y < 5; ++y) {
      const double a = p(y) / p(x);
      const double b = q(y) / q(x);
      sum += a > b ? a : b;
    }
    expected += 1.0 / sum;
  }
  std::vector<std::size_t> counts(5);
  std::size_t equal = 0;
  constexpr std::uint32_t draws = 40000;
  for (std::uint32_t i = 0; i < draws; ++i) {
    const draw_key key{purpose::race, i, 0, 0};
    const token_id x = source.race(p, key);
    ++counts[static_cast<std::size_t>(x)];
    CHECK(source.race(law_view::sparse(ids, kept, 8.0), key) == x);
    equal += x == source.race(q, key) ? 1U : 0U;
  }
  CHECK(counts[0] + counts[3] == 0);
  const auto near = [](std::size_t count, double probability) {  // five standard deviations
    const double mean = draws * probability;
    return std::abs(static_cast<double>(count) - mean) < 5.0 * std::sqrt(mean * (1.0 - probability));
  };
  CHECK(near(counts[1], 0.375));
  CHECK(near(counts[2], 0.125));
  CHECK(near(counts[4], 0.5));
  CHECK(near(equal, expected));
  CHECK(source.race(law_view::point(3), {purpose::race, 0, 0, 0}) == 3);
}

TEST_CASE("a race over a large vocabulary has one winner, however the law is stored") {
  const philox source{9};
  std::vector<float> narrow(5000);
  std::vector<double> wide(5000);
  double total = 0.0;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    narrow[i] = static_cast<float>(std::exp(12.0 * source.uniform({purpose::selection, i, 0, 0})));
    if (i % 7 == 0) narrow[i] = 0.0F;
    total += wide[i] = static_cast<double>(narrow[i]);
  }
  const law_view a = law_view::dense(narrow, total);
  const law_view b = law_view::dense(wide, total);
  for (std::uint32_t i = 0; i < 300; ++i) {
    const draw_key key{purpose::race, i, 0, 0};
    CHECK(source.race(a, key) == source.race(b, key));
    CHECK(a(source.race(a, key)) > 0.0);
  }
}

TEST_CASE("a race is right where the high bits of a token are all 0") {
  // The first of four tokens is nearly sure to win: its time is below 2^-32. A key found by search.
  const draw_key key{purpose::race, 1606105823, 0, 0};
  const philox source{0};
  REQUIRE(philox::block({key.at, 0, static_cast<std::uint32_t>(key.what) << 24U, 0}, 0)[0] == 0);
  const std::vector<float> weights{1.0F, 1000.0F, 1000.0F, 1000.0F};
  const std::vector<token_id> ids{0, 1, 2, 3};
  CHECK(source.race(law_view::dense(weights, 3001.0), key) == 0);
  CHECK(source.race(law_view::sparse(ids, weights, 3001.0), key) == 0);

  // The low bits are those of a block of its own; the times are -log(1 - v).
  const std::uint32_t what = static_cast<std::uint32_t>(key.what) << 24U;
  const auto low = [&](std::uint32_t x) {
    return (static_cast<double>(philox::block({key.at, x, what | 1U, 0}, 0)[0]) + 0.5) * 0x1.0p-64;
  };
  const double second = static_cast<double>(philox::block({key.at, 0, what, 0}, 0)[1]) * 0x1.0p-32 + low(1);
  const double odds = -std::log1p(-second) / low(0);  // the weight with which the second token draws level
  for (const double share : {0.999, 1.001}) {
    const std::vector<double> pair{1.0, odds * share};
    CHECK(source.race(law_view::dense(pair, 1.0 + odds * share), key) == (share < 1.0 ? 0 : 1));
  }
}

TEST_CASE("random_ref hands root, node and lane to its source, and positions for tokens") {
  struct recorder {
    std::vector<std::tuple<purpose, std::uint32_t, std::uint32_t, std::uint32_t>> keys{};
    bool flip(double, double, const draw_key& k) {
      keys.emplace_back(k.what, k.at, k.node, k.lane);
      return true;
    }
    token_id pick(const law_view&, const draw_key& k) {
      keys.emplace_back(k.what, k.at, k.node, k.lane);
      return 0;
    }
    token_id race(const law_view& law, const draw_key& k) { return pick(law, k); }
  } source;
  random_ref random{source};
  random = random.at_root(6);
  random.flip(0.5, 1.0, purpose::acceptance, 2, 3);
  random.pick(law_view::point(0), purpose::residual, 4);
  random.pick_token(law_view::point(0), 55);
  random.pick_token(law_view::point(0), 56, draw::race);
  REQUIRE(source.keys.size() == 4);
  CHECK(source.keys[0] == std::tuple{purpose::acceptance, 6U, 2U, 3U});
  CHECK(source.keys[1] == std::tuple{purpose::residual, 6U, 4U, 0U});
  CHECK(source.keys[2] == std::tuple{purpose::token, 55U, 0U, 0U});
  CHECK(source.keys[3] == std::tuple{purpose::race, 56U, 0U, 0U});
}
