// SPDX-License-Identifier: Apache-2.0
#include <proviso/lengths/bandit.hpp>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include <proviso/core/random.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/rules/token.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"

namespace {

using namespace proviso;

/// Plays a round in which each drafted token stands with probability `chance`; `at` names the round.
struct result {
  std::size_t drafted;
  double tokens;
};
result play(lengths::bandit& length, double chance, std::uint32_t at) {
  const philox source{5};
  draft d;
  d.reset(0, 0, length.limit());
  std::vector<node_id> path;
  bool stands = true;
  node_id node = draft::root();
  for (std::size_t i = 0; i < length.limit(); ++i) {
    node = d.push(node, 1);
    stands = stands && source.flip(chance, 1.0, {purpose::acceptance, at, static_cast<std::uint32_t>(node), 0});
    if (stands) path.push_back(node);
  }
  const std::vector<token_id> text{0};
  const outcome o{path, 0, origin::corrected};
  length.observe({d, o, text, path.size()});
  return {d.proposed(), 1.0 + static_cast<double>(path.size())};
}

/// Tokens per cost of `rounds` rounds.
double rate(lengths::bandit length, double chance, double cost, std::uint32_t rounds) {
  double tokens = 0.0;
  double spent = 0.0;
  for (std::uint32_t i = 0; i < rounds; ++i) {
    const result r = play(length, chance, i);
    tokens += r.tokens;
    spent += 1.0 + cost * static_cast<double>(r.drafted);
  }
  return tokens / spent;
}

TEST_CASE("bandit: close to the best fixed length, whether tokens mostly stand or mostly fall") {
  constexpr double cost = 0.3;
  for (const double chance : {0.2, 0.5, 0.9}) {
    double best = 0.0;
    for (const std::size_t n : {1U, 2U, 3U, 4U, 6U, 8U}) {
      best = (std::max)(best, rate(lengths::bandit(std::initializer_list<std::size_t>{n}, cost), chance, cost, 3000));
    }
    const double learned = rate(lengths::bandit{{1, 2, 3, 4, 6, 8}, cost, 1e9}, chance, cost, 3000);
    INFO("chance " << chance << ", best " << best << ", learned " << learned);
    CHECK(learned > 0.97 * best);
    CHECK(learned <= best * 1.03);
  }
}

TEST_CASE("bandit: follows a change, and forgets at the start") {
  lengths::bandit length{{1, 8}, 0.2, 100.0};
  std::uint32_t at = 0;
  const auto mean_length = [&](double chance) {
    double sum = 0.0;  // of the last 300 rounds of 600
    for (int i = 0; i < 600; ++i) {
      const std::size_t drafted = play(length, chance, at++).drafted;
      if (i >= 300) sum += static_cast<double>(drafted);
    }
    return sum / 300.0;
  };
  CHECK(mean_length(0.95) > 6.0);
  CHECK(mean_length(0.05) < 3.0);
  CHECK(mean_length(0.95) > 6.0);
  length.start();
  CHECK(length.limit() == 8);
}

TEST_CASE("bandit: rounds without a draft teach nothing, and a drafter that proposes less is no fault") {
  lengths::bandit length{{2, 4}};
  draft d;
  d.reset(0, 0, 4);
  const std::vector<token_id> text{0};
  const outcome o{{}, 1, origin::fresh};
  length.observe({d, o, text, 0});
  CHECK(length.limit() == 4);
  d.push(draft::root(), 1);
  length.observe({d, o, text, 0});
  CHECK(length.limit() == 4);
}

TEST_CASE("bandit: equal seeds give equal texts") {
  testing::table_model target{testing::random_table(4, 1, 1)};
  testing::table_model draft_model{
      testing::blended(testing::random_table(4, 1, 1), testing::random_table(4, 1, 2), 0.3)};
  decoder d{
      speculative{target, drafters::model{draft_model}, rules::token{}, transforms::temperature{}, lengths::bandit{}},
      1};
  CHECK(support::decode(d, {1}, support::budget(80)) == support::decode(d, {1}, support::budget(80)));
}

TEST_CASE("bandit: senseless arguments are refused") {
  REQUIRE_THROWS_AS(lengths::bandit(std::initializer_list<std::size_t>{}), std::invalid_argument);
  REQUIRE_THROWS_AS((lengths::bandit{{2, 2}}), std::invalid_argument);
  REQUIRE_THROWS_AS((lengths::bandit{{1, 2}, 1.0}), std::invalid_argument);
  REQUIRE_THROWS_AS((lengths::bandit{{1, 2}, 0.2, 1.0}), std::invalid_argument);
}

}  // namespace
