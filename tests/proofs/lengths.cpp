// SPDX-License-Identifier: Apache-2.0
// Lengths that depend on laws and on the rounds before: the exact law of several rounds.
#include <string>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/parallel.hpp>
#include <proviso/drafters/sampled_tree.hpp>
#include <proviso/lengths/bandit.hpp>
#include <proviso/lengths/confidence.hpp>
#include <proviso/lengths/cost_model.hpp>
#include <proviso/rules/any.hpp>
#include <proviso/rules/block.hpp>
#include <proviso/rules/coupled.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/siblings.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/rules/traversal.hpp>
#include <proviso/testing/prove_lossless.hpp>

#include "support/catch.hpp"
#include "support/drafting.hpp"
#include "support/pieces.hpp"

namespace {

using namespace proviso;

template <class Length, class MakeDrafter>
void prove(const std::string& name, rules::any (*rule)(), std::size_t count, Length length, MakeDrafter make,
           float temperature = 1.0F) {
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, 5), 2);
  testing::table_model target{p};
  testing::table_model draft_model{testing::random_table(3, 2, 105)};
  const transforms::temperature shape{temperature};
  testing::proof_options options;
  options.prompt = {1, 2, 0, 1, 2};
  options.tokens = count;
  for (const support::writing& how : support::all_writings()) {
    const testing::proof_report report = testing::prove_lossless(
        [&] {
          return speculative{target, make(draft_model), rule(), shape, length};
        },
        testing::table_law(p, shape), how.in(options));
    INFO(name << ", " << how.name << "\n" << report.text());
    CHECK(report.passed());
    CHECK(report.most_rounds >= 3);
  }
}

template <class Rule>
rules::any rule() {
  return Rule{};
}

/// Some laws of the drafter are surer than 0.6, some are not.
TEST_CASE("lengths: chains whose length depends on their laws and on earlier rounds") {
  const auto chain = [](testing::table_model& m) { return drafters::model{m}; };
  const lengths::confidence sure{3, 0.6};
  prove("confidence, token", rule<rules::token>, 4, sure, chain);
  prove("confidence, block", rule<rules::block>, 4, sure, chain);
  prove("confidence, traversal", rule<rules::traversal>, 4, sure, chain);
  prove("confidence, match", rule<rules::match>, 4, sure, chain);
  prove("confidence, coupled", rule<rules::coupled>, 4, sure, chain);
  const lengths::cost_model worth{3, 0.25, 0.25};
  prove("cost model, token", rule<rules::token>, 4, worth, chain);
  prove("cost model, block", rule<rules::block>, 5, worth, chain);
  prove("cost model, traversal", rule<rules::traversal>, 4, worth, chain);
  prove("cost model, temperature 0", rule<rules::token>, 9, worth, chain, 0.0F);
  const lengths::bandit learned{{1, 2}, 0.3, 5.0};
  prove("bandit, token", rule<rules::token>, 4, learned, chain);
  prove("bandit, block", rule<rules::block>, 4, learned, chain);
}

TEST_CASE("lengths: drafts from one evaluation") {
  // Token 0 after the text is the mask.
  const auto two = [](testing::table_model& m) { return drafters::parallel{m, {0}}; };
  prove("confidence, token", rule<rules::token>, 4, lengths::confidence{2, 0.6}, two);
  prove("confidence, block", rule<rules::block>, 4, lengths::confidence{2, 0.6}, two);
  prove("cost model, block", rule<rules::block>, 4, lengths::cost_model{2, 0.25, 0.25}, two);
  prove("cost model, temperature 0", rule<rules::token>, 9, lengths::cost_model{2, 0.25, 0.25}, two, 0.0F);
}

TEST_CASE("lengths: trees that grow where the drafter is sure") {
  const auto tree = [](testing::table_model& m) { return drafters::sampled_tree{m, {2, 1}, replacement::without}; };
  prove("confidence, siblings", rule<rules::siblings>, 3, lengths::confidence{2, 0.6}, tree);
  prove("confidence, traversal", rule<rules::traversal>, 3, lengths::confidence{2, 0.6}, tree);
  prove("cost model, siblings", rule<rules::siblings>, 3, lengths::cost_model{2, 0.25, 0.25}, tree);
  prove("cost model, traversal", rule<rules::traversal>, 3, lengths::cost_model{2, 0.25, 0.25}, tree);
}

}  // namespace
