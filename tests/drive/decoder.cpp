// SPDX-License-Identifier: Apache-2.0
#include <proviso/drive/decoder.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <proviso/testing/archetypes.hpp>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;

namespace {

const token_list prompt{3, 1, 4, 1, 5};
const token_list prompt_of_two{3, 1};

token_list first_of(const token_list& tokens, std::size_t count) {
  return {tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(count)};
}

/// After the end of a generation: counters fit the output, sessions hold the text up to the border and nothing
/// else, so that going on from there gives what a fresh decoder gives, and evaluates only what is new.
template <class Make>
void check_border(decoder& d, const Make& make, testing::table_model& target) {
  check_counters(d.stats(), d.output());
  REQUIRE(d.done());
  const token_list text(d.text().begin(), d.text().end());
  CHECK(d.sessions()[0].length() == text.size() - 1);
  for (const any_session& s : d.sessions()) CHECK(s.length() <= text.size());

  token_list longer = text;
  longer.insert(longer.end(), {2, 7});
  target.reset_counts();
  const token_list again = decode(d, longer, budget(8));
  CHECK(target.counts().rewinds <= d.stats().rounds);
  CHECK(d.stats().prefill_tokens <= 2 * 3);  // the last token, the two new ones, for two models; nothing else
  decoder fresh = make();
  CHECK(again == decode(fresh, longer, budget(8)));
}

/// A stop condition by a function.
template <class F>
struct stop_after {
  F asked;
  bool stop_requested() const { return asked(); }
};
template <class F>
stop_after(F) -> stop_after<F>;

std::string_view letter_pairs(void*, token_id t) {
  static char piece[2];
  piece[0] = static_cast<char>('a' + t);
  piece[1] = static_cast<char>('A' + t);
  return {piece, 2};
}

}  // namespace

TEST_CASE("pull, push and range give the same tokens") {
  testing::table_model big = whole_text_model(12);
  testing::table_model small{testing::random_table(12, 1, 5)};
  decoder d{speculating(big, small), 9};
  const token_list expected = plain(big, prompt, budget(40), 9);
  REQUIRE(expected.size() == 40);

  d.start(prompt, budget(40));
  token_list pulled;
  std::size_t rounds = 0;
  while (!d.done()) {
    for (const generated_token t : d.step()) pulled.push_back(t.token);
    ++rounds;
  }
  CHECK(pulled == expected);
  CHECK(d.why() == stop_reason::budget);
  CHECK(d.stats().rounds == rounds);
  CHECK(d.step().empty());
  CHECK(token_list(d.text().begin(), d.text().begin() + 5) == prompt);

  token_list pushed;
  CHECK(d.run(
            prompt, [&](generated_token t) { pushed.push_back(t.token); }, budget(40)) == stop_reason::budget);
  CHECK(pushed == expected);

  for (int again = 0; again < 3; ++again) {  // a range begins anew with its generation
    if (again < 2) d.start(prompt, budget(40));
    if (again == 2) d.start(prompt, budget(40), 9);
    token_list ranged;
    for (const generated_token t : d) {
      ranged.push_back(t.token);
      if (ranged.size() > expected.size()) break;
    }
    CHECK(ranged == expected);
  }

  check_counters(d.stats(), d.output());
  CHECK(d.stats().accepted > 0);
  CHECK(d.stats().corrected > 0);
}

TEST_CASE("a decoder that was not started is done and empty") {
  testing::table_model big = whole_text_model(12);
  decoder d{autoregressive{big}};
  CHECK(d.done());
  CHECK(d.step().empty());
  CHECK(d.output().empty());
  CHECK(decode(d, prompt, budget(0)).empty());
  CHECK(d.why() == stop_reason::budget);
}

