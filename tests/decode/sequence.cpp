// SPDX-License-Identifier: Apache-2.0
#include <proviso/decode/sequence.hpp>

#include <cstddef>
#include <stdexcept>
#include <vector>

#include <proviso/drive/answer.hpp>
#include <proviso/drive/batch_decoder.hpp>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;

namespace {

const token_list prompt_of_five{3, 1, 4, 1, 5};

/// Draws every token from the mean of the logits of two models; both evaluations are open at once.
class mean_of_two {
 public:
  mean_of_two(testing::table_model& a, testing::table_model& b) : a_{a}, b_{b} {}
  void visit_models(function_ref<void(model_slot&)> f) {
    f(a_);
    f(b_);
  }
  task generate(generation& g) {
    co_await g.feed(a_, 1);
    co_await g.feed(b_, 1);
    while (g.running()) {
      g.draft_limit(a_, 0);
      root_.reset(g.text().back(), g.text().size() - 1, 0);
      if (!g.running()) break;
      request_board::evaluation of_a = g.evaluate(a_, root_.block());
      request_board::evaluation of_b = g.evaluate(b_, root_.block());
      const logits_rows x = co_await of_a;
      const logits_rows y = co_await of_b;
      mean_.resize(x.cols());
      for (std::size_t i = 0; i < mean_.size(); ++i) mean_[i] = 0.5F * (x.row(0, {})[i] + y.row(0, {})[i]);
      laws_.clear(1);
      const logits_view<float> row{mean_.data(), 1, mean_.size()};
      const law_view p = laws_.get(root_, draft::root(),
                                   [&](law_buffer& out) { return g.law(row, 0, root_, draft::root(), shape_, out); });
      g.append(g.random().pick_token(p, g.text().size()), origin::fresh, p);
      g.count_round();
      co_await g.next_round();
    }
  }

 private:
  model_slot a_, b_;
  transforms::temperature shape_;
  draft root_;
  law_cache laws_;
  std::vector<float> mean_;
};

/// While the target is evaluated, a task lets a second model evaluate the same token and the one that it likes best
/// after it; its argmax is counted, the text is the target's. `impatient` drops the task when the target is first.
class ahead {
 public:
  ahead(testing::table_model& target, testing::table_model& other, bool impatient)
      : target_{target}, other_{other}, impatient_{impatient} {}
  void visit_models(function_ref<void(model_slot&)> f) {
    f(target_);
    f(other_);
  }
  task look(generation& g) {
    co_await g.feed(other_, 1);
    logits_rows rows = co_await g.evaluate(other_, chain_block{g.text().subspan(other_.length()), 1});
    guess_ = static_cast<token_id>(numeric::first_equal(rows.row(0, {}), numeric::maximum(rows.row(0, {})).value));
    rows = co_await g.evaluate(other_, chain_block{{&guess_, 1}, 1});
    ++looked;
  }
  task generate(generation& g) {
    co_await g.feed(target_, 1);
    while (g.running()) {
      g.draft_limit(target_, 0);
      root_.reset(g.text().back(), g.text().size() - 1, 0);
      if (!g.running()) break;
      task looking = look(g);
      looking.start();
      const logits_rows rows = co_await g.evaluate(target_, root_.block());
      laws_.clear(1);
      const law_view p = laws_.get(root_, draft::root(),
                                   [&](law_buffer& out) { return g.law(rows, 0, root_, draft::root(), shape_, out); });
      const token_id drawn = g.random().pick_token(p, g.text().size());
      if (!impatient_) co_await looking;
      g.append(drawn, origin::fresh, p);
      g.count_round();
      looking = task{};
      co_await g.next_round();
    }
  }
  inline static std::size_t looked = 0;

 private:
  model_slot target_, other_;
  bool impatient_;
  transforms::temperature shape_;
  draft root_;
  law_cache laws_;
  token_id guess_ = 0;
};

/// Answers by hand; `newest_first` answers the youngest open request first.
struct by_hand {
  explicit by_hand(sequence& s) : text{&s} {
    for (model_slot* slot : s.model_slots()) sessions.push_back(open_session(*slot));
  }
  void run(bool newest_first) {
    while (!text->done()) {
      for (auto open = text->plan(); !open.empty(); open = text->plan()) {
        most_open = open.size() > most_open ? open.size() : most_open;
        const request r = newest_first ? open.back() : open.front();
        text->absorb(r.id, answer(sessions[r.model], r));
      }
    }
  }
  sequence* text;
  std::vector<any_session> sessions;
  std::size_t most_open = 0;
};

token_list output_of(const sequence& s) { return tokens_of(s.output()); }

}  // namespace

