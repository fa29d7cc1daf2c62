// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/prompt_lookup.hpp>

#include <algorithm>
#include <stdexcept>

#include <proviso/decode/speculative.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/catch.hpp"
#include "support/matching.hpp"

namespace {

using namespace proviso;
using tokens = std::vector<token_id>;

/// What prompt lookup promises, by comparing everything: longest match within the bounds, the latest on ties.
tokens reference(support::token_span text, std::size_t min_match, std::size_t max_match, std::size_t limit) {
  std::size_t length = 0;
  std::size_t end = 0;
  for (std::size_t e = 1; e < text.size(); ++e) {
    const std::size_t n = (std::min)(support::common_end(text, e, text, text.size()), max_match);
    if (n >= min_match && n >= length) {
      length = n;
      end = e;
    }
  }
  tokens out;
  for (std::size_t i = 0; i < limit && length > 0; ++i) out.push_back(support::copied(text, end, i));
  return out;
}

TEST_CASE("prompt_lookup: proposes what a search of the whole text finds, round by round") {
  const auto vocab = static_cast<std::size_t>(GENERATE(2, 3, 7));
  const auto min_match = static_cast<std::size_t>(GENERATE(1, 2, 4));
  const auto max_match = min_match + static_cast<std::size_t>(GENERATE(0, 1, 5));
  testing::table_model target{testing::random_table(vocab, 1, vocab + min_match)};
  std::size_t drafts = 0;
  bool same = true;
  auto check = [&](support::token_span text, std::size_t limit, const tokens& draft) {
    same = same && draft == reference(text, min_match, max_match, limit);
    drafts += draft.empty() ? 0U : 1U;
  };
  decoder d{speculative{target, support::watched{drafters::prompt_lookup{min_match, max_match, 0.0}, check},
                        rules::match{}, transforms::temperature{}, lengths::fixed{6}},
            vocab};
  limits bounds;
  bounds.max_tokens = 150;
  tokens prompt{0, 1, 0, 1, 1, 0};
  for (int generation = 0; generation < 6; ++generation) {
    bounds.max_tokens = static_cast<std::size_t>(150 - 20 * generation);
    d.run(
        prompt, [](generated_token) {}, bounds);
    prompt.assign(d.text().begin(), d.text().end());  // a longer prompt, then other ones
    if (generation % 2 == 1) prompt = tokens(static_cast<std::size_t>(generation), 1);
  }
  CHECK(same);
  CHECK(drafts > 0);
}

TEST_CASE("prompt_lookup: a text beyond the reserved room") {
  testing::table_model target{testing::random_table(5, 2, 3, 6.0F)};
  std::size_t last = 0;
  bool same = true;
  auto check = [&](support::token_span text, std::size_t limit, const tokens& draft) {
    if (text.size() < last + 500) return;
    last = text.size();
    same = same && draft == reference(text, 2, 6, limit);
  };
  decoder d{speculative{target, support::watched{drafters::prompt_lookup{2, 6, 0.0}, check}, rules::match{}}};
  limits bounds;
  bounds.max_tokens = 20000;
  d.run(
      tokens{1, 2}, [](generated_token) {}, bounds);
  CHECK(same);
  CHECK(last > 18000);
}

TEST_CASE("prompt_lookup: proposes nothing without a match") {
  testing::table_model target{8, [](support::token_span context, std::span<float> row) {
                                for (float& x : row) x = 0.0F;
                                row[context.size() % 8] = 9.0F;  // counts up: no token comes twice in 8
                              }};
  decoder d{speculative{target, drafters::prompt_lookup{2}, rules::match{}, transforms::temperature{0.0F}}};
  limits bounds;
  bounds.max_tokens = 7;
  d.run(
      tokens{0}, [](generated_token) {}, bounds);
  CHECK(d.stats().drafted == 0);
  CHECK(d.stats().target_tokens == d.stats().target_calls);
}

TEST_CASE("prompt_lookup: a loop is copied in long drafts, a text that never agrees is left alone") {
  limits bounds;
  bounds.max_tokens = 400;
  SECTION("loop") {
    testing::table_model target{testing::random_table(16, 1, 5, 8.0F)};
    decoder d{speculative{target, drafters::prompt_lookup{}, rules::match{}, transforms::temperature{0.0F},
                          lengths::fixed{7}}};
    d.run(
        tokens{1, 2, 3}, [](generated_token) {}, bounds);
    CHECK(d.stats().tokens_per_call() > 5.0);
  }
  SECTION("coin flips") {
    testing::table_model target{testing::random_table(16, 0, 5, 0.0F)};  // every token has probability 1 / 16
    decoder d{
        speculative{target, drafters::prompt_lookup{1}, rules::match{}, transforms::temperature{}, lengths::fixed{7}}};
    d.run(
        tokens{1, 2, 3}, [](generated_token) {}, bounds);
    CHECK(d.stats().drafted > 0);
    CHECK(d.stats().drafted < 40);
  }
}

TEST_CASE("prompt_lookup: senseless bounds are refused") {
  REQUIRE_THROWS_AS((drafters::prompt_lookup{0, 4}), std::invalid_argument);
  REQUIRE_THROWS_AS((drafters::prompt_lookup{5, 4}), std::invalid_argument);
  REQUIRE_THROWS_AS((drafters::prompt_lookup{2, 65}), std::invalid_argument);
  REQUIRE_THROWS_AS((drafters::prompt_lookup{2, 4, -1.0}), std::invalid_argument);
}

}  // namespace
