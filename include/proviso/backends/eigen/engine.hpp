// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <proviso/backends/eigen/forward_pass.hpp>
#include <proviso/backends/eigen/kernels.hpp>
#include <proviso/backends/eigen/kv_cache.hpp>
#include <proviso/backends/eigen/weights.hpp>
#include <proviso/core/block.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// How a transformer runs.
struct transformer_options {
  std::size_t threads = 1;                                   ///< members of the team, the caller included
  weight_storage storage = weight_storage::as_stored;        ///< how weights are kept in memory
  std::size_t capacity = 0;                                  ///< tokens per session; 0: what the model was made for
  std::optional<instruction_set> kernels = std::nullopt;     ///< the strongest of this machine unless named
};

/// What a session holds between calls.
struct sequence_state {
  kv_cache cache;
  std::size_t length = 0;
  std::size_t base = 0;           ///< length before the last block
  std::size_t chain = 0;          ///< leading nodes of the last block that form a plain chain
  std::vector<node_id> parents;   ///< of the last block
  std::vector<std::size_t> positions;
  std::vector<std::size_t> run;   ///< see `block_part`
  std::vector<std::uint64_t> visible;
  std::size_t rows = 0;           ///< rows of logits and features
  aligned_array<float> logits;
  aligned_array<float> features;
};

/// One block for one sequence.
struct engine_request {
  sequence_state* state = nullptr;
  masked_block block;
};

/// Weights, threads and working memory shared by the sessions of a model; checks blocks and cuts them into passes.
class engine {
 public:
  engine(const std::string& path, const transformer_options& options)
      : weights_{load(path, options)},
        capacity_{options.capacity == 0 ? weights_.config.max_position_embeddings : options.capacity},
        pass_{weights_, checked_threads(options), checked_capacity()} {}

  const transformer_config& config() const noexcept { return weights_.config; }
  const transformer_weights& weights() const noexcept { return weights_; }
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t logits_stride() const noexcept { return pass_.logits_stride(); }
  std::size_t features_stride() const noexcept { return pass_.features_stride(); }

