// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <proviso/backends/eigen/engine.hpp>
#include <proviso/core/block.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>
#include <proviso/model/concepts.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// One sequence inside a `transformer`: its key-value cache and its last logits.
///
/// A masked, bounded session (`proviso/model/concepts.hpp`). A row of logits is the same bit for bit whatever
/// the width of the block, the other blocks of the call, and the number of threads; a row of a tree equals the row of
/// the chain along its path. Different sessions may be used from different threads; calls on one model run one
/// after another. Not copyable; a moved-from session can only be destroyed or assigned to.
class transformer_session {
 public:
  /// Tokens held.
  std::size_t length() const noexcept { return state_->text.length(); }
  /// Tokens that fit.
  std::size_t capacity() const noexcept { return engine_->capacity(); }
  /// Any rewind works.
  std::size_t max_rewind() const noexcept { return (std::numeric_limits<std::size_t>::max)(); }

  /// Appends a block (chain, tree or masked) and returns one row of logits for each of its last `want` nodes, valid
  /// until the next call on this session.
  ///
  /// A block that is not a chain, or hides something from a node, must be followed by `keep`, or by a `rewind` to a
  /// length at which only a plain chain is held. Errors: std::invalid_argument for a token outside the vocabulary,
  /// `want` beyond the block, a parent that does not precede its node, visibility of the wrong size or that shows a
  /// node nothing; std::length_error where the capacity does not suffice; std::logic_error where `keep` is missing.
  /// After an error the session is as before the call.
  lazy_logits_view<float> eval(masked_block block) {
    engine_->eval(1, [&](std::size_t) { return engine_request{&state_->text, block}; });
    return logits();
  }

  /// Forgets all but the first `n` tokens. Errors: std::invalid_argument where `n > length()`; std::logic_error where
  /// the first `n` tokens are not a chain.
  void rewind(std::size_t n) { state_->text.rewind(n); }

  /// Keeps these nodes of the block evaluated last, each the parent of the next, and forgets the others.
  /// Errors: std::invalid_argument where they are no such path.
  void keep(std::span<const node_id> path) { state_->text.keep(path); }

  /// The rows that the head multiplied (after the last norm), parallel to the logits of the last call.
  logits_view<float> features() const noexcept {
    return {state_->text.features(), state_->text.rows(), engine_->config().hidden_size, engine_->features_stride()};
  }

 private:
  friend class transformer;

  explicit transformer_session(std::shared_ptr<engine> shared)
      : engine_{std::move(shared)},
        state_{std::make_unique<held>(held{engine_->open(engine_->lazy_logits()), engine_.get()})} {}

  lazy_logits_view<float> logits() const noexcept {
    const logits_view<float> rows{state_->text.logits(), state_->text.rows(), engine_->config().vocab_size,
                                  engine_->logits_stride()};
    if (!state_->text.lazy()) return {rows, {}};
    return {rows, {state_.get(), [](void* h, std::size_t row) {
                     static_cast<held*>(h)->home->score(static_cast<held*>(h)->text, row);
                   }}};
  }

  /// Stays where it is when the session moves.
  struct held {
    sequence text;
    engine* home;
  };
  std::shared_ptr<engine> engine_;
  std::unique_ptr<held> state_;
};

/// A causal LLaMA-style decoder on the CPU (RMSNorm, rotary positions, SwiGLU, grouped-query attention).
///
/// Loads a safetensors file of format "proviso-llama" (docs/backends/eigen.md). Weights are int8, half or float;
/// activations are floats. Satisfies `masked_model` and `batched_model`. Copies share the weights and the threads.
///
///     proviso::eigen::transformer model{"base.safetensors", {.threads = 2}};
///     auto session = model.open();
///     auto logits = session.eval(proviso::chain_block{prompt, 1});
class transformer {
 public:
  using session = transformer_session;

  /// Errors: std::runtime_error naming the file and the fault; std::invalid_argument for options out of range.
  explicit transformer(const std::string& path, const transformer_options& options = {})
      : engine_{std::make_shared<engine>(path, options)} {
    if (config().bidirectional) {
      throw std::invalid_argument(path + ": the model is bidirectional; open it as a proviso::eigen::denoiser");
    }
  }

  std::size_t vocab_size() const noexcept { return config().vocab_size; }
  const transformer_config& config() const noexcept { return engine_->config(); }
  /// The token that ends a text, where the model has one.
  std::optional<token_id> end_token() const noexcept { return config().eos_token_id; }
  /// Tokens that stand for "predict here", first offset first; empty where the model has none.
  std::span<const token_id> mask_tokens() const noexcept { return config().mask_token_ids; }
  /// Bytes of weights that one evaluation reads.
  std::size_t streamed_bytes() const { return engine_->weights().streamed_bytes(); }

  /// A new empty sequence. Memory for its cache is reserved, and touched as the sequence grows.
  session open() { return session{engine_}; }

  /// Evaluates the blocks of many sessions together; every weight is read once for all of them.
  ///
  /// Fills `logits` of each item with what `eval` of that session alone would return. Errors: those of `eval`, with the
  /// index of the item; std::invalid_argument for a missing, repeated or foreign session. After an error all sessions
  /// are as before.
  void eval(std::span<batch_item<session>> items) {
    engine_->eval(items.size(), [&](std::size_t i) {
      if (items[i].session == nullptr || items[i].session->engine_ != engine_) {
        throw std::invalid_argument("batch item " + std::to_string(i) + " has no session of this model");
      }
      return engine_request{&items[i].session->state_->text, items[i].block};
    });
    for (batch_item<session>& item : items) item.logits = item.session->logits();
  }

 private:
  std::shared_ptr<engine> engine_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
