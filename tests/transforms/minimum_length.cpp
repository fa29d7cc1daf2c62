// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/minimum_length.hpp>

#include <proviso/rules/block.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/temperature.hpp>
#include <proviso/transforms/top_k.hpp>

#include "rows.hpp"
#include "support/catch.hpp"
#include "support/endings.hpp"

namespace {

using proviso::transforms::chain;
using proviso::transforms::minimum_length;
using proviso::transforms::temperature;
using proviso::transforms::top_k;
using namespace rows;

TEST_CASE("minimum_length: bans end tokens until enough tokens are out, wherever the draft begins") {
  const std::vector<float> row{1.0F, 3.0F, 2.0F, 0.0F};
  for (std::size_t out = 0; out <= 5; ++out) {
    for (std::size_t drafted = 0; drafted <= out; ++drafted) {
      const tokens prefix(3 + out - drafted, 2);
      const tokens path(drafted, 0);
      law_builder builder;
      law_buffer buffer;
      builder.begin(row, buffer);
      minimum_length{4, {1, 3}}(builder, text_position{prefix, path, 3});
      const law_view law = builder.finish();
      CHECK((law(1) > 0.0) == (out >= 4));
      CHECK((law(3) > 0.0) == (out >= 4));
      CHECK(law(0) > 0.0);
    }
  }
}

TEST_CASE("minimum_length: texts have it, in one piece and in drafts, counted from the end of the prompt") {
  testing::table_model big{testing::random_table(4, 1, 5)};
  testing::table_model small{testing::random_table(4, 1, 6)};
  limits bounds;
  bounds.max_tokens = 40;
  bounds.end_tokens = {1, 2};
  const minimum_length shape{7, bounds.end_tokens};
  std::size_t shortest = 100;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    decoder plain{autoregressive{big, shape}, seed};
    decoder drafted{speculative{big, drafters::model{small}, rules::match{}, shape}, seed};
    decoder block{speculative{big, drafters::model{small}, rules::block{}, shape}, seed};
    for (decoder* d : {&plain, &drafted, &block}) {
      d->run(
          tokens{1, 0, 1}, [](generated_token) {}, bounds);
      CHECK(d->output().size() >= 8);  // seven, and the end token
      shortest = d->output().size() < shortest ? d->output().size() : shortest;
    }
    REQUIRE(plain.output().size() == drafted.output().size());
  }
  CHECK(shortest == 8);
}

TEST_CASE("minimum_length: with other transforms, and what is refused") {
  const std::vector<float> row{1.0F, 3.0F, 2.0F};
  CHECK(law_of(chain{minimum_length{1, {1}}, temperature{0.0F}}, row)[2] == 1.0);
  CHECK(law_of(chain{temperature{0.0F}, minimum_length{1, {1}}}, row)[2] == 1.0);
  CHECK(law_of(chain{top_k{2}, minimum_length{1, {1}}}, row)[2] == 1.0);
  CHECK(same(law_of(minimum_length{0, {1}}, row), softmax(row)));
  CHECK_THROWS_AS(law_of(minimum_length{1, {0, 1, 2}}, row), std::domain_error);
  CHECK_THROWS_AS(law_of(minimum_length{1, {3}}, row), std::invalid_argument);
  CHECK_THROWS_AS((minimum_length{1, {}}), std::invalid_argument);
  CHECK_THROWS_AS((minimum_length{1, {-1}}), std::invalid_argument);
  CHECK(same_when_drafted(minimum_length{30, {4, 5}}));
}

TEST_CASE("minimum_length: drafts with an end inside give exactly the law of texts that end no earlier") {
  const testing::row_table p = testing::random_table(3, 2, 5);
  testing::table_model target{p};
  testing::table_model small{testing::random_table(3, 2, 6)};
  const tokens prompt{1, 0, 1};
  const minimum_length shape{2, {2}};
  const testing::target_law law = [&](std::span<const token_id> text) {
    std::vector<float> row(p.row(text).begin(), p.row(text).end());
    if (text.size() - prompt.size() < 2) row[2] = never;
    return softmax(row);
  };
  const support::endings how = support::all_endings(4)[0];
  const auto prove = [&](auto rule) {
    return support::prove_endings(
        [&] {
          return speculative{target, drafters::model{small}, rule, shape, lengths::fixed{3}};
        },
        law, prompt, how);
  };
  for (const support::ending_proof& found : {prove(rules::block{}), prove(rules::token{}), prove(rules::match{})}) {
    INFO(found.thrown << found.error);
    CHECK(found.thrown.empty());
    CHECK(found.error < 1e-6);  // the law is computed with another exponential
  }
}

}  // namespace
