// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <proviso/testing/prove_lossless.hpp>

namespace support {

/// A way to write a text.
struct writing {
  std::string name;
  std::size_t piece_tokens;
  std::size_t piece_rounds;

  proviso::testing::proof_options in(proviso::testing::proof_options options) const {
    options.piece_tokens = piece_tokens;
    options.piece_rounds = piece_rounds;
    if (piece_tokens != 0) options.expected_accepted.reset();  // the budget shortens the first draft
    return options;
  }
};

inline const writing at_once{"at once", 0, 0};
inline const writing by_twos{"in pieces of 2 tokens", 2, 0};
inline const writing by_threes{"in pieces of 3 tokens", 3, 0};
inline const writing by_rounds{"in pieces of a round", 0, 1};

/// At once, in pieces that the budget ends, and in pieces that end with their first round.
inline const std::vector<writing>& all_writings() {
  static const std::vector<writing> all{at_once, by_twos, by_rounds};
  return all;
}

}  // namespace support