TEST_CASE("every token carries the log-probability of its law") {
  testing::table_model big{testing::random_table(6, 1, 3)};
  testing::table_model small{testing::random_table(6, 1, 4)};
  const testing::row_table rows = testing::random_table(6, 1, 3);
  decoder d{speculating(big, small, 0.5F), 2};
  decode(d, {1}, budget(30));
  for (std::size_t i = 0; i < d.output().size(); ++i) {
    const std::span<const float> row = rows.row(d.text().subspan(i, 1));
    double total = 0.0;
    for (const float x : row) total += std::exp(2.0 * static_cast<double>(x));
    const generated_token t = d.output()[i];
    const double expected = 2.0 * static_cast<double>(row[static_cast<std::size_t>(t.token)]) - std::log(total);
    CHECK(std::abs(static_cast<double>(t.log_probability) - expected) < 1e-5);
  }
}

TEST_CASE("the text ends at the first border, also inside an accepted run") {
  // The drafter is the target, at temperature 0: every draft is accepted whole, so most borders lie inside a run.
  testing::table_model big = whole_text_model(24);
  testing::table_model small = whole_text_model(24);
  const auto make = [&] { return decoder{speculating(big, small, 0.0F), 1}; };
  const token_list whole = plain(big, prompt, budget(40), 1, 0.0F);
  REQUIRE(whole.size() == 40);
  const auto border = [&](const limits& l, std::size_t tokens, stop_reason why) {
    decoder d = make();
    CHECK(decode(d, prompt, l) == first_of(whole, tokens));
    CHECK(d.why() == why);
    const bool inside = d.output().back().from == origin::drafted;
    check_border(d, make, big);
    return inside;
  };

  std::size_t inside = 0;
  for (std::size_t k = 0; k < 20; ++k) {
    std::size_t first = 0;
    while (whole[first] != whole[k]) ++first;
    limits l = budget(40);
    l.end_tokens = {whole[k]};
    inside += border(l, first + 1, stop_reason::end_token) ? 1U : 0U;

    border(budget(k + 1), k + 1, stop_reason::budget);

    if (k == 0) continue;
    first = 1;
    while (whole[first - 1] != whole[k - 1] || whole[first] != whole[k]) ++first;
    l = budget(40);
    l.stop_sequences = {{whole[k - 1], whole[k]}};
    inside += border(l, first + 1, stop_reason::stop_sequence) ? 1U : 0U;
  }
  CHECK(inside > 10);
}

TEST_CASE("stop strings end the text across token borders") {
  testing::table_model big = whole_text_model(24);
  testing::table_model small = whole_text_model(24);
  const auto make = [&] { return decoder{speculating(big, small, 0.0F), 1}; };
  const token_list whole = plain(big, prompt, budget(40), 1, 0.0F);
  std::string bytes;
  for (const token_id t : whole) bytes += letter_pairs(nullptr, t);

  for (std::size_t k = 1; k < 12; ++k) {
    limits l = budget(40);
    l.pieces.piece = &letter_pairs;
    l.stop_strings = {bytes.substr(2 * k - 1, 2), "never there"};  // ends in the middle of token k
    const std::size_t at = bytes.find(l.stop_strings[0]);
    const std::size_t tokens = (at + 2 + 1) / 2;
    decoder d = make();
    CHECK(decode(d, prompt, l) == first_of(whole, tokens));
    CHECK(d.why() == stop_reason::stop_sequence);
    CHECK(d.stop_tail() == 2 * tokens - at);
    check_border(d, make, big);
  }
}

