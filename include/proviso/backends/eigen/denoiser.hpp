// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/backends/eigen/engine.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// A bidirectional transformer that scores all positions of a partly masked sequence (concept `proviso::denoiser`).
///
/// Every position of prefix and canvas attends to every position. Nothing is cached between calls: a call costs one
/// evaluation of prefix and canvas.
class denoiser {
 public:
  /// Errors: std::runtime_error naming the file and the fault; std::invalid_argument for a causal model, one without a
  /// mask token, or options out of range.
  explicit denoiser(const std::string& path, const transformer_options& options = {})
      : engine_{std::make_unique<engine>(path, options)}, state_{std::make_unique<sequence>(engine_->open())} {
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
  std::unique_ptr<engine> engine_;
  std::unique_ptr<sequence> state_;
  std::vector<token_id> tokens_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
