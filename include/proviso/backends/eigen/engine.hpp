// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/backends/eigen/forward_pass.hpp>
#include <proviso/backends/eigen/kernels.hpp>
#include <proviso/backends/eigen/sequence.hpp>
#include <proviso/backends/eigen/weights.hpp>
#include <proviso/core/block.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// How a transformer runs.
struct transformer_options {
  std::size_t threads = 1;                                ///< the caller included
  std::size_t share_above = std::size_t{4} << 20;         ///< the threads share a pass over more weight bytes x rows
  weight_storage storage = weight_storage::as_stored;     ///< how weights are kept in memory
  std::size_t capacity = 0;                               ///< tokens per session; 0: all positions of the model
  std::optional<instruction_set> kernels = std::nullopt;  ///< the strongest of this machine unless named
  bool lazy_logits = false;  ///< rows of logits are computed when they are asked for, each in a product of its own
  std::string member{};      ///< the model of a shared file
};

/// One block for one sequence.
struct engine_request {
  sequence* state = nullptr;
  masked_block block;
  std::size_t reuse = 0;  ///< the last nodes whose keys and values already lie in their slots of the cache
};

/// Weights, threads and working memory shared by the sessions of a model; checks blocks and cuts them into passes.
class engine {
 public:
  engine(const std::string& path, const transformer_options& options)
      : weights_{load(path, options)},
        capacity_{options.capacity == 0 ? weights_.config.max_position_embeddings : options.capacity},
        lazy_{options.lazy_logits},
        pass_{weights_, checked_threads(options), options.share_above, checked_capacity()} {}

  const transformer_config& config() const noexcept { return weights_.config; }
  const transformer_weights& weights() const noexcept { return weights_; }
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t logits_stride() const noexcept { return pass_.logits_stride(); }
  std::size_t features_stride() const noexcept { return pass_.features_stride(); }

  bool lazy_logits() const noexcept { return lazy_; }
  sequence open(bool lazy = false) const { return {config(), capacity_, lazy}; }

  /// Makes sure that row `row` of the last block of a lazy sequence is there.
  void score(sequence& state, std::size_t row) {
    const std::lock_guard lock{mutex_};
    state.compute_missing(row, logits_stride(), features_stride(),
                          [this](const float* features, float* logits) { pass_.score(features, logits); });
  }

  /// Evaluates one block for each of `count` sequences, `request_of(i)` being the i-th. With `everything`, every node
  /// sees every node. Calls from several threads run one after another.
  template <class F>
  void eval(std::size_t count, F request_of, bool everything = false) {
    const std::lock_guard lock{mutex_};
    requests_.clear();
    for (std::size_t i = 0; i < count; ++i) requests_.push_back(request_of(i));
    for (std::size_t i = 0; i < count; ++i) {
      const auto item = [&] { return count > 1 ? "batch item " + std::to_string(i) + ": " : std::string{}; };
      check(*requests_[i].state, requests_[i].block, item);
      for (std::size_t j = 0; j < i; ++j) {
        if (requests_[j].state == requests_[i].state) throw std::invalid_argument(item() + "the session appears twice");
      }
    }
    for (const engine_request& r : requests_) r.state->prepare(r.block, everything, logits_stride(), features_stride());
    run();
    for (const engine_request& r : requests_) r.state->commit(r.block);
  }

 private:
  static constexpr std::size_t rows_per_pass = 64;

  static transformer_weights load(const std::string& path, const transformer_options& options) {
    const instruction_set set = options.kernels.value_or(strongest_instruction_set());
    if (!runs(set)) {
      throw std::invalid_argument(std::string{"proviso: this machine does not run the kernels '"} + name_of(set) + "'");
    }
    const safetensors file(path);
    const kernel_table kernels = kernels_of(set);
    return weights_reader(file, options.storage, kernels, options.member).read();
  }