  sequence_state open() const {
    sequence_state state;
    state.cache = kv_cache(config(), capacity_);
    return state;
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
      check(requests_[i], item);
      for (std::size_t j = 0; j < i; ++j) {
        if (requests_[j].state == requests_[i].state) throw std::invalid_argument(item() + "the session appears twice");
      }
    }
    for (const engine_request& request : requests_) prepare(request, everything);
    run(requests_);
    for (const engine_request& request : requests_) commit(request);
  }

  void rewind(sequence_state& state, std::size_t n) const {
    if (n > state.length) {
      throw std::invalid_argument("rewind to " + std::to_string(n) + " tokens, but the session holds " +
                                  std::to_string(state.length));
    }
    if (n > state.base + state.chain) {
      throw std::logic_error("rewind into a block that is not a chain; call keep() first");
    }
    state.length = n;
    state.base = (std::min)(state.base, n);
    state.chain = n - state.base;
    state.parents.clear();
    state.rows = 0;
  }

  void keep(sequence_state& state, std::span<const node_id> path) const {
    for (std::size_t i = 0; i < path.size(); ++i) {
      const bool known = path[i] >= 0 && static_cast<std::size_t>(path[i]) < state.parents.size();
      const node_id before = i == 0 ? prefix_node : path[i - 1];
      if (!known || state.parents[static_cast<std::size_t>(path[i])] != before) {
        throw std::invalid_argument("keep: entry " + std::to_string(i) + " (node " + std::to_string(path[i]) +
                                    ") does not continue the path inside the last block");
      }
    }
    for (std::size_t i = 0; i < path.size(); ++i) {
      const auto from = static_cast<std::size_t>(path[i]);
      if (from != i) state.cache.copy(state.base + from, state.base + i);
    }
    state.length = state.base + path.size();
    state.chain = path.size();
    state.parents.clear();
    state.rows = 0;
  }

 private:
  static constexpr std::size_t rows_per_pass = 64;

  static transformer_weights load(const std::string& path, const transformer_options& options) {
    const instruction_set set = options.kernels.value_or(strongest_instruction_set());
    if (!runs(set)) throw std::invalid_argument("this machine does not run the requested kernels");
    const safetensors file(path);
    return weights_reader(file, options.storage, kernels_of(set)).read();
  }

  static std::size_t checked_threads(const transformer_options& options) {
    if (options.threads == 0 || options.threads > 1024) throw std::invalid_argument("threads must be between 1 and 1024");
    return options.threads;
  }

  std::size_t checked_capacity() const {
    if (capacity_ > config().max_position_embeddings) {
      throw std::invalid_argument("a capacity of " + std::to_string(capacity_) + " is over the " +
                                  std::to_string(config().max_position_embeddings) + " positions of the model");
    }
    return capacity_;
  }

  /// Throws where the request cannot be evaluated; `item` names it.
  template <class Item>
  void check(const engine_request& request, Item item) const {
    const auto invalid = [&](const std::string& fault) { throw std::invalid_argument(item() + fault); };
    const masked_block& block = request.block;
    const sequence_state& state = *request.state;
    const std::size_t size = block.size();
    if (state.length > state.base + state.chain) {
      throw std::logic_error(item() + "the block before was not a chain; call keep() first");
    }
    if (block.nodes.want > size) {
      invalid("want is " + std::to_string(block.nodes.want) + ", but the block has " + std::to_string(size) + " tokens");
    }
    if (size > capacity_ - state.length) {
      throw std::length_error(item() + "the session holds " + std::to_string(state.length) + " of " + std::to_string(capacity_) +
                              " tokens; a block of " + std::to_string(size) + " does not fit");
    }
    for (std::size_t i = 0; i < size; ++i) {
      const token_id token = block.nodes.tokens[i];
      if (token < 0 || static_cast<std::size_t>(token) >= config().vocab_size) {
        invalid("token " + std::to_string(token) + " at index " + std::to_string(i) + " lies outside the vocabulary of " +
                std::to_string(config().vocab_size));
      }
    }
    if (!block.nodes.parents.empty()) {
      if (block.nodes.parents.size() != size) invalid("the block has another number of parents than tokens");
      for (std::size_t i = 0; i < size; ++i) {
        const node_id parent = block.nodes.parents[i];
        if (parent < prefix_node || parent >= static_cast<node_id>(i)) {
          invalid("the parent " + std::to_string(parent) + " of node " + std::to_string(i) + " does not precede it");
        }
      }
    }
    if (!block.visible.empty()) {
      const std::size_t words = block.words_per_row();
      if (block.visible.size() != size * words) invalid("the visibility of the block has the wrong size");
      for (std::size_t i = 0; i < size && state.length == 0; ++i) {
        bool any = false;
        for (std::size_t j = 0; j < size; ++j) any = any || block.sees(i, j);
        if (!any) invalid("node " + std::to_string(i) + " sees nothing");
      }
    }
  }

  /// Makes room for the results and writes down positions, parents and visibility. Changes nothing that counts.
  void prepare(const engine_request& request, bool everything) const {
    const masked_block& block = request.block;
    sequence_state& state = *request.state;
    const std::size_t size = block.size();
    const std::size_t words = block.words_per_row();
    state.logits.reserve(block.nodes.want * logits_stride());
    state.features.reserve(block.nodes.want * features_stride());
    state.positions.resize(size);
    state.parents.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
      const node_id parent = block.nodes.parent(i);
      state.parents[i] = parent;
      state.positions[i] = parent == prefix_node ? state.length : state.positions[static_cast<std::size_t>(parent)] + 1;
    }
    state.run.resize(size);
    state.visible.clear();
    if (everything) {
      std::fill(state.run.begin(), state.run.end(), size);
    } else if (!block.visible.empty()) {
      state.visible.assign(block.visible.begin(), block.visible.end());
      for (std::size_t i = 0; i < size; ++i) state.run[i] = run_of(block, i);
    } else {
      bool chain = true;
      for (std::size_t i = 0; i < size; ++i) {
        chain = chain && state.parents[i] == static_cast<node_id>(i) - 1;
        state.run[i] = chain ? i + 1 : block_part::irregular;
      }
      if (!chain) show_ancestors(state, words);
    }
  }

  /// The number of nodes that node `i` sees if those are the first ones, `irregular` otherwise.
  static std::size_t run_of(const masked_block& block, std::size_t i) {
    std::size_t run = 0;
    while (run < block.size() && block.sees(i, run)) ++run;
    for (std::size_t j = run; j < block.size(); ++j) {
      if (block.sees(i, j)) return block_part::irregular;
    }
    return run;
  }

  /// Every node sees its ancestors and itself.
  static void show_ancestors(sequence_state& state, std::size_t words) {
    state.visible.assign(state.parents.size() * words, 0);
    for (std::size_t i = 0; i < state.parents.size(); ++i) {
      std::uint64_t* row = state.visible.data() + i * words;
      if (state.parents[i] != prefix_node) {
        std::copy_n(state.visible.data() + static_cast<std::size_t>(state.parents[i]) * words, words, row);
      }
      row[i / 64] |= std::uint64_t{1} << (i % 64);
    }
  }

  /// Whether some node sees a later one, so that the block cannot be cut.
  static bool looks_ahead(const engine_request& request) {
    const sequence_state& state = *request.state;
    for (std::size_t i = 0; i < state.run.size(); ++i) {
      if (state.run[i] != block_part::irregular) {
        if (state.run[i] > i + 1) return true;
        continue;
      }
      for (std::size_t j = i + 1; j < state.run.size() && !request.block.visible.empty(); ++j) {
        if (request.block.sees(i, j)) return true;
      }
    }
    return false;
  }

  /// Cuts the blocks into passes of bounded size, in order.
  void run(std::span<const engine_request> requests) {
    parts_.clear();
    std::size_t rows = 0;
    const auto flush = [&] {
      if (rows != 0) pass_.run(parts_);
      parts_.clear();
      rows = 0;
    };
    for (const engine_request& request : requests) {
      const std::size_t size = request.block.size();
      const bool whole = size > rows_per_pass && looks_ahead(request);
      if (whole) flush();
      for (std::size_t first = 0; first < size;) {
        const std::size_t last = whole ? size : (std::min)(size, first + rows_per_pass - rows);
        parts_.push_back(part(request, first, last));
        rows += last - first;
        first = last;
        if (rows >= rows_per_pass) flush();
      }
    }
    flush();
  }

  block_part part(const engine_request& request, std::size_t first, std::size_t last) const {
    sequence_state& state = *request.state;
    block_part result;
    result.cache = &state.cache;
    result.base = state.length;
    result.first = first;
    result.last = last;
    result.tokens = request.block.nodes.tokens.data();
    result.positions = state.positions.data();
    result.run = state.run.data();
    result.visible = state.visible.data();
    result.visible_words = request.block.words_per_row();
    result.wanted = request.block.size() - request.block.nodes.want;
    result.logits = state.logits.data();
    result.features = state.features.data();
    return result;
  }

  static void commit(const engine_request& request) {
    sequence_state& state = *request.state;
    const std::size_t size = request.block.size();
    state.base = state.length;
    state.length += size;
    state.rows = request.block.nodes.want;
    state.chain = 0;
    while (state.chain < size && state.parents[state.chain] == static_cast<node_id>(state.chain) - 1 &&
           state.run[state.chain] == state.chain + 1) {
      ++state.chain;
    }
  }

  transformer_weights weights_;
  std::size_t capacity_;
  std::mutex mutex_;
  forward_pass pass_;
  std::vector<engine_request> requests_;
  std::vector<block_part> parts_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
