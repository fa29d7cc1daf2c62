// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#if !defined(__cpp_exceptions)
#error "proviso: errors are exceptions: do not compile with -fno-exceptions."
#include "this file does not exist: the sentence above is all there is to say"
#endif

namespace proviso {
inline namespace v0 {

/// Index of a token in the vocabulary of a model; valid ids are 0 .. vocab_size - 1.
using token_id = std::int32_t;

/// Index of a node inside the block that was evaluated last (or inside a draft).
using node_id = std::int32_t;

/// The parent of a node that continues the tokens already held by the session.
inline constexpr node_id prefix_node = -1;

/// Where a row of logits lies.
enum class residency : unsigned char { host, device };

/// Why a generation is not running.
enum class stop_reason : unsigned char {
  running,        ///< not stopped
  end_token,      ///< an end token was emitted (it is the last token of the output)
  stop_sequence,  ///< a stop sequence or stop string was completed by the last token
  budget,         ///< the token budget is used up
  capacity,       ///< a session cannot hold more tokens
  cancelled,      ///< the caller asked to stop
  failed          ///< a model or policy threw; what was emitted stays valid
};

/// How an emitted token came about.
enum class origin : unsigned char {
  drafted,    ///< proposed by the drafter and accepted
  corrected,  ///< drawn by the rule where the draft was refused
  bonus,      ///< drawn after a fully accepted draft
  fresh       ///< drawn without any draft
};

/// One emitted token: what it is, how it came about, and the natural logarithm of its probability under the
/// target law (after transforms) at its position.
struct generated_token {
  token_id token = 0;
  origin from = origin::fresh;
  float log_probability = 0.0F;
};

/// A token and the natural logarithm of its probability.
struct scored_token {
  token_id token = 0;
  float log_probability = 0.0F;
};

/// What the model itself says about an emitted token, before transforms, when `limits::best_tokens` asks for it.
struct own_law_report {
  float log_probability = 0.0F;        ///< of the token
  std::span<const scored_token> best;  ///< the most probable tokens, the best first, none of probability 0
};

}  // namespace v0
}  // namespace proviso
