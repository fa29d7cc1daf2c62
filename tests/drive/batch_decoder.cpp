// SPDX-License-Identifier: Apache-2.0
#include <proviso/drive/batch_decoder.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include <proviso/rules/token.hpp>
#include <proviso/testing/archetypes.hpp>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;

namespace {

struct job {
  int kind;
  token_list prompt;
  std::size_t tokens;
  std::uint64_t seed;
};

struct fleet {
  testing::table_model big = whole_text_model(12);
  testing::table_model small{testing::random_table(12, 1, 5)};
  testing::table_model other = whole_text_model(12, 2.0F);

  sequence make(const job& j) {
    switch (j.kind) {
      case 0:
        return sequence{autoregressive{big}, j.seed};
      case 1:
        return sequence{speculating(big, small), j.seed};
      case 2:
        return sequence{
            speculative{big, drafters::model{small}, rules::token{}, transforms::temperature{0.7F}, lengths::fixed{3}},
            j.seed};
      case 3:
        return sequence{speculating(other, big), j.seed};
      default:
        return sequence{speculative{other, drafters::none{}, rules::match{}}, j.seed};
    }
  }
  token_list alone(const job& j) {
    decoder d{make(j)};
    return decode(d, j.prompt, budget(j.tokens));
  }
};

std::vector<job> jobs(std::size_t count) {
  std::vector<job> all;
  for (std::size_t i = 0; i < count; ++i) {
    token_list prompt;
    for (std::size_t k = 0; k < 1 + i * 5 % 11; ++k) prompt.push_back(static_cast<token_id>((i * 7 + k * 3) % 12));
    all.push_back({static_cast<int>(i % 5), prompt, 5 + i * 3 % 20, i});
  }
  return all;
}

}  // namespace

TEST_CASE("every sequence of a batch has the text that it has alone") {
  fleet f;
  const std::vector<job> all = jobs(15);
  batch_decoder batch;
  std::vector<std::size_t> names;
  for (const job& j : all) names.push_back(batch.add(f.make(j), j.prompt, budget(j.tokens)));
  CHECK(batch.size() == 15);
  batch.run();
  for (std::size_t i = 0; i < all.size(); ++i) {
    INFO(i);
    const sequence& s = batch[names[i]];
    CHECK(s.done());
    CHECK(tokens_of(s.output()) == f.alone(all[i]));
    check_counters(s.stats(), s.output());
  }
}

TEST_CASE("sequences join and leave between ticks") {
  fleet f;
  const std::vector<job> all = jobs(12);
  batch_decoder batch;
  std::vector<std::size_t> names;
  std::size_t added = 0;
  std::size_t removed = 0;
  for (std::size_t tick = 0; added < all.size() || removed < all.size(); ++tick) {
    if (tick % 3 == 0 && added < all.size()) {
      const job& j = all[added++];
      names.push_back(batch.add(f.make(j), j.prompt, budget(j.tokens)));
    }
    batch.tick();
    for (std::size_t i = removed; i < added; ++i) {
      if (i != removed || !batch[names[i]].done()) continue;
      const sequence s = batch.remove(names[i]);
      CHECK(tokens_of(s.output()) == f.alone(all[i]));
      CHECK_THROWS_AS(batch[names[i]], std::invalid_argument);
      ++removed;
    }
    if (tick == 7) {
      // One that leaves in the middle keeps what it has; the others do not notice.
      const std::size_t name = batch.add(f.make(all[1]), all[1].prompt, budget(40));
      for (int i = 0; i < 6; ++i) batch.tick();
      const sequence s = batch.remove(name);
      CHECK(s.done());
      CHECK(s.why() == stop_reason::cancelled);
      const token_list whole = f.alone({all[1].kind, all[1].prompt, 40, all[1].seed});
      CHECK(tokens_of(s.output()) ==
            token_list(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(s.output().size())));
    }
    REQUIRE(tick < 2000);
  }
  CHECK(batch.size() == 0);
  CHECK(!batch.tick());
  CHECK(f.big.counts().open == 0);
  CHECK(f.small.counts().open == 0);
}

