// SPDX-License-Identifier: Apache-2.0
// Every drafter with the rules that its drafts are made for: the exact law of several rounds, caches and all.
#include <cmath>
#include <string>
#include <utility>

#include <proviso/proviso.hpp>
#include <proviso/testing/prove_lossless.hpp>

#include "support/catch.hpp"
#include "support/drafting.hpp"
#include "support/pieces.hpp"

namespace {

using namespace proviso;

constexpr auto with = replacement::with;
constexpr auto without = replacement::without;

/// Laws that depend on the last two tokens, some of them with impossible tokens.
const testing::row_table& target_table() {
  static const testing::row_table table = support::with_holes(testing::random_table(3, 2, 5), 2);
  return table;
}

/// Proves drafts of `make(small)` under `rule`; texts of `tokens` tokens, at once and in pieces.
template <class MakeDrafter, class Rule, class Length = lengths::fixed>
void prove(const std::string& name, std::size_t tokens, MakeDrafter make, Rule rule, Length length = Length{2},
           testing::conditionals promises = testing::conditionals::every_round) {
  testing::table_model target{target_table()};
  testing::table_model small{testing::random_table(3, 2, 105)};
  testing::proof_options options;
  options.prompt = {1, 2, 0, 1, 2};
  options.tokens = tokens;
  options.conditional = promises;
  for (const support::writing& how : support::all_writings()) {
    if (how.piece_rounds > 0 && promises == testing::conditionals::whole_text) continue;  // its state is lost
    const testing::proof_report report = testing::prove_lossless(
        [&] {
          return speculative{target, make(small), rules::any{rule}, transforms::temperature{}, length};
        },
        testing::table_law(target_table()), how.in(options));
    INFO(name << ", " << how.name << "\n" << report.text());
    CHECK(report.passed());
  }
}

TEST_CASE("drafters: chains of a model") {
  const auto chain = [](testing::table_model& small) { return drafters::model{small}; };
  prove("token", 4, chain, rules::token{});
  prove("block", 4, chain, rules::block{});
  prove("coupled", 4, chain, rules::coupled{});
  prove("match", 4, chain, rules::match{});
  prove("traversal", 4, chain, rules::traversal{});
  prove("automatic", 4, chain, rules::automatic{});
  prove("joint", 5, chain, rules::joint{}, lengths::fixed{2}, testing::conditionals::whole_text);
  prove("block, 3 tokens", 4, chain, rules::block{}, lengths::fixed{3});
  prove("block, adaptive", 5, chain, rules::block{}, lengths::heuristic{1, 3});
}

TEST_CASE("drafters: sampled trees of a model") {
  const auto tree = [](drafters::branching children, replacement mode) {
    return [=](testing::table_model& small) { return drafters::sampled_tree{small, children, mode}; };
  };
  prove("siblings", 3, tree({2, 2}, without), rules::siblings{});
  prove("traversal", 3, tree({2, 2}, without), rules::traversal{});
  prove("traversal with replacement", 3, tree({2, 2}, with), rules::traversal{});
  prove("automatic", 3, tree({2, 2}, without), rules::automatic{});
  prove("k_seq", 3, tree({2, 2}, with), rules::k_seq{});
  prove("selected_path", 3, tree({2, 1}, with), rules::selected_path{});
  prove("match", 3, tree({2, 1}, without), rules::match{});
}

TEST_CASE("drafters: hubs and deterministic trees of a model") {
  const auto hub = [](testing::table_model& small) { return drafters::hub_tree{small, {2, 2}}; };
  const auto top = [](testing::table_model& small) { return drafters::top_k_tree{small, {2, 2}}; };
  const auto best = [](testing::table_model& small) { return drafters::best_first_tree{small, 4}; };
  prove("greedy_hub", 4, hub, rules::greedy_hub{});
  prove("automatic on hubs", 4, hub, rules::automatic{});
  prove("traversal on hubs", 3, hub, rules::traversal{});
  prove("match", 5, top, rules::match{});
  prove("siblings", 4, top, rules::siblings{});
  prove("match, best first", 5, best, rules::match{});
  prove("traversal, best first", 4, best, rules::traversal{});
}

TEST_CASE("drafters: copies of the text") {
  const auto lookup = [](testing::table_model&) { return drafters::prompt_lookup{}; };
  const auto suffix = [](testing::table_model&) { return drafters::suffix{1}; };
  prove("lookup, token", 6, lookup, rules::token{}, lengths::fixed{3});
  prove("lookup, match", 6, lookup, rules::match{}, lengths::fixed{3});
  prove("suffix, block", 6, suffix, rules::block{}, lengths::fixed{3});
  prove("suffix, automatic", 6, suffix, rules::automatic{}, lengths::fixed{3});
}

/// Expected tokens that stand in the first round, by going through every outcome.
template <class Drafter, class Rule>
double accepted(const Drafter& drafter, Rule rule, std::size_t length) {
  testing::table_model target{target_table()};
  testing::proof_options options;
  options.prompt = {1, 2, 0, 1, 2};
  options.tokens = length + 2;
  const testing::proof_report report = testing::prove_lossless(
      [&] {
        return speculative{target, drafter, rule, transforms::temperature{}, lengths::fixed{length}};
      },
      testing::table_law(target_table()), options);
  INFO(report.text());
  CHECK(report.passed());
  return report.first_accepted;
}

TEST_CASE("drafters: under a rule that keeps the text, the most probable tokens are proposed, and more of them stand") {
  const testing::row_table table = testing::blended(target_table(), testing::random_table(3, 2, 105), 0.3);
  testing::table_model small{table};
  const drafters::model chain{small};
  const drafters::sampled_tree tree{small, {2, 1}, replacement::without};
  const drafters::hub_tree hub{small, {2, 1}};
  CHECK(accepted(chain, rules::match{}, 2) > accepted(chain, support::match_of_drawn{}, 2) + 0.05);
  CHECK(accepted(tree, rules::match{}, 2) > accepted(tree, support::match_of_drawn{}, 2) + 0.05);
  CHECK(accepted(hub, rules::match{}, 2) > accepted(hub, support::match_of_drawn{}, 2));

  // The closed form for one token: p of the drafter's most probable one.
  const std::vector<token_id> text{1, 2, 0, 1, 2};
  const std::vector<double> p = testing::table_law(target_table())(text);
  const std::vector<double> q = testing::table_law(table)(text);
  std::size_t best = 0;
  for (std::size_t x = 1; x < q.size(); ++x) best = q[x] > q[best] ? x : best;
  CHECK(std::abs(accepted(chain, rules::match{}, 1) - p[best]) < 1e-12);
}

}  // namespace
