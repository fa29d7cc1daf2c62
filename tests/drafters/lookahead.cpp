// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/lookahead.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include <proviso/combine/weighted.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/combined.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/any.hpp>
#include <proviso/drafters/none.hpp>
#include <proviso/drafters/router.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"

namespace {

using namespace proviso;
using support::budget;
using support::short_prompt;
using tokens = std::vector<token_id>;

/// Token t of `words` is followed by 7 t + 3.
testing::table_model certain(std::size_t words, std::size_t capacity = unlimited) {
  return {words,
          [words](std::span<const token_id> text, std::span<float> row) {
            std::fill(row.begin(), row.end(), 0.0F);
            row[(static_cast<std::size_t>(text.back()) * 7 + 3) % words] = 30.0F;
          },
          capacity};
}

template <class See>
void watch(testing::table_model& model, const drafters::lookahead& drafter, const limits& bounds, See see) {
  sequence s{speculative{model, drafter, rules::match{}, transforms::temperature{}, lengths::fixed{3}}, 3};
  any_session session = open_session(*s.model_slots()[0]);
  s.start(short_prompt, bounds);
  while (!s.done()) {
    for (std::span<const request> open = s.plan(); !open.empty(); open = s.plan()) {
      const request r = open.front();
      if (r.block.size() > 0 && r.block.nodes.want > 0) see(r.block.nodes, s.text());
      s.absorb(r.id, answer(session, r));
    }
  }
}

TEST_CASE("lookahead: columns become n-grams that are guessed when their first token comes") {
  // The prompt has no n-grams to guess from: what is known comes from the window.
  testing::table_model model = certain(31);
  decoder d{
      speculative{model, drafters::lookahead{5, 4, 4}, rules::match{}, transforms::temperature{}, lengths::fixed{3}}};
  d.run(
      short_prompt, [](generated_token) {}, budget(60));
  for (std::size_t i = short_prompt.size(); i < d.text().size(); ++i)
    CHECK(d.text()[i] == (d.text()[i - 1] * 7 + 3) % 31);
  CHECK(d.stats().accepted > 20);
  CHECK(d.stats().tokens_per_call() > 1.5);
  CHECK(d.stats().drafted_at[2] > 0);
}

TEST_CASE("lookahead: the window of the paper, a chain below the root and a branch for every column") {
  testing::table_model model = certain(101);
  const std::size_t width = 4;
  const std::size_t gram = 3;
  std::size_t round = 0;
  watch(model, drafters::lookahead{width, gram, 2}, budget(30),
        [&](const tree_block& b, std::span<const token_id> text) {
          if (text.size() + 4 > short_prompt.size() + 30) return;
          ++round;
          const std::size_t levels = round < gram ? round : gram - 1;
          REQUIRE(b.tokens.size() >= 1 + width * levels);
          const std::size_t first = b.tokens.size() - width * levels;  // guesses stand before the window
          std::vector<node_id> front{0};
          for (std::size_t j = 0; j < width; ++j) {
            const std::size_t node = first + j * levels;
            CHECK(b.parent(node) == front.back());
            front.push_back(static_cast<node_id>(node));
            for (std::size_t l = 1; l < levels; ++l) {
              CHECK(b.parent(node + l) == static_cast<node_id>(node + l) - 1);
              CHECK(b.tokens[node + l] == (b.tokens[node + l - 1] * 7 + 3) % 101);  // what the rounds before found
            }
          }
        });
  CHECK(round > 5);
}

TEST_CASE("lookahead: the text is that of plain decoding, with and without room") {
  const auto capacity = static_cast<std::size_t>(GENERATE(20, 60, 400));
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3));
  testing::table_model wide{testing::random_table(5, 2, 1, 3.0F)};
  testing::table_model model{testing::random_table(5, 2, 1, 3.0F), capacity};
  decoder plain{autoregressive{wide}, seed};
  plain.run(
      short_prompt, [](generated_token) {}, budget(80));
  decoder d{
      speculative{model, drafters::lookahead{4, 3, 3}, rules::match{}, transforms::temperature{}, lengths::fixed{4}},
      seed};
  d.run(
      short_prompt, [](generated_token) {}, budget(80));
  CHECK(d.text().size() == std::min<std::size_t>(capacity + 1, 83));
  CHECK(std::equal(d.text().begin(), d.text().end(), plain.text().begin()));
  CHECK(d.stats().accepted > 0);
}

