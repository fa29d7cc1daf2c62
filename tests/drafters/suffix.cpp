// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/suffix.hpp>

#include <algorithm>
#include <stdexcept>
#include <type_traits>

#include <proviso/decode/speculative.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/catch.hpp"
#include "support/matching.hpp"

namespace {

using namespace proviso;
using tokens = std::vector<token_id>;

/// Whether `draft` is what suffix drafting may propose: the continuation, at some end of the longest match, of the
/// text or, when its match is longer, of a document.
bool allowed(support::token_span text, const std::vector<tokens>& documents, std::size_t min_match, std::size_t limit,
             const tokens& draft) {
  const std::size_t own = support::longest_repeat(text);
  std::size_t other = 0;
  for (const tokens& document : documents) {
    for (std::size_t e = 1; e <= document.size(); ++e) {
      other = (std::max)(other, support::common_end(document, e, text, text.size()));
    }
  }
  if (other > own && other >= min_match) {
    bool at_end = false;
    for (const tokens& document : documents) {
      for (std::size_t e = 1; e <= document.size(); ++e) {
        if (support::common_end(document, e, text, text.size()) != other) continue;
        const std::size_t size = (std::min)(limit, document.size() - e);
        at_end = at_end || size == 0;
        if (size > 0 && draft == tokens(document.begin() + static_cast<std::ptrdiff_t>(e),
                                        document.begin() + static_cast<std::ptrdiff_t>(e + size))) {
          return true;
        }
      }
    }
    if (!at_end) return false;  // at the end of a document the text's own match serves
  }
  if (own < min_match) return draft.empty();
  for (std::size_t e = 1; e < text.size(); ++e) {
    if (support::common_end(text, e, text, text.size()) != own) continue;
    tokens copy;
    for (std::size_t i = 0; i < limit; ++i) copy.push_back(support::copied(text, e, i));
    if (draft == copy) return true;
  }
  return false;
}

TEST_CASE("suffix: proposes what a search of text and documents finds, round by round") {
  const auto vocab = static_cast<std::size_t>(GENERATE(2, 3, 7));
  const auto min_match = static_cast<std::size_t>(GENERATE(1, 3));
  const bool with_documents = GENERATE(false, true);
  testing::table_model target{testing::random_table(vocab, 1, vocab + min_match)};
  drafters::reference_index index;
  std::vector<tokens> documents;
  if (with_documents) {
    documents = {{0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0}, {}, {1, 1, 0, 0, 1, 0}, {1}};
    for (const tokens& document : documents) index.add(document);
  }
  std::size_t drafts = 0;
  bool all_allowed = true;
  auto check = [&](support::token_span text, std::size_t limit, const tokens& draft) {
    all_allowed = all_allowed && allowed(text, documents, min_match, limit, draft);
    drafts += draft.empty() ? 0U : 1U;
  };
  decoder d{speculative{target, support::watched{drafters::suffix{index, min_match, 0.0}, check}, rules::match{},
                        transforms::temperature{}, lengths::fixed{5}},
            vocab};
  limits bounds;
  bounds.max_tokens = 100;
  tokens prompt{0, 1, 0, 1, 1, 0};
  for (int generation = 0; generation < 6; ++generation) {
    bounds.max_tokens = static_cast<std::size_t>(100 - 20 * generation);
    d.run(
        prompt, [](generated_token) {}, bounds);
    prompt.assign(d.text().begin(), d.text().end());
    if (generation % 2 == 1) prompt = tokens(static_cast<std::size_t>(generation), 1);
  }
  CHECK(all_allowed);
  CHECK(drafts > 0);
}

TEST_CASE("suffix: copies a document that is followed, for several sequences at a time") {
  tokens document;
  for (token_id i = 0; i < 100; ++i) document.push_back(i * 37 % 100);
  drafters::reference_index index;
  index.add(document);
  testing::table_model target{100, [](support::token_span context, std::span<float> row) {
                                for (float& x : row) x = 0.0F;
                                row[static_cast<std::size_t>(context.back() + 37) % 100] = 9.0F;
                              }};
  auto make = [&] {
    return decoder{
        speculative{target, drafters::suffix{index}, rules::match{}, transforms::temperature{0.0F}, lengths::fixed{9}}};
  };
  decoder a = make();
  decoder b = make();
  limits bounds;
  bounds.max_tokens = 90;
  a.start(tokens{0, 37}, bounds);
  b.start(tokens{74, 11}, bounds);
  while (!a.done() || !b.done()) {
    a.step();
    b.step();
  }
  CHECK(a.stats().tokens_per_call() > 6.0);
  CHECK(b.stats().tokens_per_call() > 6.0);
  CHECK(b.output()[0].token == 48);
}

TEST_CASE("suffix: senseless arguments are refused") {
  REQUIRE_THROWS_AS(drafters::suffix{0}, std::invalid_argument);
  REQUIRE_THROWS_AS((drafters::suffix{2, 1.5}), std::invalid_argument);
  drafters::reference_index index;
  REQUIRE_THROWS_AS(index.add(tokens{3, -1}), std::invalid_argument);
  CHECK(index.tokens().empty());
  static_assert(!std::is_constructible_v<drafters::suffix, drafters::reference_index>);  // would not outlive it
}

TEST_CASE("suffix: a new generation begins without what the last one learned") {
  testing::table_model target{testing::random_table(3, 2, 8)};
  decoder d{speculative{target, drafters::suffix{1}, rules::match{}, transforms::temperature{}, lengths::fixed{5}}, 3};
  std::uint64_t first = 0;
  for (int generation = 0; generation < 3; ++generation) {
    limits bounds;
    bounds.max_tokens = 120;
    d.start(tokens{0, 1, 0, 1, 0}, bounds);
    while (!d.done()) d.step();
    CHECK(d.stats().accepted < d.stats().drafted / 2);  // there is something to learn
    if (generation == 0) first = d.stats().drafted;
    CHECK(d.stats().drafted == first);
  }
}

}  // namespace