TEST_CASE("cancelling ends between rounds and leaves trimmed sessions") {
  testing::table_model big = whole_text_model(24);
  testing::table_model small{testing::random_table(24, 1, 8, 6.0F)};
  const auto make = [&] { return decoder{speculating(big, small), 4}; };
  const token_list whole = plain(big, prompt, budget(60), 4);

  SECTION("by cancel()") {
    for (std::size_t rounds = 0; rounds < 6; ++rounds) {
      decoder d = make();
      d.start(prompt, budget(60));
      for (std::size_t i = 0; i < rounds; ++i) d.step();
      const std::size_t emitted = d.output().size();
      d.cancel();
      CHECK(d.step().empty());
      CHECK(d.done());
      CHECK(d.why() == stop_reason::cancelled);
      CHECK(tokens_of(d.output()) == first_of(whole, emitted));
      if (rounds > 0) check_border(d, make, big);
    }
  }
  SECTION("by a sink that returns false") {
    for (std::size_t last = 1; last <= 20; ++last) {
      for (const std::size_t most : {20U, 60U}) {  // also in the round that ends the text
        decoder d = make();
        std::size_t seen = 0;
        const stop_reason why = d.run(
            prompt, [&](generated_token) { return ++seen < last; }, budget(most));
        CHECK(why == (last == most ? stop_reason::budget : stop_reason::cancelled));
        CHECK(seen == last);
        CHECK(tokens_of(d.output()) == first_of(whole, last));
        CHECK(d.text().size() == prompt.size() + last);
        check_border(d, make, big);
      }
    }
  }
  SECTION("by a sink that returns false within a draft that stands whole") {
    testing::table_model same = whole_text_model(24);
    const auto sure = [&] { return decoder{speculating(big, same, 0.0F), 4}; };
    const token_list cold = plain(big, prompt, budget(60), 4, 0.0F);
    for (std::size_t last = 1; last <= 12; ++last) {
      decoder d = sure();
      std::size_t seen = 0;
      d.run(
          prompt, [&](generated_token) { return ++seen < last; }, budget(60));
      CHECK(tokens_of(d.output()) == first_of(cold, last));
      check_border(d, sure, big);
    }
  }
  SECTION("by a sink that returns false, where sessions promise the least") {
    testing::chain_only silent{big, 4};
    testing::short_horizon near{small, 4};
    for (std::size_t last = 1; last <= 12; ++last) {
      decoder d{speculating(silent, near), 4};
      std::size_t seen = 0;
      d.run(
          prompt, [&](generated_token) { return ++seen < last; }, budget(60));
      CHECK(tokens_of(d.output()) == first_of(whole, last));
      token_list longer(d.text().begin(), d.text().end());
      longer.push_back(2);
      CHECK(decode(d, longer, budget(9)) == plain(big, longer, budget(9), 4));
    }
  }
  SECTION("by a stop token between two chunks of the prompt") {
    limits l = budget(60);
    l.prefill_chunk = 10;
    decoder d = make();
    std::stop_source stop;
    big.reset_counts();
    stop_after calls{[&] {
      if (big.counts().calls == 3) stop.request_stop();
      return stop.stop_requested();
    }};
    CHECK(d.run(
              token_list(500, 1), [](generated_token) {}, l, calls) == stop_reason::cancelled);
    CHECK(big.counts().tokens == 30);
    CHECK(d.output().empty());
    // What was fed is used.
    big.reset_counts();
    CHECK(decode(d, token_list(40, 1), budget(5)) == plain(big, token_list(40, 1), budget(5), 4));
  }
  SECTION("by a stop token") {
    decoder d = make();
    std::stop_source stop;
    std::size_t seen = 0;
    const auto sink = [&](generated_token) {
      if (++seen == 9) stop.request_stop();
    };
    CHECK(d.run(prompt, sink, budget(60), stop.get_token()) == stop_reason::cancelled);
    CHECK(d.output().size() == seen);
    CHECK(seen < 9 + 5);
    check_border(d, make, big);
    CHECK(d.run(prompt, sink, budget(60), stop.get_token()) == stop_reason::cancelled);
    CHECK(d.output().empty());
    CHECK(d.stats().target_calls == 0);
  }
}