TEST_CASE("a sequence is driven by hand, one request after another") {
  testing::table_model big = whole_text_model(10);
  testing::table_model small{testing::random_table(10, 1, 5)};
  sequence s{speculating(big, small), 7};
  CHECK(s.done());
  CHECK(s.plan().empty());
  CHECK(s.model_slots().size() == 2);
  by_hand driver{s};
  s.start(prompt_of_five, budget(20));
  CHECK(!s.done());
  CHECK(!s.between_rounds());

  const auto first = s.plan();
  REQUIRE(first.size() == 1);
  CHECK(first[0].model == 0);
  CHECK(first[0].block.nodes.want == 0);
  CHECK(first[0].block.size() == 4);
  CHECK(s.is_open(first[0].id));
  CHECK(s.plan().data() == first.data());  // asking again changes nothing

  driver.run(false);
  CHECK(driver.most_open == 1);
  CHECK(output_of(s) == plain(big, prompt_of_five, budget(20), 7));
  CHECK(s.why() == stop_reason::budget);
  CHECK(driver.sessions[0].length() == s.text().size() - 1);
  CHECK(driver.sessions[1].length() <= s.text().size());
  check_counters(s.stats(), s.output());
}

TEST_CASE("absorbing an unknown or answered request is an error and leaves the sequence as it was") {
  testing::table_model big = whole_text_model(10);
  sequence s{autoregressive{big}, 7};
  by_hand driver{s};
  s.start(prompt_of_five, budget(5));
  const request r = s.plan()[0];
  CHECK_THROWS_AS(s.absorb(r.id + 1, logits_rows{}), std::invalid_argument);
  CHECK(s.is_open(r.id));
  s.absorb(r.id, answer(driver.sessions[0], r));
  CHECK(!s.is_open(r.id));
  CHECK_THROWS_AS(s.absorb(r.id, logits_rows{}), std::invalid_argument);
  driver.run(false);
  CHECK(output_of(s) == plain(big, prompt_of_five, budget(5), 7));
}

TEST_CASE("two evaluations at once give the same text whatever is answered first") {
  testing::table_model a = whole_text_model(10);
  testing::table_model b{testing::random_table(10, 2, 5)};
  testing::table_model mean{10, [&](std::span<const token_id> text, std::span<float> row) {
                              testing::table_model::session_type s = a.open();
                              testing::table_model::session_type t = b.open();
                              const auto x = s.eval(chain_block{text, 1}).row(0);
                              const auto y = t.eval(chain_block{text, 1}).row(0);
                              for (std::size_t i = 0; i < row.size(); ++i) row[i] = 0.5F * (x[i] + y[i]);
                            }};
  const token_list expected = plain(mean, prompt_of_five, budget(15), 2);
  for (const bool newest_first : {false, true}) {
    sequence s{mean_of_two{a, b}, 2};
    by_hand driver{s};
    s.start(prompt_of_five, budget(15));
    driver.run(newest_first);
    CHECK(driver.most_open == 2);
    CHECK(output_of(s) == expected);
    s.start(prompt_of_five, budget(15));
    driver.run(!newest_first);
    CHECK(output_of(s) == expected);
  }
  decoder d{mean_of_two{a, b}, 2};
  CHECK(decode(d, prompt_of_five, budget(15)) == expected);

  batch_decoder together;
  const std::size_t name = together.add(mean_of_two{a, b}, prompt_of_five, budget(15), 2);
  a.reset_counts();
  std::size_t ticks = 0;
  while (together.tick()) ++ticks;
  CHECK(output_of(together[name]) == expected);
  CHECK(a.counts().calls <= ticks + 1);
}

TEST_CASE("a task that runs beside an evaluation changes nothing in the text") {
  testing::table_model target = whole_text_model(10);
  testing::table_model other{testing::random_table(10, 2, 5)};
  const token_list expected = plain(target, prompt_of_five, budget(15), 2);
  for (const bool impatient : {false, true}) {
    for (const bool newest_first : {false, true}) {
      ahead::looked = 0;
      sequence s{ahead{target, other, impatient}, 2};
      by_hand driver{s};
      s.start(prompt_of_five, budget(15));
      driver.run(newest_first);
      CHECK(driver.most_open == 2);
      CHECK(output_of(s) == expected);
      CHECK(ahead::looked == (impatient ? 0U : 15U));
    }
    batch_decoder together;
    const std::size_t name = together.add(ahead{target, other, impatient}, prompt_of_five, budget(15), 2);
    together.run();
    CHECK(output_of(together[name]) == expected);
  }
}

