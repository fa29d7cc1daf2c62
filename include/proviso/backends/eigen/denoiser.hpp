// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <proviso/backends/eigen/engine.hpp>
#include <proviso/core/block.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// One canvas inside a `denoiser`: a masked, bounded session in which every token of a block sees every token held and
/// every token of the block. A block with a visibility of its own shows each node exactly what it says; of such a block
/// the leading chain stays. The last `reuse` nodes of a block are not computed again when the session has been rewound
/// from a block that ended at the same place. Errors: those of `transformer_session`.
class canvas_session {
 public:
  explicit canvas_session(std::shared_ptr<engine> shared)
      : engine_{std::move(shared)}, state_{std::make_unique<sequence>(engine_->open())} {}

  std::size_t length() const noexcept { return state_->length(); }
  std::size_t capacity() const noexcept { return engine_->capacity(); }

  logits_view<float> eval(const masked_block& block) {
    const std::size_t end = length() + block.size();
    const bool same = block.visible.empty() && block.reuse < block.size() && end == computed_;
    engine_->eval(
        1,
        [&](std::size_t) {
          return engine_request{state_.get(), block, same ? block.reuse : 0};
        },
        block.visible.empty());
    // What may be continued or rewound into: the nodes that follow one another.
    leading_.clear();
    for (std::size_t i = 0; i < block.size() && block.nodes.parent(i) == static_cast<node_id>(i) - 1; ++i) {
      leading_.push_back(static_cast<node_id>(i));
    }
    state_->keep(leading_);
    computed_ = leading_.size() == block.size() ? end : 0;
    return {state_->logits(), block.nodes.want, engine_->config().vocab_size, engine_->logits_stride()};
  }

  void rewind(std::size_t n) { state_->rewind(n); }
  /// Keeps leading nodes of the block evaluated last.
  void keep(std::span<const node_id> path) {
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (i >= leading_.size() || path[i] != leading_[i]) {
        throw std::invalid_argument("keep: a canvas session can only keep the first nodes of a block");
      }
    }
    state_->rewind(length() - leading_.size() + path.size());
    leading_.resize(path.size());
  }

 private:
  std::shared_ptr<engine> engine_;
  std::unique_ptr<sequence> state_;
  std::vector<node_id> leading_;  // of the last block
  std::size_t computed_ = 0;      // where the block ended whose keys and values lie in the cache
};

/// A bidirectional transformer that scores all positions of a partly masked sequence (concepts `proviso::denoiser` and
/// `proviso::caching_denoiser`).
///
/// Every position of prefix and canvas attends to every position. `score` caches nothing: a call costs one evaluation
/// of prefix and canvas. Sessions of `open_canvas` keep what they hold.
class denoiser {
 public:
  using session = canvas_session;

  /// Errors: std::runtime_error naming the file and the fault; std::invalid_argument for a causal model, one without a
  /// mask token, or options out of range.
  explicit denoiser(const std::string& path, const transformer_options& options = {})
      : engine_{std::make_shared<engine>(path, options)}, state_{std::make_unique<sequence>(engine_->open())} {
    if (!config().bidirectional) {
      throw std::invalid_argument(path + ": the model is causal; open it as a proviso::eigen::transformer");
    }
    if (config().mask_token_ids.empty()) throw std::invalid_argument(path + ": the model has no mask token");
  }

  std::size_t vocab_size() const noexcept { return config().vocab_size; }
  const transformer_config& config() const noexcept { return engine_->config(); }
  token_id mask_token() const noexcept { return config().mask_token_ids.front(); }
  std::optional<token_id> end_token() const noexcept { return config().eos_token_id; }
  /// Longest prefix and canvas together.
  std::size_t capacity() const noexcept { return engine_->capacity(); }

  /// A new empty canvas. It shares the weights, and outlives the denoiser.
  session open_canvas() const { return session{engine_}; }

  /// One row of logits per canvas token, valid until the next call. Errors: std::invalid_argument for a token outside
  /// the vocabulary; std::length_error where prefix and canvas exceed the capacity.
  logits_view<float> score(std::span<const token_id> prefix, std::span<const token_id> canvas) {
    tokens_.assign(prefix.begin(), prefix.end());
    tokens_.insert(tokens_.end(), canvas.begin(), canvas.end());
    state_->rewind(0);
    const chain_block block{tokens_, canvas.size()};
    engine_->eval(
        1,
        [&](std::size_t) {
          return engine_request{state_.get(), block};
        },
        true);
    return {state_->logits(), state_->rows(), config().vocab_size, engine_->logits_stride()};
  }

 private:
  std::shared_ptr<engine> engine_;
  std::unique_ptr<sequence> state_;
  std::vector<token_id> tokens_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