TEST_CASE("capacity ends the text exactly when a session is full") {
  testing::table_model rows = whole_text_model(24);
  const token_list whole = plain(rows, prompt, budget(40), 1);
  for (std::size_t capacity = prompt.size(); capacity < 14; ++capacity) {
    testing::tiny_capacity big{rows, capacity};
    testing::table_model small{testing::random_table(24, 1, 8)};
    decoder d{speculating(big, small), 1};
    const token_list text = decode(d, prompt, budget(40));
    CHECK(d.why() == stop_reason::capacity);
    CHECK(text == first_of(whole, capacity - prompt.size() + 1));
    CHECK(d.sessions()[0].length() == capacity);
    check_counters(d.stats(), d.output());
  }
  SECTION("a drafter that is full stops drafting, not the text") {
    testing::tiny_capacity small{rows, 9};
    decoder d{speculating(rows, small), 1};
    CHECK(decode(d, prompt, budget(40)) == whole);
    CHECK(d.stats().drafted > 0);
    CHECK(d.stats().fresh > 20);
  }
  SECTION("a prompt that is too long is an error that says so, before anything is fed") {
    testing::tiny_capacity big{rows, 4};
    decoder d{autoregressive{big}};
    rows.reset_counts();
    std::string what;
    try {
      decode(d, prompt, budget(4));
    } catch (const std::length_error& e) {
      what = e.what();
    }
    CHECK(what.find("5 tokens") != std::string::npos);
    CHECK(what.find("holds 4") != std::string::npos);
    CHECK(d.why() == stop_reason::failed);
    CHECK(rows.counts().calls == 0);
    CHECK(decode(d, {1, 2}, budget(2)).size() == 2);
  }
}

TEST_CASE("algorithms use only what a session promises") {
  testing::table_model rows = whole_text_model(10);
  testing::table_model small_rows{testing::random_table(10, 2, 6)};
  const limits l = budget(50);
  const token_list expected = plain(rows, prompt, l, 3);
  // Twice on one decoder: the second start must stay within the promise of rewind too.
  const auto same = [&](decoder d) { return decode(d, prompt, l) == expected && decode(d, prompt, l) == expected; };

  testing::chain_only chain{rows, 4};
  testing::chain_only small_chain{small_rows, 4};
  testing::nan_padded padded{rows};
  testing::nan_padded small_padded{small_rows};
  testing::stale_logits stale{rows};
  testing::stale_logits small_stale{small_rows};
  testing::tree_only tree{rows};
  CHECK(same(decoder{autoregressive{chain}, 3}));
  CHECK(same(decoder{speculating(chain, small_chain), 3}));
  CHECK(same(decoder{speculating(padded, small_padded), 3}));
  CHECK(same(decoder{speculating(stale, small_stale), 3}));
  CHECK(same(decoder{speculating(tree, small_rows), 3}));
  for (const std::size_t horizon : {0U, 1U, 2U, 3U}) {
    testing::short_horizon near{rows, horizon};
    testing::short_horizon small_near{small_rows, horizon};
    decoder d{speculating(near, small_near), 3};
    CHECK(decode(d, prompt, l) == expected);
    CHECK((d.stats().drafted > 0) == (horizon > 1));
    CHECK(decode(d, prompt, l) == expected);
    CHECK(same(decoder{speculating(rows, small_near), 3}));
  }
}

TEST_CASE("rows of another scalar give the text of their values") {
  testing::table_model rows = whole_text_model(10);
  testing::table_model cut{10, [&](std::span<const token_id> text, std::span<float> row) {
                             testing::table_model::session_type s = rows.open();
                             const auto view = s.eval(chain_block{text, 1});
                             for (std::size_t i = 0; i < row.size(); ++i) row[i] = testing::half{view.row(0)[i]};
                           }};
  testing::half_rows half{rows};
  testing::table_model small{testing::random_table(10, 1, 6)};
  testing::half_rows small_half{small};
  const token_list expected = plain(cut, prompt, budget(40), 3);
  CHECK(plain(half, prompt, budget(40), 3) == expected);
  decoder d{speculating(half, small_half), 3};
  CHECK(decode(d, prompt, budget(40)) == expected);
}

