// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/stopping.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

using namespace proviso;

namespace {

const char* const pieces[] = {"a", "b",  "ab",   "",     "END",
                              "E", "ND", "\xc3", "\xa9", "longer than every stop string here"};
std::string_view piece(void*, token_id t) { return pieces[t]; }

/// Feeds tokens; gives the index of the one that stops, or -1, and the reason.
struct stopping_place {
  int at = -1;
  stop_reason why = stop_reason::running;
  std::size_t tail = 0;
};
stopping_place feed(const limits& l, const std::vector<token_id>& tokens) {
  stop_matcher m;
  m.start(l);
  std::vector<generated_token> output;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    output.push_back({tokens[i], origin::fresh, 0.0F});
    const stop_reason why = m.check(output);
    if (why != stop_reason::running) return {static_cast<int>(i), why, m.stop_tail()};
  }
  return {};
}

}  // namespace

TEST_CASE("end tokens and stop sequences end the text at their last token") {
  limits l;
  l.end_tokens = {7, 9};
  l.stop_sequences = {{1, 2, 3}, {2, 2}};
  CHECK(feed(l, {1, 2, 9, 7}).at == 2);
  CHECK(feed(l, {1, 2, 9, 7}).why == stop_reason::end_token);
  CHECK(feed(l, {0, 1, 2, 3, 7}).at == 3);
  CHECK(feed(l, {0, 1, 2, 3, 7}).why == stop_reason::stop_sequence);
  CHECK(feed(l, {1, 2, 2}).at == 2);
  CHECK(feed(l, {1, 2, 1, 2, 3}).at == 4);
  CHECK(feed(l, {1, 2, 4, 3, 2, 3, 1, 3}).at == -1);
  CHECK(feed(l, {}).at == -1);
  CHECK(feed(l, {0, 1, 2, 3}).tail == 0);
}

TEST_CASE("stop strings are found wherever token borders fall") {
  limits l;
  l.pieces.piece = &piece;
  l.stop_strings = {"END"};
  CHECK(feed(l, {0, 4}).at == 1);        // one token
  CHECK(feed(l, {0, 5, 6, 1}).at == 2);  // two tokens
  CHECK(feed(l, {5, 3, 6}).at == 2);     // an empty piece between them
  CHECK(feed(l, {5, 5, 6}).at == 2);
  CHECK(feed(l, {5, 0, 6}).at == -1);
  CHECK(feed(l, {0, 5, 6}).why == stop_reason::stop_sequence);

  l.stop_strings = {"\xc3\xa9", "bab"};
  CHECK(feed(l, {7, 8}).at == 1);
  CHECK(feed(l, {1, 2}).at == 1);
  CHECK(feed(l, {2, 2, 0}).at == 1);
  CHECK(feed(l, {9, 9, 9, 1, 0, 1}).at == 5);

  l.stop_strings = {"rea", "hereab"};  // begin in what is kept of a long piece, at its very first byte
  CHECK(feed(l, {9, 0}).at == 1);
  CHECK(feed(l, {9, 0}).tail == 5 - 2);
  l.stop_strings = {"hereab"};
  CHECK(feed(l, {9, 9, 0, 1}).at == 3);
  CHECK(feed(l, {9, 9, 0, 1}).tail == 6);
}

TEST_CASE("stop_tail counts the bytes from the start of the stop string to the end of the output") {
  limits l;
  l.pieces.piece = &piece;
  l.stop_strings = {"N", "ba"};
  stopping_place e = feed(l, {0, 4});  // a END: "ND" follows and belongs to the last token
  CHECK(e.at == 1);
  CHECK(e.tail == 2);
  e = feed(l, {1, 2});  // b ab
  CHECK(e.at == 1);
  CHECK(e.tail == 3);
  l.stop_strings = {"ND", "E"};
  CHECK(feed(l, {4}).tail == 3);  // the earliest one counts
}

TEST_CASE("a matcher starts anew") {
  limits l;
  l.pieces.piece = &piece;
  l.stop_strings = {"ab"};
  stop_matcher m;
  std::vector<generated_token> output;
  output.push_back({0, origin::fresh, 0.0F});
  m.start(l);
  CHECK(m.check(output) == stop_reason::running);
  m.start(l);
  output.assign(1, {1, origin::fresh, 0.0F});
  CHECK(m.check(output) == stop_reason::running);
  CHECK(m.stop_tail() == 0);
}

TEST_CASE("limits that make no sense are refused") {
  limits l;
  l.check();
  l.prefill_chunk = 0;
  CHECK_THROWS_AS(l.check(), std::invalid_argument);
  l = {};
  l.stop_sequences = {{1}, {}};
  CHECK_THROWS_AS(l.check(), std::invalid_argument);
  l = {};
  l.stop_strings = {"x"};
  CHECK_THROWS_AS(l.check(), std::invalid_argument);  // no pieces
  l.pieces.piece = &piece;
  l.check();
  l.stop_strings.emplace_back();
  CHECK_THROWS_AS(l.check(), std::invalid_argument);
}

TEST_CASE("a matcher says whether tokens to come would end the text") {
  limits l;
  l.end_tokens = {9};
  l.stop_sequences = {{1, 2, 0}, {3}};
  l.stop_strings = {"END"};
  l.pieces.piece = &piece;
  stop_matcher m;
  m.start(l, 10);
  const auto ends = [&](std::vector<token_id> path) { return m.ends(path); };
  CHECK(ends({9}));
  CHECK(ends({3}));
  CHECK(!ends({0}));
  CHECK(ends({1, 2, 0}));
  CHECK(!ends({2, 0}));
  CHECK(ends({5, 6}));
  CHECK(ends({4}));
  CHECK(!ends({6}));
  CHECK(!ends({-1}));  // no token of the vocabulary
  CHECK(!ends({10}));

  std::vector<generated_token> output;
  for (const token_id t : {8, 1}) {
    output.push_back({t, origin::fresh, 0.0F});
    CHECK(m.check(output) == stop_reason::running);
  }
  CHECK(ends({2, 0}));
  CHECK(!ends({0}));
  output.push_back({2, origin::fresh, 0.0F});
  CHECK(m.check(output) == stop_reason::running);
  CHECK(ends({0}));
  CHECK(!ends({2, 1}));
  CHECK(!ends({6}));
  output.push_back({5, origin::fresh, 0.0F});
  CHECK(m.check(output) == stop_reason::running);
  CHECK(ends({6}));  // a stop string that begins in the output
  CHECK(!ends({0, 6}));
  output.push_back({6, origin::fresh, 0.0F});
  CHECK(m.check(output) == stop_reason::stop_sequence);
}
