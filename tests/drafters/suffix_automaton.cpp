// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/suffix_automaton.hpp>

#include <algorithm>

#include <proviso/core/random.hpp>

#include "support/catch.hpp"
#include "support/matching.hpp"

namespace {

using namespace proviso;
using drafters::suffix_automaton;
using tokens = std::vector<token_id>;

tokens random_text(std::size_t size, std::uint32_t alphabet, std::uint64_t seed) {
  tokens text;
  const philox source{seed};
  for (std::uint32_t i = 0; i < size; ++i) {
    text.push_back(static_cast<token_id>(source.uniform({purpose::selection, i, 0, 0}) * alphabet));
  }
  return text;
}

TEST_CASE("suffix_automaton: the longest repeat after every token is that of a full search") {
  const auto alphabet = static_cast<std::uint32_t>(GENERATE(1, 2, 3, 8, 250000));
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3));
  tokens text = random_text(150, alphabet, seed);
  text.insert(text.end(), text.begin() + 20, text.begin() + 90);
  suffix_automaton automaton;
  for (int pass = 0; pass < 2; ++pass) {
    automaton.clear();
    REQUIRE(automaton.size() == 0);
    REQUIRE(automaton.repeated().length == 0);
    if (pass == 1) automaton.reserve(40);  // grows on the way
    for (std::size_t n = 1; n <= text.size(); ++n) {
      automaton.append(text[n - 1]);
      const support::token_span read{text.data(), n};
      const suffix_automaton::match m = automaton.repeated();
      REQUIRE(automaton.size() == n);
      REQUIRE(m.length == support::longest_repeat(read));
      if (m.length == 0) continue;
      REQUIRE(m.end < n);
      REQUIRE(support::common_end(read, m.end, read, n) == m.length);
    }
  }
}

TEST_CASE("suffix_automaton: a walk over another text stands at its longest end that is a run") {
  const auto alphabet = static_cast<std::uint32_t>(GENERATE(2, 4, 30));
  const tokens document = random_text(200, alphabet, 5);
  tokens text = random_text(60, alphabet + 1, 6);
  text.insert(text.end(), document.begin() + 50, document.begin() + 80);
  suffix_automaton automaton;
  for (const token_id x : document) automaton.append(x);
  suffix_automaton::cursor c;
  for (std::size_t n = 1; n <= text.size(); ++n) {
    automaton.walk(c, text[n - 1]);
    std::size_t longest = 0;
    for (std::size_t e = 1; e <= document.size(); ++e) {
      longest = (std::max)(longest, support::common_end(document, e, text, n));
    }
    const suffix_automaton::match m = automaton.at(c);
    REQUIRE(m.length == longest);
    if (longest > 0) REQUIRE(support::common_end(document, m.end, text, n) == longest);
  }
}

TEST_CASE("suffix_automaton: an end is a recent one where the run was met again") {
  suffix_automaton automaton;
  for (const token_id x : {1, 2, 7, 1, 2, 8, 1, 2}) automaton.append(x);
  CHECK(automaton.repeated().length == 2);
  CHECK(automaton.repeated().end == 5);
}

}  // namespace
