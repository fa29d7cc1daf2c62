// SPDX-License-Identifier: Apache-2.0
// Drafts from independent laws and from lookahead windows: the exact law of several rounds.
#include <string>
#include <utility>
#include <vector>

#include <proviso/drafters/lookahead.hpp>
#include <proviso/drafters/parallel.hpp>
#include <proviso/proviso.hpp>
#include <proviso/testing/prove_lossless.hpp>

#include "support/catch.hpp"
#include "support/drafting.hpp"
#include "support/masked.hpp"
#include "support/pieces.hpp"

namespace {

using namespace proviso;
using make_rule = rules::any (*)();

template <class Drafter>
void prove(const std::string& name, testing::table_model& target, const testing::target_law& law,
           const Drafter& drafter, make_rule rule, std::size_t length, std::size_t tokens) {
  testing::proof_options options;
  options.prompt = {1, 0, 1};
  options.tokens = tokens;
  for (const support::writing& how : support::all_writings()) {
    const testing::proof_report report = testing::prove_lossless(
        [&] {
          return speculative{target, drafter, rule(), transforms::temperature{}, lengths::fixed{length}};
        },
        law, how.in(options));
    INFO(name << ", " << how.name << "\n" << report.text());
    CHECK(report.passed());
    if (how.name == support::at_once.name) CHECK(report.accepted > 0.1);
  }
}

const std::vector<std::pair<std::string, make_rule>>& chain_rules() {
  static const std::vector<std::pair<std::string, make_rule>> all{
      {"token", [] { return rules::any{rules::token{}}; }},
      {"block", [] { return rules::any{rules::block{}}; }},
      {"coupled", [] { return rules::any{rules::coupled{}}; }},
      {"match", [] { return rules::any{rules::match{}}; }},
      {"automatic", [] { return rules::any{rules::automatic{}}; }}};
  return all;
}

TEST_CASE("parallel: the law of every token is the target's") {
  const support::masked_rows p = support::random_masks(3, 2, 21);
  const support::masked_rows q = support::random_masks(3, 2, 22);
  testing::table_model target = support::model_of(p);
  const testing::target_law law = testing::row_law(p.vocab(), p);
  testing::table_model small = support::model_of(q);
  for (const auto& [name, rule] : chain_rules()) {
    for (const auto row : {drafters::mask_row::next, drafters::mask_row::own}) {
      for (const auto sight : {drafters::mask_sight::earlier, drafters::mask_sight::all}) {
        const drafters::parallel drafter{small, q.tokens(), row, sight};
        prove(name, target, law, drafter, rule, drafter.size(), 4);
      }
    }
  }
}

TEST_CASE("lookahead: the law of every token is the target's") {
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, 23), 2);
  testing::table_model target{p};
  const testing::target_law law = testing::table_law(p);
  const drafters::lookahead drafter{3, 3, 2};
  prove(
      "match", target, law, drafter, [] { return rules::any{rules::match{}}; }, 2, 6);
  prove(
      "siblings", target, law, drafter, [] { return rules::any{rules::siblings{}}; }, 2, 5);
  prove(
      "traversal", target, law, drafter, [] { return rules::any{rules::traversal{}}; }, 2, 5);
  prove(
      "automatic", target, law, drafter, [] { return rules::any{rules::automatic{}}; }, 2, 6);
}

}  // namespace