TEST_CASE("when a model throws, nothing emitted is lost or repeated, and the decoder starts again") {
  testing::table_model rows = whole_text_model(10);
  testing::table_model small_rows{testing::random_table(10, 1, 6)};
  limits l = budget(12);
  l.prefill_chunk = 2;
  const token_list expected = plain(rows, prompt, l, 3);
  for (const bool target_fails : {true, false}) {
    for (std::size_t n = 1; n < 60; ++n) {
      testing::throws_on big{rows, target_fails ? n : 0};
      testing::throws_on small{small_rows, target_fails ? 0 : n};
      decoder d{speculating(big, small), 3};
      token_list seen;
      const auto sink = [&](generated_token t) { seen.push_back(t.token); };
      bool threw = false;
      try {
        d.run(prompt, sink, l);
      } catch (const testing::evaluation_failed&) {
        threw = true;
      }
      if (!threw) {
        CHECK(n > 5);
        CHECK(seen == expected);
        break;
      }
      CHECK(d.why() == stop_reason::failed);
      CHECK(d.done());
      CHECK(d.step().empty());
      CHECK(seen == tokens_of(d.output()));
      CHECK(seen == first_of(expected, seen.size()));
      check_counters(d.stats(), d.output());
      seen.clear();
      d.run(prompt, sink, l);
      CHECK(seen == expected);
    }
  }
}

TEST_CASE("a row of the target that is not a law is an error that names the position") {
  // NaN after the text has eight tokens: the row of token 8.
  const auto poisoned = [](std::size_t length, float poison) {
    return testing::table_model{10, [length, poison](std::span<const token_id> text, std::span<float> row) {
                                  for (std::size_t i = 0; i < row.size(); ++i) {
                                    row[i] = static_cast<float>((text.size() * 7 + i * 3) % 5);
                                  }
                                  if (text.size() == length) row[4] = poison;
                                }};
  };
  testing::table_model clean = poisoned(0, 0.0F);
  for (const float poison : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    testing::table_model bad = poisoned(8, poison);
    for (const bool drafting : {false, true}) {
      decoder d = drafting ? decoder{speculating(bad, clean), 1} : decoder{autoregressive{bad}, 1};
      d.start(prompt, budget(20));
      std::string what;
      try {
        while (!d.done()) d.step();
      } catch (const std::domain_error& e) {
        what = e.what();
      }
      CHECK(what.find(std::isnan(poison) ? "NaN" : "infinity") != std::string::npos);
      CHECK(what.find("position 8") != std::string::npos);
      CHECK(d.why() == stop_reason::failed);
      CHECK(d.output().size() <= 3);
      CHECK(tokens_of(d.output()) == first_of(plain(clean, prompt, budget(20), 1), d.output().size()));
      CHECK(decode(d, {1, 2}, budget(3)).size() == 3);
    }
    // In a drafter's row it only ends the draft.
    decoder d{speculating(clean, bad), 1};
    CHECK(decode(d, prompt, budget(20)) == plain(clean, prompt, budget(20), 1));
    CHECK(d.stats().discarded > 0);
  }
}

TEST_CASE("a model whose rows have the wrong shape fails the sequence with a sentence") {
  struct narrow {
    testing::table_model* rows;
    struct session_type {
      testing::table_model::session_type inner;
      std::size_t length() const { return inner.length(); }
      logits_view<float> eval(chain_block b) {
        const auto v = inner.eval(b);
        return {v.data(), v.rows(), v.cols() - 1};
      }
      void rewind(std::size_t n) { inner.rewind(n); }
    };
    std::size_t vocab_size() const { return rows->vocab_size(); }
    session_type open() { return session_type{rows->open()}; }
  };
  testing::table_model rows = whole_text_model(10);
  narrow model{&rows};
  decoder d{autoregressive{model}};
  CHECK_THROWS_AS(decode(d, prompt, budget(3)), std::invalid_argument);
  CHECK(d.why() == stop_reason::failed);
  CHECK(d.done());
}

TEST_CASE("prompts and limits that make no sense are refused, and the decoder stays usable") {
  testing::table_model big = whole_text_model(10);
  decoder d{autoregressive{big}, 3};
  const token_list expected = plain(big, prompt, budget(5), 3);
  for (int started = 0; started < 2; ++started) {
    CHECK_THROWS_AS(d.start(token_list{}), std::invalid_argument);
    CHECK(d.done());
    CHECK_THROWS_AS(d.start(token_list{1, 10}), std::invalid_argument);
    CHECK_THROWS_AS(d.start(token_list{-1}), std::invalid_argument);
    limits l;
    l.prefill_chunk = 0;
    CHECK_THROWS_AS(d.start(prompt, l), std::invalid_argument);
    CHECK(d.done());
    CHECK(d.step().empty());
    CHECK(decode(d, prompt, budget(5)) == expected);
    d.start(prompt, budget(5));
    d.step();  // and in the middle of a generation
  }
}

