// SPDX-License-Identifier: Apache-2.0
// A text that is written in pieces: draws are keyed by their place in the text.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drive/batch_decoder.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/algorithms.hpp"
#include "support/catch.hpp"
#include "support/decoding.hpp"

namespace {

using namespace proviso;
using support::budget;
using support::decode;
using support::token_list;

TEST_CASE("pieces: on a fair coin the next piece repeats the one before as often as chance does") {
  testing::table_model coin{testing::row_table{2, 0, std::vector<float>{0.0F, 0.0F}}};
  testing::table_model small{testing::row_table{2, 0, std::vector<float>{0.0F, 0.0F}}};
  const auto algorithm = [&] { return speculative{coin, drafters::model{small}, rules::token{}}; };
  constexpr std::uint64_t seeds = 2000;
  std::size_t same = 0;    // the decoder goes on with its own text
  std::size_t typed = 0;   // a user's tokens stand in between
  std::size_t fresh = 0;   // another decoder with the same seed goes on
  std::size_t joined = 0;  // a batch does
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    token_list text{0};
    const auto next = [&](decoder& d, const token_list& from) { return decode(d, from, budget(2))[0]; };
    decoder d{algorithm(), seed};
    const token_list piece = decode(d, text, budget(2));
    text.insert(text.end(), piece.begin(), piece.end());
    same += next(d, text) == piece[0] ? 1U : 0U;
    decoder other{algorithm(), seed};
    fresh += next(other, text) == piece[0] ? 1U : 0U;
    batch_decoder batch;
    batch.add(sequence{algorithm(), seed}, text, budget(2));
    while (batch.tick()) {
    }
    joined += batch[0].output()[0].token == piece[0] ? 1U : 0U;
    text.insert(text.end(), {1, 0, 1});
    typed += next(d, text) == piece[0] ? 1U : 0U;
  }
  for (const std::size_t repeated : {same, typed, fresh, joined}) {
    CHECK(repeated > seeds / 2 - 90);  // four standard deviations
    CHECK(repeated < seeds / 2 + 90);
  }
}

/// Who goes on with a text.
enum class successor : unsigned char { same_decoder, new_decoder, batch };

/// A text of `count` tokens by the decoder `d` and, once it has made so many steps, by another generation.
token_list interrupted(const support::algorithm_case& a, std::uint64_t seed, std::size_t count, std::size_t steps,
                       successor by) {
  const token_list before{1, 0, 0, 1, 0};
  decoder d{a.make(seed, 3)};
  d.start(before, budget(count));
  for (std::size_t i = 0; i < steps && !d.done(); ++i) d.step();
  d.cancel();
  while (!d.done()) d.step();
  token_list text{d.text().begin(), d.text().end()};
  const limits rest = budget(count + before.size() - text.size());
  token_list more;
  if (by == successor::batch) {
    batch_decoder batch;
    const std::size_t name = batch.add(a.make(seed, 3), text, rest);
    while (batch.tick()) {
    }
    more = support::tokens_of(batch[name].output());
  } else if (by == successor::new_decoder) {
    decoder other{a.make(seed, 3)};
    more = decode(other, text, rest);
  } else {
    more = decode(d, text, rest);
  }
  text.insert(text.end(), more.begin(), more.end());
  return text;
}

TEST_CASE("pieces: a text that goes on at a round's border is the uninterrupted one") {
  const support::algorithms every;
  constexpr std::size_t count = 10;
  for (const support::algorithm_case& a : every.all()) {
    std::size_t others = 0;
    std::size_t borders = 0;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      const token_list whole = interrupted(a, seed, count, count * 10, successor::same_decoder);
      for (std::size_t steps = 1; steps < count; ++steps) {
        for (const successor by : {successor::same_decoder, successor::new_decoder, successor::batch}) {
          ++borders;
          others += interrupted(a, seed, count, steps, by) == whole ? 0U : 1U;
        }
      }
    }
    INFO(a.name << ": " << others << " of " << borders << " texts differ");
    if (a.resumes == support::resumption::text) {
      CHECK(others == 0);
    } else if (a.name != "lookup, token") {  // which has learned too little by then
      CHECK(others > 0);
    }
  }
}

TEST_CASE("pieces: after a user's tokens nothing depends on who wrote the text before") {
  const support::algorithms every;
  for (const support::algorithm_case& a : every.all()) {
    if (a.name == "shared n-grams, token") continue;  // they learn from every text
    bool same = true;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      decoder d{a.make(seed, 0)};
      decode(d, {1, 0, 0, 1}, budget(3));
      token_list text{d.text().begin(), d.text().end()};
      text.insert(text.end(), {0, 1, 1});
      decoder other{a.make(seed, 0)};
      const token_list expected = decode(other, text, budget(6));
      batch_decoder batch;
      const std::size_t name = batch.add(a.make(seed, 0), text, budget(6));
      while (batch.tick()) {
      }
      same = same && decode(d, text, budget(6)) == expected && support::tokens_of(batch[name].output()) == expected;
    }
    INFO(a.name);
    CHECK(same);
  }
}

}  // namespace
