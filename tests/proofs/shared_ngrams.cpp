// SPDX-License-Identifier: Apache-2.0
// Copies from what other texts have taught: the exact law of several rounds.
#include <optional>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/shared_ngrams.hpp>
#include <proviso/rules/block.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/testing/prove_lossless.hpp>

#include "support/catch.hpp"
#include "support/drafting.hpp"
#include "support/pieces.hpp"

namespace {

using namespace proviso;

TEST_CASE("shared_ngrams: the law of every token, with a store that learns from it") {
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, 5), 2);
  testing::table_model target{p};
  const auto prove = [&](auto rule) {
    std::optional<drafters::ngram_store> store;
    testing::proof_options options;
    options.prompt = {1, 2, 0, 1, 2};
    options.tokens = 6;
    for (const support::writing& how : support::all_writings()) {
      const testing::proof_report report = testing::prove_lossless(
          [&] {
            store.emplace(1024);
            return speculative{target, drafters::shared_ngrams{*store, 1, 3, 0.1}, rule, transforms::temperature{},
                               lengths::fixed{2}};
          },
          testing::table_law(p), how.in(options));
      INFO(how.name << "\n" << report.text());
      CHECK(report.passed());
      CHECK(report.most_rounds >= 3);
      if (how.name == support::at_once.name) CHECK(report.accepted > 0.2);
    }
  };
  prove(rules::token{});
  prove(rules::block{});
  prove(rules::match{});
}

}  // namespace