TEST_CASE("a sequence that left may join again, or go on in a decoder") {
  fleet f;
  const job j{1, {1, 2, 3}, 12, 5};
  batch_decoder batch;
  const std::size_t name = batch.add(f.make(j), j.prompt, budget(j.tokens));
  for (int i = 0; i < 4; ++i) batch.tick();
  const std::size_t again = batch.add(batch.remove(name), j.prompt, budget(j.tokens));
  CHECK(again != name);
  batch.run();
  CHECK(tokens_of(batch[again].output()) == f.alone(j));
  decoder d{batch.remove(again)};
  CHECK(decode(d, j.prompt, budget(j.tokens)) == f.alone(j));
}

TEST_CASE("a tick makes at most one call per model, for targets and drafters alike") {
  fleet f;
  batch_decoder batch;
  for (const job& j : jobs(10)) batch.add(f.make(j), j.prompt, budget(20));
  std::size_t blocks = 0;
  std::size_t ticks = 0;
  for (bool more = true; more; ++ticks) {
    for (testing::table_model* m : {&f.big, &f.small, &f.other}) m->reset_counts();
    more = batch.tick();
    for (testing::table_model* m : {&f.big, &f.small, &f.other}) {
      CHECK(m->counts().calls <= 1);
      blocks += m->counts().blocks;
    }
  }
  CHECK(blocks > 4 * ticks);  // many sequences share a call
}

/// Evaluates many sessions in one call; the n-th call throws.
class fragile_batch {
 public:
  fragile_batch(testing::table_model& rows, std::size_t call) : rows_{&rows}, call_{call} {}
  using session_type = testing::table_model::session_type;
  std::size_t vocab_size() const { return rows_->vocab_size(); }
  session_type open() { return rows_->open(); }
  void eval(std::span<batch_item<session_type>> items) {
    if (++made_ == call_) throw testing::evaluation_failed{call_};
    rows_->eval(items);
  }

 private:
  testing::table_model* rows_;
  std::size_t call_;
  std::size_t made_ = 0;
};

TEST_CASE("when a call on many sessions throws, its sequences fail and the others get their rows") {
  fleet f;
  fragile_batch unreliable{f.other, 9};
  batch_decoder batch;
  const token_list bad_prompt{1, 2};
  const std::size_t a = batch.add(autoregressive{unreliable}, bad_prompt, budget(20), 1);
  const std::size_t b = batch.add(autoregressive{unreliable}, bad_prompt, budget(20), 2);
  const std::vector<job> all = jobs(6);
  std::vector<std::size_t> good;
  for (std::size_t i = 0; i < 3; ++i) good.push_back(batch.add(f.make(all[i]), all[i].prompt, budget(40)));
  std::vector<std::size_t> asked(good.size());
  bool threw = false;
  while (!threw) {
    for (std::size_t k = 0; k < good.size(); ++k) asked[k] = batch[good[k]].plan()[0].id;
    try {
      batch.tick();
    } catch (const testing::evaluation_failed&) {
      threw = true;
    }
    for (std::size_t k = 0; k < good.size(); ++k) CHECK(!batch[good[k]].is_open(asked[k]));
  }
  REQUIRE(threw);
  CHECK(batch[a].why() == stop_reason::failed);
  CHECK(batch[b].why() == stop_reason::failed);
  CHECK(batch[a].done());
  batch.run();
  for (std::size_t i = 0; i < good.size(); ++i) {
    CHECK(tokens_of(batch[good[i]].output()) == f.alone({all[i].kind, all[i].prompt, 40, all[i].seed}));
  }
  // What was emitted before stays, and both can start again.
  const token_list expected = plain(f.other, bad_prompt, budget(20), 1);
  const token_list had = tokens_of(batch[a].output());
  CHECK(had == token_list(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(had.size())));
  batch[a].start(bad_prompt, budget(20));
  batch.run();
  CHECK(tokens_of(batch[a].output()) == expected);
}

