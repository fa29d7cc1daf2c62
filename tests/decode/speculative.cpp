// SPDX-License-Identifier: Apache-2.0
#include <proviso/decode/speculative.hpp>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include <proviso/combine/weighted.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/combined.hpp>
#include <proviso/decode/ensemble.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/none.hpp>
#include <proviso/drafters/prompt_lookup.hpp>
#include <proviso/drafters/suffix.hpp>
#include <proviso/drafters/top_k_tree.hpp>
#include <proviso/lengths/heuristic.hpp>
#include <proviso/rules/greedy.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/token.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"
#include "support/drafting.hpp"

namespace {

using namespace proviso;
using support::budget;
using support::tokens;

const tokens repeating_prompt{1, 2, 3, 1, 2, 4, 1, 2};

bool same_text(const decoder& a, const decoder& b) {
  return std::equal(a.output().begin(), a.output().end(), b.output().begin(), b.output().end(),
                    [](const generated_token& x, const generated_token& y) { return x.token == y.token; });
}

/// Decodes step by step and checks what must hold after every round.
void run_speculative(decoder& d, const tokens& text, const limits& bounds) {
  d.start(text, bounds);
  while (!d.done()) {
    d.step();
    const statistics& s = d.stats();
    REQUIRE(d.output().size() <= bounds.max_tokens);
    REQUIRE(d.text().size() == text.size() + d.output().size());
    REQUIRE(s.emitted == d.output().size());
    REQUIRE(s.emitted == s.accepted + s.corrected + s.bonus + s.fresh);
    REQUIRE(s.accepted <= s.drafted);
    REQUIRE(s.target_calls == s.rounds);
    REQUIRE(s.target_tokens == s.target_calls + s.drafted);
  }
  REQUIRE(d.sessions()[0].length() == d.text().size() - 1);
  REQUIRE(d.stats().tokens_per_call() ==
          static_cast<double>(d.output().size()) / static_cast<double>(d.stats().target_calls));
}

/// Runs `check(drafter)` for every drafter.
template <class Check>
void for_each_drafter(testing::table_model& small, const testing::row_table& table, bool trees, Check&& check) {
  drafters::reference_index index;
  index.add(tokens{1, 2, 3, 4, 0, 1, 2, 0, 3, 1});
  check(drafters::none{});
  check(drafters::model{small});
  check(drafters::prompt_lookup{1, 4, 0.0});
  check(drafters::suffix{index, 1, 0.0});
  check(support::pushed_tree{{1, 1, 1}, 5});
  if (trees) {
    check(support::pushed_tree{{2, 2}, 5});
    check(support::sampled_tree{table, 2, replacement::with});
    check(support::sampled_tree{table, 3, replacement::without});
  }
}

TEST_CASE("speculative: at temperature 0 the text is that of plain decoding") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1, 6)));
  testing::table_model target{testing::random_table(5, 2, seed)};
  const testing::row_table near =
      testing::blended(testing::random_table(5, 2, seed), testing::random_table(5, 2, 77), 0.4);
  testing::table_model small{near};
  const transforms::temperature cold{0.0F};
  decoder plain{autoregressive{target, cold}};
  plain.run(
      repeating_prompt, [](generated_token) {}, budget(60));
  for_each_drafter(small, near, true, [&](const auto& drafter) {
    decoder g{speculative{target, drafter, rules::greedy{}, cold, lengths::fixed{6}}};
    decoder m{speculative{target, drafter, rules::match{}, cold, lengths::heuristic{2, 6}}};
    run_speculative(g, repeating_prompt, budget(60));
    run_speculative(m, repeating_prompt, budget(60));
    CHECK(same_text(plain, g));
    CHECK(same_text(plain, m));
  });
  for_each_drafter(small, near, false, [&](const auto& drafter) {
    decoder t{speculative{target, drafter, rules::token{}, cold}};
    run_speculative(t, repeating_prompt, budget(60));
    CHECK(same_text(plain, t));
  });
}