TEST_CASE("models with different vocabularies are refused") {
  testing::table_model big = whole_text_model(10);
  testing::table_model small = whole_text_model(11);
  std::string what;
  try {
    const decoder d{speculating(big, small)};
  } catch (const std::invalid_argument& e) {
    what = e.what();
  }
  CHECK(what.find("10 and 11") != std::string::npos);
}

TEST_CASE("a prompt is fed in chunks, and only what is new") {
  testing::table_model big = whole_text_model(10);
  decoder d{autoregressive{big}, 3};
  limits l = budget(4);
  l.prefill_chunk = 3;
  const token_list long_prompt{1, 2, 3, 4, 5, 6, 7, 8, 9};
  decode(d, long_prompt, l);
  CHECK(d.stats().prefill_calls == 3);
  CHECK(d.stats().prefill_tokens == 8);
  CHECK(d.stats().target_calls == 4);
  CHECK(d.stats().target_tokens == 4);
  CHECK(big.counts().tokens == 12);
  CHECK(big.counts().rows == 4);

  token_list longer(d.text().begin(), d.text().end());
  longer.push_back(5);
  const token_list text = decode(d, longer, l);
  CHECK(d.stats().prefill_tokens == 1);  // the token that was emitted last
  CHECK(text == plain(big, longer, l, 3));
}

TEST_CASE("of a prompt that changes in its last tokens, only these are fed again") {
  testing::table_model big = whole_text_model(10);
  testing::table_model small{testing::random_table(10, 1, 5)};
  token_list long_prompt(4090);
  for (std::size_t i = 0; i < long_prompt.size(); ++i) long_prompt[i] = static_cast<token_id>(i * i % 7);
  token_list changed = long_prompt;
  for (std::size_t i = changed.size() - 30; i < changed.size(); ++i) changed[i] = 9;

  decoder d{speculating(big, small), 3};
  decode(d, long_prompt, budget(8));
  big.reset_counts();
  small.reset_counts();
  const token_list text = decode(d, changed, budget(8));
  CHECK(big.counts().tokens < 30 + 8 * 5);
  CHECK(small.counts().tokens < 30 + 8 * 5);
  decoder fresh{speculating(big, small), 3};
  CHECK(text == decode(fresh, changed, budget(8)));

  SECTION("a shorter prompt is fed nothing at all") {
    big.reset_counts();
    decode(d, first_of(changed, 2000), budget(1));
    CHECK(big.counts().tokens == 1);
  }
  SECTION("what does not say how far it goes back starts from nothing") {
    testing::chain_only silent{big, 4};
    decoder timid{speculating(silent, small), 3};
    decode(timid, first_of(long_prompt, 100), budget(8));
    big.reset_counts();
    decode(timid, first_of(long_prompt, 50), budget(1));
    CHECK(big.counts().tokens == 50);
  }
}

TEST_CASE("a prompt may be a part of the decoder's own text") {
  testing::table_model big = whole_text_model(10);
  testing::table_model small{testing::random_table(10, 1, 5)};
  for (const std::size_t more : {4U, 300U}) {
    decoder d{speculating(big, small), 3};
    decode(d, prompt, budget(9));
    token_list text(d.text().begin(), d.text().end());
    d.run(
        d.text(), [](generated_token) {}, budget(more));
    CHECK(tokens_of(d.output()) == plain(big, text, budget(more), 3));
    text.assign(d.text().begin() + 3, d.text().begin() + 12);
    d.start(d.text().subspan(3, 9), budget(more));
    while (!d.done()) d.step();
    CHECK(tokens_of(d.output()) == plain(big, text, budget(more), 3));
  }
}