TEST_CASE("where sessions are evaluated one by one, only the one that throws fails") {
  fleet f;
  testing::throws_on unreliable{f.other, 9};
  batch_decoder batch;
  std::vector<std::size_t> names;
  const token_list prompt{1, 2};
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    names.push_back(batch.add(autoregressive{unreliable}, prompt, budget(20), seed));
  }
  CHECK_THROWS_AS(batch.run(), testing::evaluation_failed);
  CHECK(batch[names[0]].output().size() == batch[names[1]].output().size());
  batch.run();
  std::size_t failed = 0;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const sequence& s = batch[names[seed]];
    if (s.why() == stop_reason::failed) {
      ++failed;
      continue;
    }
    CHECK(tokens_of(s.output()) == plain(f.other, prompt, budget(20), seed));
  }
  CHECK(failed == 1);
}

/// Throws in the n-th round, before it asks for anything.
class sudden {
 public:
  sudden(testing::table_model& model, std::size_t rounds) : slot_{model}, rounds_{rounds} {}
  void visit_models(function_ref<void(model_slot&)> f) { f(slot_); }
  task generate(generation& g) {
    co_await g.feed(slot_, 1);
    for (std::size_t i = 0;; ++i) {
      if (i == rounds_) throw std::runtime_error("sudden");
      const logits_rows rows = co_await g.evaluate(slot_, chain_block{g.text().subspan(slot_.length()), 1});
      root_.reset(g.text().back(), g.text().size() - 1, 0);
      g.append(0, origin::fresh, g.law(rows, 0, root_, draft::root(), shape_, law_));
      co_await g.next_round();
    }
  }

 private:
  model_slot slot_;
  std::size_t rounds_;
  draft root_;
  law_buffer law_;
  transforms::temperature shape_;
};

TEST_CASE("when the plan of one sequence throws, the others get their rows in that tick") {
  fleet f;
  batch_decoder batch;
  std::vector<std::size_t> names;
  names.push_back(batch.add(autoregressive{f.big}, token_list{1}, budget(9), 1));
  const std::size_t bad = batch.add(sudden{f.big, 3}, token_list{1}, budget(9), 1);
  names.push_back(batch.add(autoregressive{f.big}, token_list{2}, budget(9), 1));
  for (int i = 0; i < 3; ++i) batch.tick();
  CHECK_THROWS_AS(batch.tick(), std::runtime_error);
  CHECK(batch[bad].why() == stop_reason::failed);
  for (const std::size_t name : names) CHECK(batch[name].output().size() == 4);
  batch.run();
  CHECK(tokens_of(batch[names[1]].output()) == plain(f.big, {2}, budget(9), 1));
}

TEST_CASE("a batch forgets a model when its last sequence is gone") {
  // Models of equal type at different places: what is kept of each would show as memory.
  testing::table_model big = whole_text_model(12);
  batch_decoder batch;
  const std::size_t stays = batch.add(autoregressive{big}, token_list{1}, budget(400), 1);
  std::size_t after_ten = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    auto model = std::make_unique<testing::throws_on>(big, 0);
    const std::size_t name = batch.add(autoregressive{*model}, token_list{2, 3}, budget(2), i);
    while (!batch[name].done()) batch.tick();
    batch.remove(name);
    if (i == 10) after_ten = batch.models();
  }
  CHECK(batch.models() == after_ten);
  CHECK(batch.models() == 1);
  batch.run();
  CHECK(tokens_of(batch[stays].output()) == plain(big, {1}, budget(400), 1));
  batch.remove(stays);
  CHECK(batch.models() == 0);
}