TEST_CASE("speculative: with match the text is that of plain decoding with the same seed") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1, 6)));
  const float temperature = GENERATE(0.7F, 1.0F);
  testing::table_model target{testing::random_table(5, 2, seed)};
  const testing::row_table near =
      testing::blended(testing::random_table(5, 2, seed), testing::random_table(5, 2, 77), 0.4);
  testing::table_model small{near};
  const transforms::temperature warm{temperature};
  decoder plain{autoregressive{target, warm}, seed, 3};
  plain.run(
      repeating_prompt, [](generated_token) {}, budget(60));
  for_each_drafter(small, near, true, [&](const auto& drafter) {
    decoder d{speculative{target, drafter, rules::match{}, warm, lengths::fixed{6}}, seed, 3};
    run_speculative(d, repeating_prompt, budget(60));
    CHECK(same_text(plain, d));
    for (std::size_t i = 0; i < plain.output().size(); ++i) {
      CHECK(plain.output()[i].log_probability == d.output()[i].log_probability);
    }
  });
}

TEST_CASE("speculative: after every round the target holds the text but its last token") {
  const testing::row_table table = testing::random_table(5, 2, 3);
  testing::table_model target{table};
  testing::table_model small{testing::random_table(5, 2, 4)};
  for_each_drafter(small, table, true, [&](const auto& drafter) {
    sequence s{speculative{target, drafter, rules::match{}, transforms::temperature{}, lengths::fixed{6}}, 5};
    std::vector<any_session> sessions;
    for (model_slot* slot : s.model_slots()) sessions.push_back(open_session(*slot));
    s.start(repeating_prompt, budget(40));
    while (!s.done()) {
      for (std::span<const request> open = s.plan(); !open.empty(); open = s.plan()) {
        const request r = open.front();
        s.absorb(r.id, answer(sessions[r.model], r));
        if (s.between_rounds()) break;
      }
      const std::span<const token_id> held = s.model_slots()[0]->tokens();
      REQUIRE(std::equal(held.begin(), held.end(), s.text().begin(), s.text().end() - 1));
    }
  });
}

TEST_CASE("speculative: limits cut the same text at the same place, whatever was drafted beyond") {
  testing::table_model target{testing::random_table(5, 2, 3)};
  const testing::row_table table = testing::random_table(5, 2, 3);
  testing::table_model small{table};
  limits bounds = budget(40);
  const int kind = GENERATE(0, 1, 2, 3, 4);
  if (kind == 0) bounds.end_tokens = {4};
  if (kind == 1) bounds.stop_sequences = {{0, 0}, {3, 1}};
  if (kind == 2) bounds.max_tokens = 1;
  if (kind == 3) bounds.max_tokens = 2;
  decoder plain{autoregressive{target}, 5};
  plain.run(
      repeating_prompt, [](generated_token) {}, bounds);
  for_each_drafter(small, table, true, [&](const auto& drafter) {
    decoder d{speculative{target, drafter, rules::match{}, transforms::temperature{}, lengths::fixed{7}}, 5};
    run_speculative(d, repeating_prompt, bounds);
    CHECK(same_text(plain, d));
    CHECK(plain.why() == d.why());
    CHECK(d.sessions()[0].length() == d.text().size() - 1);
  });
}

TEST_CASE("speculative: capacity and rewind horizon of the target clip drafts, not the text") {
  const testing::row_table table = testing::random_table(5, 2, 3);
  const auto capacity = static_cast<std::size_t>(GENERATE(8, 9, 13, 30));
  const auto horizon = static_cast<std::size_t>(GENERATE(0, 1, 2, 4));
  testing::table_model target{table, capacity, horizon};
  testing::table_model small{table};
  decoder plain{autoregressive{target}, 5};
  plain.run(
      repeating_prompt, [](generated_token) {}, budget(100));
  CHECK(plain.why() == stop_reason::capacity);
  CHECK(plain.text().size() == capacity + 1);
  for_each_drafter(small, table, false, [&](const auto& drafter) {
    decoder d{speculative{target, drafter, rules::match{}}, 5};
    run_speculative(d, repeating_prompt, budget(100));
    CHECK(same_text(plain, d));
    CHECK(d.why() == stop_reason::capacity);
  });
}