TEST_CASE("a generation has the seed that it is given, and those after it, too") {
  testing::table_model big = whole_text_model(10, 1.0F);
  const token_list of_1 = plain(big, prompt, budget(20), 1);
  const token_list of_2 = plain(big, prompt, budget(20), 2);
  REQUIRE(of_1 != of_2);
  decoder d{autoregressive{big}, 1};
  CHECK(decode(d, prompt, budget(20)) == of_1);
  d.run(
      prompt, [](generated_token) {}, budget(20), 2);
  CHECK(tokens_of(d.output()) == of_2);
  CHECK(decode(d, prompt, budget(20)) == of_2);
  d.start(prompt, budget(20), 1);
  while (!d.done()) d.step();
  CHECK(tokens_of(d.output()) == of_1);
  d.start(prompt, budget(20), 1, 5);
  while (!d.done()) d.step();
  decoder stream{autoregressive{big}, 1, 5};
  CHECK(tokens_of(d.output()) == decode(stream, prompt, budget(20)));
}

TEST_CASE("a budget may be as large as it likes, and a long text grows without moving what was shown") {
  testing::table_model big{testing::random_table(4, 1, 1)};
  for (const std::size_t most : {std::numeric_limits<std::size_t>::max(), std::size_t{0x7fffffff}}) {
    decoder d{autoregressive{big}, 1};
    d.start(prompt_of_two, budget(most));
    const std::span<const token_id> before = d.text();
    const std::span<const generated_token> first = d.step();
    while (d.output().size() < 50000) d.step();
    CHECK(before[1] == prompt_of_two[1]);
    CHECK(first[0].token == d.output()[0].token);
    CHECK(tokens_of(d.output()) == plain(big, prompt_of_two, budget(50000), 1));
  }
}

TEST_CASE("a sequence that was under way starts anew in a decoder") {
  testing::table_model big = whole_text_model(10);
  sequence s{autoregressive{big}, 3};
  std::vector<any_session> sessions;
  sessions.push_back(open_session(*s.model_slots()[0]));
  s.start(prompt, budget(9));
  for (int i = 0; i < 4; ++i) s.absorb(s.plan()[0].id, answer(sessions[0], s.plan()[0]));
  decoder d{std::move(s)};
  CHECK(d.done());
  CHECK(d.step().empty());
  CHECK(d.why() == stop_reason::cancelled);
  CHECK(d.output().size() == 3);
  CHECK(decode(d, prompt, budget(9)) == plain(big, prompt, budget(9), 3));
}

TEST_CASE("sessions end with the decoder") {
  testing::table_model big = whole_text_model(10);
  testing::table_model small = whole_text_model(10);
  {
    decoder d{speculating(big, small), 3};
    CHECK(big.counts().open == 0);
    d.start(prompt, budget(9));
    d.step();
    decoder moved = std::move(d);
    CHECK(big.counts().open == 1);
    CHECK(small.counts().open == 1);
    while (!moved.done()) moved.step();
    CHECK(tokens_of(moved.output()) == plain(big, prompt, budget(9), 3));
  }
  CHECK(big.counts().open == 0);
  CHECK(small.counts().open == 0);
}

TEST_CASE("another seed leaves the stream as it is, unless one is given") {
  testing::table_model big{testing::random_table(6, 1, 1)};
  const auto text = [&](std::uint32_t from, auto start) {
    decoder d{autoregressive{big}, 5, from};
    start(d);
    while (!d.done()) d.step();
    return tokens_of(d.output());
  };
  const auto seed = [](decoder& d) { d.start(short_prompt, budget(20), 7); };
  const auto both = [](decoder& d) { d.start(short_prompt, budget(20), 7, 2); };
  CHECK(text(1, seed) != text(2, seed));
  CHECK(text(1, both) == text(2, seed));
  decoder fresh{autoregressive{big}, 7, 2};
  CHECK(text(2, seed) == decode(fresh, short_prompt, budget(20)));
}