  static std::size_t checked_threads(const transformer_options& options) {
    if (options.threads == 0 || options.threads > 1024) {
      throw std::invalid_argument("threads must be between 1 and 1024");
    }
    return options.threads;
  }

  std::size_t checked_capacity() const {
    if (capacity_ > config().max_position_embeddings) {
      throw std::invalid_argument("a capacity of " + std::to_string(capacity_) + " is over the " +
                                  std::to_string(config().max_position_embeddings) + " positions of the model");
    }
    return capacity_;
  }

  /// Throws where a block cannot be evaluated; `item()` names it.
  template <class Item>
  void check(const sequence& state, const masked_block& block, Item item) const {
    const std::size_t size = block.size();
    if (!state.settled()) throw std::logic_error(item() + "the block before was not a chain; call keep() first");
    if (block.nodes.want > size) {
      throw std::invalid_argument(item() + "want is " + std::to_string(block.nodes.want) + ", but the block has " +
                                  std::to_string(size) + " tokens");
    }
    if (size > capacity_ - state.length()) {
      throw std::length_error(item() + "the session holds " + std::to_string(state.length()) + " of " +
                              std::to_string(capacity_) + " tokens; a block of " + std::to_string(size) +
                              " does not fit");
    }
    for (std::size_t i = 0; i < size; ++i) {
      const token_id token = block.nodes.tokens[i];
      if (token < 0 || static_cast<std::size_t>(token) >= config().vocab_size) {
        throw std::invalid_argument(item() + "token " + std::to_string(token) + " at index " + std::to_string(i) +
                                    " lies outside the vocabulary of " + std::to_string(config().vocab_size));
      }
    }
    check_parents(block, item);
    check_visibility(state, block, item);
  }

  template <class Item>
  static void check_parents(const masked_block& block, Item item) {
    const std::span<const node_id> parents = block.nodes.parents;
    if (parents.empty()) return;
    if (parents.size() != block.size()) {
      throw std::invalid_argument(item() + "the block has another number of parents than tokens");
    }
    for (std::size_t i = 0; i < parents.size(); ++i) {
      if (parents[i] < prefix_node || parents[i] >= static_cast<node_id>(i)) {
        throw std::invalid_argument(item() + "the parent " + std::to_string(parents[i]) + " of node " +
                                    std::to_string(i) + " does not precede it");
      }
    }
  }

  template <class Item>
  static void check_visibility(const sequence& state, const masked_block& block, Item item) {
    if (block.visible.empty()) return;
    if (block.visible.size() != block.size() * block.words_per_row()) {
      throw std::invalid_argument(item() + "the visibility of the block has the wrong size");
    }
    for (std::size_t i = 0; i < block.size() && state.length() == 0; ++i) {
      bool any = false;
      for (std::size_t j = 0; j < block.size(); ++j) any = any || block.sees(i, j);
      if (!any) throw std::invalid_argument(item() + "node " + std::to_string(i) + " sees nothing");
    }
  }

  /// Cuts the prepared blocks into passes of bounded size, in order.
  void run() {
    parts_.clear();
    std::size_t rows = 0;
    const auto flush = [&] {
      if (rows != 0) pass_.run(parts_);
      parts_.clear();
      rows = 0;
    };
    for (const engine_request& request : requests_) {
      const std::size_t size = request.block.size() - request.reuse;
      const bool whole = request.reuse > 0 || (size > rows_per_pass && request.state->looks_ahead(request.block));
      if (whole) flush();
      for (std::size_t first = 0; first < size;) {
        const std::size_t last = whole ? size : (std::min)(size, first + rows_per_pass - rows);
        parts_.push_back(request.state->part(request.block, first, last, last + request.reuse));
        rows += last - first;
        first = last;
        if (rows >= rows_per_pass) flush();
      }
    }
    flush();
  }

  transformer_weights weights_;
  std::size_t capacity_;
  bool lazy_;
  std::mutex mutex_;
  forward_pass pass_;
  std::vector<engine_request> requests_;
  std::vector<block_part> parts_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