TEST_CASE("speculative: a restart with a longer prompt reuses what the sessions hold") {
  const testing::row_table table = testing::random_table(5, 2, 3);
  testing::table_model target{table};
  testing::table_model small{testing::random_table(5, 2, 4)};
  for_each_drafter(small, table, true, [&](const auto& drafter) {
    decoder d{speculative{target, drafter, rules::match{}}, 5};
    run_speculative(d, repeating_prompt, budget(30));
    tokens longer(d.text().begin(), d.text().end());
    longer.insert(longer.end(), {1, 2, 3});
    target.reset_counts();
    d.start(longer, budget(30));
    d.step();
    CHECK(target.counts().tokens == 4 + d.stats().drafted);
    while (!d.done()) d.step();

    decoder fresh{speculative{target, drafter, rules::match{}}, 5};
    run_speculative(fresh, longer, budget(30));
    CHECK(same_text(d, fresh));
    run_speculative(d, repeating_prompt, budget(30));  // back to the first prompt
    run_speculative(fresh, repeating_prompt, budget(30));
    CHECK(same_text(d, fresh));
  });
}

TEST_CASE("speculative: the same seed gives the same text again, also where the text depends on drafts") {
  const testing::row_table table = testing::random_table(5, 2, 3);
  testing::table_model target{table};
  testing::table_model small{testing::random_table(5, 2, 4)};
  for_each_drafter(small, table, false, [&](const auto& drafter) {
    decoder d{speculative{target, drafter, rules::token{}, transforms::temperature{}, lengths::heuristic{2, 8}}, 5};
    run_speculative(d, repeating_prompt, budget(50));
    const std::vector<generated_token> first(d.output().begin(), d.output().end());
    run_speculative(d, repeating_prompt, budget(50));
    CHECK(std::equal(first.begin(), first.end(), d.output().begin(), d.output().end(),
                     [](const generated_token& x, const generated_token& y) { return x.token == y.token; }));
  });
}

TEST_CASE("speculative: depth counters add up to drafted and accepted tokens of chains") {
  const testing::row_table table = testing::random_table(5, 2, 3);
  testing::table_model target{table};
  testing::table_model small{testing::random_table(5, 2, 4)};
  decoder d{speculative{target, drafters::model{small}, rules::token{}}, 5};
  run_speculative(d, repeating_prompt, budget(100));
  std::uint64_t drafted = 0;
  std::uint64_t accepted = 0;
  for (std::size_t i = 0; i < d.stats().drafted_at.size(); ++i) {
    drafted += d.stats().drafted_at[i];
    accepted += d.stats().accepted_at[i];
    CHECK(d.stats().accepted_at[i] <= d.stats().drafted_at[i]);
  }
  CHECK(drafted == d.stats().drafted);
  CHECK(accepted == d.stats().accepted);
  CHECK(d.stats().acceptance_rate() == static_cast<double>(accepted) / static_cast<double>(drafted));
}

TEST_CASE("speculative: a drafted token outside the vocabulary is named before the model sees it") {
  testing::table_model target{testing::random_table(5, 1, 1)};
  decoder d{speculative{target, support::pushed_tree{{1}, 1000}, rules::match{}}};
  d.start(repeating_prompt);
  REQUIRE_THROWS_AS(d.step(), std::out_of_range);
  CHECK(d.why() == stop_reason::failed);
}