TEST_CASE("when one sequence fails by itself, the others of the call get their rows") {
  testing::table_model rows{
      10, [](std::span<const token_id> text, std::span<float> row) {
        for (std::size_t i = 0; i < row.size(); ++i) {
          row[i] = static_cast<float>((text.size() * 7 + i * 3 + static_cast<std::size_t>(text[0])) % 5);
        }
        if (text[0] == 9 && text.size() == 6) row[0] = std::numeric_limits<float>::quiet_NaN();
      }};
  batch_decoder batch;
  std::vector<std::size_t> names;
  for (const token_id first : {1, 9, 2})
    names.push_back(batch.add(autoregressive{rows}, token_list{first}, budget(15), 3));
  CHECK_THROWS_AS(batch.run(), std::domain_error);
  CHECK(batch[names[1]].why() == stop_reason::failed);
  CHECK(batch[names[1]].output().size() == 5);
  CHECK(batch[names[0]].output().size() == 6);
  CHECK(batch[names[2]].output().size() == 6);
  batch.run();
  CHECK(tokens_of(batch[names[0]].output()) == plain(rows, {1}, budget(15), 3));
  CHECK(tokens_of(batch[names[2]].output()) == plain(rows, {2}, budget(15), 3));
}

TEST_CASE("a prompt that is refused adds nothing") {
  fleet f;
  batch_decoder batch;
  CHECK_THROWS_AS(batch.add(f.make({1, {}, 1, 1}), token_list{}), std::invalid_argument);
  CHECK_THROWS_AS(batch.add(f.make({1, {}, 1, 1}), token_list{12}), std::invalid_argument);
  CHECK(batch.size() == 0);
  CHECK(f.big.counts().open == 0);
  CHECK_THROWS_AS(batch.remove(0), std::invalid_argument);
}

TEST_CASE("a model that cannot evaluate many sessions is called once per sequence") {
  testing::table_model rows = whole_text_model(12);
  testing::chain_only chain{rows, 4};
  batch_decoder batch;
  std::vector<std::size_t> names;
  for (const token_id first : {1, 2, 3})
    names.push_back(batch.add(autoregressive{chain}, token_list{first, 4}, budget(9), 3));
  batch.run();
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(tokens_of(batch[names[i]].output()) == plain(rows, {static_cast<token_id>(i + 1), 4}, budget(9), 3));
  }
}

TEST_CASE("stops trim the sessions of a batch") {
  fleet f;
  batch_decoder batch;
  const token_list prompt{1, 2, 3};
  const token_list whole = f.alone({3, prompt, 30, 4});
  limits l = budget(30);
  l.end_tokens = {whole[11]};
  const std::size_t name = batch.add(f.make({3, prompt, 30, 4}), prompt, l);
  batch.run();
  CHECK(batch[name].why() == stop_reason::end_token);
  // Both sessions go on from the border.
  token_list longer(batch[name].text().begin(), batch[name].text().end());
  longer.push_back(7);
  batch[name].start(longer, budget(10));
  batch.run();
  CHECK(batch[name].stats().prefill_tokens <= 4);
  CHECK(tokens_of(batch[name].output()) == f.alone({3, longer, 10, 4}));
}

TEST_CASE("a sequence that was removed starts on sessions of another engine") {
  testing::table_model big{testing::random_table(6, 3, 1)};
  batch_decoder batch;
  const std::size_t name = batch.add(autoregressive{big}, token_list{1, 2, 3}, budget(6), 7);
  batch.run();
  sequence s = batch.remove(name);
  CHECK(s.why() == stop_reason::budget);
  const token_list text(s.text().begin(), s.text().end());
  any_session session = s.model_slots()[0]->model().open();
  s.start(text, budget(6));
  while (!s.done()) {
    if (const auto open = s.plan(); !open.empty()) s.absorb(open[0].id, answer(session, open[0]));
  }
  decoder alone{autoregressive{big}, 7};
  CHECK(tokens_of(s.output()) == decode(alone, text, budget(6)));
}