TEST_CASE("lookahead: guesses are a tree without equal siblings, never deeper or wider than the pool") {
  testing::table_model model{testing::random_table(4, 2, 1, 3.0F)};
  std::size_t branches = 0;
  watch(model, drafters::lookahead{3, 4, 3}, budget(60), [&](const tree_block& b, std::span<const token_id> text) {
    if (text.size() + 4 > short_prompt.size() + 60) return;
    const std::size_t window = 3 * 3;
    if (b.tokens.size() < 1 + window) return;  // it still grows
    const std::size_t guesses = b.tokens.size() - window;
    CHECK(guesses <= 1 + 3 * 3);
    for (std::size_t i = 1; i < guesses; ++i) {
      for (std::size_t j = 1; j < i; ++j) {
        if (b.parent(i) != b.parent(j)) continue;
        CHECK(b.tokens[i] != b.tokens[j]);
        ++branches;
      }
    }
  });
  CHECK(branches > 0);
}

TEST_CASE("lookahead: rows that are no law do not stop it") {
  testing::table_model model{5, [](std::span<const token_id> text, std::span<float> row) {
                               std::fill(row.begin(), row.end(), 0.0F);
                               row[static_cast<std::size_t>(text.back() + 1) % 5] = 30.0F;
                               if (text.size() > 1 && text[text.size() - 2] == text.back()) {
                                 row[0] = std::numeric_limits<float>::quiet_NaN();
                               }
                             }};
  decoder d{speculative{model, drafters::lookahead{}, rules::match{}}};
  d.run(
      short_prompt, [](generated_token) {}, budget(40));
  CHECK(d.output().size() == 40);
}

TEST_CASE("lookahead: wrong configurations are refused") {
  CHECK_THROWS_AS((drafters::lookahead{0, 3, 3}), std::invalid_argument);
  CHECK_THROWS_AS((drafters::lookahead{3, 1, 3}), std::invalid_argument);
  CHECK_THROWS_AS((drafters::lookahead{3, 3, 0}), std::invalid_argument);
  testing::table_model a = certain(5);
  testing::table_model b = certain(5);
  const auto over_ensemble = [&](auto drafter) {
    return speculative{combined{combine::weighted{0.5, 0.5}, a, b}, std::move(drafter)};
  };
  CHECK_THROWS_AS(over_ensemble(drafters::any{drafters::lookahead{}}), std::invalid_argument);
  drafters::router pool;
  pool.add(drafters::none{});
  pool.add(drafters::lookahead{});
  CHECK_THROWS_AS(over_ensemble(std::move(pool)), std::invalid_argument);
}

TEST_CASE("lookahead: a continuation that comes again moves to the front, also from the last place of the pool") {
  testing::table_model model = certain(31);
  const tokens prompt{5, 1, 5, 2, 5, 3, 5, 1, 5};
  sequence s{
      speculative{model, drafters::lookahead{2, 2, 3}, rules::match{}, transforms::temperature{}, lengths::fixed{3}}};
  any_session session = open_session(*s.model_slots()[0]);
  s.start(prompt, budget(20));
  for (;;) {
    const std::span<const request> open = s.plan();
    REQUIRE(!open.empty());
    const request r = open.front();
    if (r.block.nodes.want > 0) {  // the root, what followed it, the newest first, and the window
      REQUIRE(r.block.size() >= 4);
      CHECK(r.block.nodes.tokens[1] == 1);
      CHECK(r.block.nodes.tokens[2] == 3);
      CHECK(r.block.nodes.tokens[3] == 2);
      CHECK(r.block.nodes.parent(3) == 0);
      break;
    }
    s.absorb(r.id, answer(session, r));
  }
}

}  // namespace