TEST_CASE("a generation can be started again at any point") {
  testing::table_model big = whole_text_model(10);
  testing::table_model small{testing::random_table(10, 1, 5)};
  const token_list other_prompt{3, 1, 4, 2, 2, 2};
  const token_list expected = plain(big, prompt_of_five, budget(12), 7);
  const token_list other = plain(big, other_prompt, budget(12), 7);
  sequence s{speculating(big, small), 7};
  by_hand driver{s};
  for (std::size_t answers = 0; answers < 30; ++answers) {
    s.start(prompt_of_five, budget(12));
    for (std::size_t i = 0; i < answers && !s.done(); ++i) {
      const auto open = s.plan();
      if (open.empty()) continue;
      const request r = open[0];
      s.absorb(r.id, answer(driver.sessions[r.model], r));
    }
    s.plan();  // leaves requests open, not carried out
    s.start(other_prompt, budget(12));
    driver.run(false);
    CHECK(output_of(s) == other);
  }
  s.start(prompt_of_five, budget(12));
  driver.run(false);
  CHECK(output_of(s) == expected);
}

TEST_CASE("cancel takes effect with requests open, and fail ends at once") {
  testing::table_model big = whole_text_model(10);
  testing::table_model small{testing::random_table(10, 1, 5)};
  sequence s{speculating(big, small), 7};
  by_hand driver{s};
  for (std::size_t answers = 0; answers < 25; ++answers) {
    s.start(prompt_of_five, budget(40));
    for (std::size_t i = 0; i < answers; ++i) {
      while (s.plan().empty()) {
      }
      const request r = s.plan()[0];
      s.absorb(r.id, answer(driver.sessions[r.model], r));
    }
    s.plan();
    const token_list before = output_of(s);
    if (answers % 2 == 0) {
      s.cancel();
      driver.run(false);
      CHECK(s.why() == stop_reason::cancelled);
      for (const any_session& session : driver.sessions) CHECK(session.length() < s.text().size());
    } else {
      s.fail();
      CHECK(s.done());
      CHECK(s.plan().empty());
      CHECK(s.why() == stop_reason::failed);
    }
    CHECK(output_of(s) == before);
    check_counters(s.stats(), s.output());
    s.start(prompt_of_five, budget(6));
    driver.run(false);
    CHECK(output_of(s) == plain(big, prompt_of_five, budget(6), 7));
  }
}

TEST_CASE("after a start that throws nothing is left to do") {
  testing::table_model big = whole_text_model(10);
  sequence s{autoregressive{big}, 7};
  by_hand driver{s};
  for (std::size_t answers = 0; answers < 4; ++answers) {
    s.start(prompt_of_five, budget(12));
    for (std::size_t i = 0; i < answers; ++i) s.absorb(s.plan()[0].id, answer(driver.sessions[0], s.plan()[0]));
    if (answers % 2 == 0) s.plan();
    CHECK_THROWS_AS(s.start(token_list{10}, budget(5)), std::invalid_argument);
    CHECK(s.done());
    CHECK(s.plan().empty());
    CHECK(s.why() == stop_reason::cancelled);
  }
}

TEST_CASE("after every round the slot wants the text but its last token; the session forgets the rest later") {
  testing::table_model big = whole_text_model(10);
  testing::table_model small{testing::random_table(10, 1, 5)};
  sequence s{speculating(big, small), 7};
  by_hand driver{s};
  s.start(prompt_of_five, budget(30));
  std::size_t refused = 0;
  while (!s.done()) {
    if (const auto open = s.plan(); !open.empty()) {
      const request r = open[0];
      s.absorb(r.id, answer(driver.sessions[r.model], r));
    }
    if (!s.between_rounds()) continue;
    const model_slot& slot = *s.model_slots()[0];
    CHECK(slot.length() == s.text().size() - 1);
    CHECK(driver.sessions[0].length() >= slot.length());
    CHECK(slot.pending() == (driver.sessions[0].length() > slot.length()));
    refused += slot.pending() ? 1U : 0U;
  }
  CHECK(refused > 0);
  CHECK(driver.sessions[0].length() == s.text().size() - 1);
}

TEST_CASE("the samples of the page see every round") {
  testing::table_model big = whole_text_model(10);
  sequence s{autoregressive{big}, 7};
  by_hand driver{s};
  s.start(prompt_of_five, budget(9));
  std::size_t shown = 0;
  while (!s.done()) {
    if (const auto open = s.plan(); !open.empty()) {
      const request r = open[0];
      s.absorb(r.id, answer(driver.sessions[r.model], r));
    }
    if (s.between_rounds()) CHECK(s.output().size() == ++shown);
  }
  CHECK(shown == 8);  // the last token comes with the end
  CHECK(s.output().size() == 9);
}

