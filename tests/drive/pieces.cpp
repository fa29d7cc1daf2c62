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

}  // namespace