TEST_CASE("speculative: reports of own laws are those of plain decoding, for one model and for several") {
  testing::table_model target{testing::random_table(5, 2, 3)};
  testing::table_model peer{testing::random_table(5, 2, 9)};
  testing::table_model small{testing::blended(testing::random_table(5, 2, 3), testing::random_table(5, 2, 4), 0.3)};
  limits bounds = budget(40);
  bounds.best_tokens = 2;
  const auto compare = [&](decoder plain, decoder d) {
    support::decode(plain, repeating_prompt, bounds);
    support::decode(d, repeating_prompt, bounds);
    REQUIRE(same_text(plain, d));
    CHECK(d.stats().accepted > 5);
    for (std::size_t i = 0; i < 40; ++i) {
      const own_law_report a = plain.report(i);
      const own_law_report b = d.report(i);
      CHECK(a.log_probability == b.log_probability);
      CHECK(a.log_probability < 0.0F);
      REQUIRE(b.best.size() == 2);
      CHECK(a.best[1].token == b.best[1].token);
      CHECK(a.best[1].log_probability == b.best[1].log_probability);
    }
  };
  const transforms::temperature cold{0.0F};
  const auto both = [&] { return combined{combine::weighted{0.5, 0.5}, target, peer}; };
  compare(decoder{autoregressive{target, cold}},
          decoder{speculative{target, drafters::model{small}, rules::token{}, cold}});
  compare(decoder{autoregressive{target}, 3}, decoder{speculative{target, drafters::model{small}, rules::match{}}, 3});
  compare(decoder{autoregressive{both(), cold}},
          decoder{speculative{both(), drafters::model{small}, rules::token{}, cold}});
  compare(decoder{autoregressive{both(), cold}}, decoder{ensemble{both(), {2, 1}, cold}});
}

/// "{ a* } EOS": no word follows the last one, and asking for it is an error.
struct braces {
  void operator()(law_builder& row, const text_position& where) const {
    token_id last = where.path.empty() ? where.prefix.back() : where.path.back();
    if (last == 0) throw std::logic_error("the grammar was asked for a word after its last");
    std::span<float> logits = row.edit();
    for (std::size_t x = 0; x < logits.size(); ++x) {
      const bool fits = last == 3 ? x == 0 : x == 2 || x == 3;
      if (!fits) logits[x] = -std::numeric_limits<float>::infinity();
    }
    row.divide(0.0F);
  }
};

TEST_CASE("speculative: a grammar whose last word is the end token, and nothing drafted behind it") {
  // EOS { a }; the model writes four words a, then closes.
  const auto rows = [](std::span<const token_id> text, std::span<float> row) {
    for (float& x : row) x = 0.0F;
    row[text.size() < 5 ? 2 : 3] = 1.0F;
  };
  testing::table_model target{4, rows};
  testing::table_model small{4, rows};
  limits bounds = budget(64);
  bounds.end_tokens = {0};
  const tokens expected{2, 2, 2, 2, 3, 0};
  decoder plain{autoregressive{target, braces{}}};
  CHECK(support::decode(plain, {1}, bounds) == expected);

  decoder d{speculative{target, drafters::model{small}, rules::token{}, braces{}, lengths::fixed{8}}};
  CHECK(support::decode(d, {1}, bounds) == expected);
  CHECK(d.why() == stop_reason::end_token);
  CHECK(d.stats().drafted == 6);
  CHECK(d.stats().accepted == 6);
  CHECK(d.stats().acceptance_rate() == 1.0);
  CHECK(d.stats().drafter_calls == 6);
  CHECK(d.stats().target_calls == 1);
  CHECK(d.stats().drafted_at[5] == 1);
  CHECK(d.stats().drafted_at[6] == 0);

  // The same where the budget ends the text.
  d.start(tokens{1}, budget(5));
  while (!d.done()) d.step();
  CHECK(d.stats().drafted == 4);
  CHECK(d.stats().accepted == 4);

  decoder tree{speculative{target, drafters::top_k_tree{small, {1, 1, 1, 1, 1, 1, 1}}, rules::match{}, braces{},
                           lengths::fixed{7}}};
  CHECK(support::decode(tree, {1}, bounds) == expected);
  CHECK(tree.stats().drafter_calls == 6);  // no level below the end
}

}  // namespace