TEST_CASE("the output is cut after the last answer of a round") {
  testing::table_model big = whole_text_model(10);
  testing::table_model same = whole_text_model(10);
  const token_list whole = plain(big, prompt_of_five, budget(30), 7, 0.0F);
  for (std::size_t rounds = 1; rounds < 4; ++rounds) {
    sequence s{speculating(big, same, 0.0F), 7};  // every round emits five tokens
    by_hand driver{s};
    s.start(prompt_of_five, budget(30));
    for (std::size_t ended = 0; ended < rounds;) {
      const request r = s.plan()[0];
      CHECK_THROWS_AS(s.cut(0), std::logic_error);
      s.absorb(r.id, answer(driver.sessions[r.model], r));
      ended += s.between_rounds() ? 1U : 0U;
    }
    CHECK(s.output().size() == 5 * rounds);
    if (rounds > 1) CHECK_THROWS_AS(s.cut(5 * rounds - 6), std::invalid_argument);
    s.cut(5 * rounds - 3);
    CHECK(s.why() == stop_reason::cancelled);
    driver.run(false);
    CHECK(output_of(s) == token_list(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(5 * rounds - 3)));
    check_counters(s.stats(), s.output());
    CHECK(s.stats().accepted_at[0] == rounds);
    CHECK(s.stats().accepted_at[1] == rounds);
    CHECK(s.stats().accepted_at[2] == rounds - 1);
    CHECK(s.stats().accepted_at[3] == rounds - 1);
    for (const any_session& session : driver.sessions) CHECK(session.length() <= s.text().size() - 1);
    CHECK(driver.sessions[0].length() == s.text().size() - 1);
  }
}

TEST_CASE("a whole round may be taken back, and no more") {
  testing::table_model big = whole_text_model(10);
  sequence s{autoregressive{big}, 7};
  by_hand driver{s};
  s.start(prompt_of_five, budget(30));
  while (s.output().size() < 4) {
    const request r = s.plan()[0];
    s.absorb(r.id, answer(driver.sessions[0], r));
  }
  CHECK_THROWS_AS(s.cut(2), std::invalid_argument);
  CHECK(s.why() == stop_reason::running);
  s.cut(3);
  CHECK(s.output().size() == 3);
  driver.run(false);
  CHECK(driver.sessions[0].length() == 7);
}

TEST_CASE("reports are cut with the output") {
  testing::table_model big = whole_text_model(10);
  testing::table_model same = whole_text_model(10);
  sequence s{speculating(big, same, 0.0F), 7};
  by_hand driver{s};
  limits l = budget(30);
  l.best_tokens = 2;
  s.start(prompt_of_five, l);
  while (!s.between_rounds()) {
    const request r = s.plan()[0];
    s.absorb(r.id, answer(driver.sessions[r.model], r));
  }
  const token_id second = s.report(1).best[0].token;
  s.cut(2);
  CHECK(s.report(1).best.size() == 2);
  CHECK(s.report(1).best[0].token == second);
  CHECK_THROWS_AS(s.report(2), std::out_of_range);
}

TEST_CASE("a source of randomness without a seed refuses one") {
  struct lowest {
    bool flip(double p, double q, const draw_key&) const { return p >= q; }
    token_id pick(const law_view& law, const draw_key&) const { return law.argmax(); }
    token_id race(const law_view& law, const draw_key&) const { return law.argmax(); }
  };
  testing::table_model big = whole_text_model(10);
  sequence s{autoregressive{big}, lowest{}};
  CHECK_THROWS_AS(s.start(prompt_of_five, budget(9), 3), std::invalid_argument);
}

TEST_CASE("a sequence owns any source of randomness") {
  struct lowest {
    bool flip(double p, double q, const draw_key&) const { return p >= q; }
    token_id pick(const law_view& law, const draw_key&) const { return law.argmax(); }
    token_id race(const law_view& law, const draw_key&) const { return law.argmax(); }
  };
  testing::table_model big = whole_text_model(10);
  sequence s{autoregressive{big}, lowest{}};
  by_hand driver{s};
  s.start(prompt_of_five, budget(9));
  driver.run(false);
  CHECK(output_of(s) == plain(big, prompt_of_five, budget(9), 0, 0.0F));
}

TEST_CASE("an algorithm without a model, or with models of different vocabularies, is refused") {
  struct homeless {
    void visit_models(function_ref<void(model_slot&)>) {}
    task generate(generation&) { return {}; }
  };
  CHECK_THROWS_AS(sequence{homeless{}}, std::invalid_argument);
  testing::table_model a = whole_text_model(10);
  testing::table_model b = whole_text_model(9);
  CHECK_THROWS_AS((sequence{mean_of_two{a, b}}), std::invalid_argument);
}

TEST_CASE("seeds and streams give different texts, equal ones the same") {
  testing::table_model big = whole_text_model(10, 1.0F);
  const auto text = [&](std::uint64_t seed, std::uint32_t stream) {
    decoder d{autoregressive{big}, seed, stream};
    return decode(d, prompt_of_five, budget(20));
  };
  CHECK(text(1, 0) == text(1, 0));
  CHECK(text(1, 0) != text(2, 0));
  CHECK(text(1, 0) != text(1, 1));
}
