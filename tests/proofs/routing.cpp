// SPDX-License-Identifier: Apache-2.0
// Routers: the exact law of several rounds, with a state that every round changes.
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <proviso/drafters/router.hpp>
#include <proviso/drafters/shared_rates.hpp>
#include <proviso/proviso.hpp>
#include <proviso/testing/prove_lossless.hpp>

#include "support/catch.hpp"
#include "support/drafting.hpp"
#include "support/pieces.hpp"

namespace {

using namespace proviso;
using enum drafters::exploration;

/// The language is "even" or "odd", by the last token.
class parity {
 public:
  void start() noexcept { last_ = 0; }
  void read(std::span<const token_id> tokens) noexcept {
    if (!tokens.empty()) last_ = tokens.back();
  }
  double probability(std::string_view language) const noexcept { return language == likeliest() ? 0.9 : 0.1; }
  std::string_view likeliest() const noexcept { return last_ % 2 == 0 ? "even" : "odd"; }

 private:
  token_id last_ = 0;
};

/// Beliefs so vague that the rounds seen, the prior and the draws all change the choice.
drafters::routing vague(drafters::exploration explore, std::size_t dwell = 1) {
  drafters::routing how;
  how.explore = explore;
  how.dwell = dwell;
  how.certainty = 1.0;
  how.memory = 2.0;
  how.reshaping = 1.0;
  return how;
}

/// A pool of two models, copies of the text, and nothing; texts of `count` tokens, drafts of `depth`.
void prove(const std::string& name, rules::any (*rule)(), drafters::routing how, std::size_t count, std::size_t depth,
           float temperature = 1.0F, bool learns_from_others = false,
           const support::writing& written = support::at_once) {
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, 5), 2);
  testing::table_model target{p};
  testing::table_model even{testing::blended(testing::random_table(3, 2, 5), testing::random_table(3, 2, 6), 0.3)};
  testing::table_model odd{testing::random_table(3, 2, 105)};
  const transforms::temperature shape{temperature};
  testing::proof_options options;
  options.prompt = {1, 2, 0, 1, 2};
  options.tokens = count;
  std::optional<drafters::shared_rates> others;
  const testing::proof_report report = testing::prove_lossless(
      [&] {
        drafters::router<parity> pool{how, parity{}};
        pool.add(drafters::model{even}, {"even", 1.2, 0.1, 0.01}).add(drafters::model{odd}, {"odd", 1.2, 0.1, 0.01});
        pool.add(drafters::suffix{1}).add(drafters::none{});
        others.emplace(2.0);
        if (learns_from_others) pool.share(*others);
        return speculative{target, std::move(pool), rule(), shape, lengths::fixed{depth}};
      },
      testing::table_law(p, shape), written.in(options));
  INFO(name << ", " << written.name << "\n" << report.text());
  CHECK(report.passed());
  CHECK(report.most_rounds >= 3);
}

TEST_CASE("routing: the law of every token under every draw of the router") {
  prove(
      "thompson, token", [] { return rules::any{rules::token{}}; }, vague(thompson), 4, 1);
  prove(
      "thompson, block", [] { return rules::any{rules::block{}}; }, vague(thompson), 4, 2);
  prove(
      "thompson, match", [] { return rules::any{rules::match{}}; }, vague(thompson), 3, 2);
  prove(
      "thompson, coupled", [] { return rules::any{rules::coupled{}}; }, vague(thompson), 3, 1);
  prove(
      "thompson, shared", [] { return rules::any{rules::token{}}; }, vague(thompson), 4, 1, 1.0F, true);
}

TEST_CASE("routing: the same where the text is written in pieces") {
  for (const support::writing& how : {support::by_twos, support::by_rounds}) {
    prove(
        "thompson, token", [] { return rules::any{rules::token{}}; }, vague(thompson), 3, 1, 1.0F, false, how);
    prove(
        "thompson, shared", [] { return rules::any{rules::token{}}; }, vague(thompson), 3, 1, 1.0F, true, how);
    prove(
        "ucb1, block", [] { return rules::any{rules::block{}}; }, vague(ucb1), 4, 2, 1.0F, false, how);
  }
}

TEST_CASE("routing: the law of every token under upper confidence bounds") {
  prove(
      "ucb1, token", [] { return rules::any{rules::token{}}; }, vague(ucb1), 5, 2);
  prove(
      "ucb1, block, kept two rounds", [] { return rules::any{rules::block{}}; }, vague(ucb1, 2), 5, 1);
}

TEST_CASE("routing: the text of temperature 0") {
  prove(
      "thompson, token", [] { return rules::any{rules::token{}}; }, vague(thompson), 8, 2, 0.0F);
  prove(
      "ucb1, match", [] { return rules::any{rules::match{}}; }, vague(ucb1), 12, 2, 0.0F);
}

}  // namespace
