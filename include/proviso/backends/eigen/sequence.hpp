// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/backends/eigen/aligned_array.hpp>
#include <proviso/backends/eigen/attention.hpp>
#include <proviso/backends/eigen/kv_cache.hpp>
#include <proviso/core/block.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// What a session holds between calls: its cache, the shape of the last block, and its results.
///
/// Node i of the last block lies in slot base() + i until `keep` or `rewind` decides what stays.
class sequence {
 public:
  /// `lazy`: rows of logits are left to `compute_missing`.
  sequence(const transformer_config& config, std::size_t capacity, bool lazy = false)
      : cache_(config, capacity), lazy_{lazy} {}

  std::size_t length() const noexcept { return length_; }
  /// Rows of logits and features of the last block.
  std::size_t rows() const noexcept { return rows_; }
  const float* logits() const noexcept { return logits_.data(); }
  const float* features() const noexcept { return features_.data(); }
  bool lazy() const noexcept { return lazy_; }

  /// Calls `score(features, logits)` for row `row` of a lazy sequence when that has not been done yet.
  template <class Score>
  void compute_missing(std::size_t row, std::size_t logits_stride, std::size_t features_stride, Score&& score) {
    if (scored_[row]) return;
    score(features_.data() + row * features_stride, logits_.data() + row * logits_stride);
    scored_[row] = true;
  }

  /// Whether the tokens held are a chain, so that something can follow them.
  bool settled() const noexcept { return length_ == base_ + chain_; }

  /// Makes room for the results of a checked block and writes down positions, parents and visibility; `everything`:
  /// every node sees every node.
  void prepare(const masked_block& block, bool everything, std::size_t logits_stride, std::size_t features_stride) {
    const std::size_t size = block.size();
    logits_.reserve(block.nodes.want * logits_stride);
    features_.reserve(block.nodes.want * features_stride);
    positions_.resize(size);
    parents_.resize(size);
    run_.resize(size);
    visible_.clear();
    bool chain = true;
    for (std::size_t i = 0; i < size; ++i) {
      const node_id parent = block.nodes.parent(i);
      chain = chain && parent == static_cast<node_id>(i) - 1;
      parents_[i] = parent;
      positions_[i] = parent == prefix_node ? length_ : positions_[static_cast<std::size_t>(parent)] + 1;
      run_[i] = everything ? size : !block.visible.empty() ? run_of(block, i) : chain ? i + 1 : block_part::irregular;
    }
    if (everything) return;
    if (!block.visible.empty()) {
      visible_.assign(block.visible.begin(), block.visible.end());
    } else if (!chain) {
      show_ancestors(block.words_per_row());
    }
  }

  /// Whether some node of the prepared block sees a later one, so that the block cannot be cut.
  bool looks_ahead(const masked_block& block) const {
    for (std::size_t i = 0; i < run_.size(); ++i) {
      if (run_[i] != block_part::irregular) {
        if (run_[i] > i + 1) return true;
        continue;
      }
      for (std::size_t j = i + 1; j < run_.size() && !block.visible.empty(); ++j) {
        if (block.sees(i, j)) return true;
      }
    }
    return false;
  }

  /// Nodes [first, last) of the prepared block; `known`: nodes that lie in the cache once they are done.
  block_part part(const masked_block& block, std::size_t first, std::size_t last, std::size_t known) {
    block_part result;
    result.cache = &cache_;
    result.base = length_;
    result.first = first;
    result.last = last;
    result.known = known;
    result.tokens = block.nodes.tokens.data();
    result.positions = positions_.data();
    result.run = run_.data();
    result.visible = visible_.data();
    result.visible_words = block.words_per_row();
    result.wanted = block.size() - block.nodes.want;
    result.logits = lazy_ ? nullptr : logits_.data();
    result.features = features_.data();
    return result;
  }

  /// The prepared block has been evaluated.
  void commit(const masked_block& block) {
    base_ = length_;
    length_ += block.size();
    rows_ = block.nodes.want;
    if (lazy_) scored_.assign(rows_, false);
    chain_ = 0;
    while (chain_ < block.size() && parents_[chain_] == static_cast<node_id>(chain_) - 1 &&
           run_[chain_] == chain_ + 1) {
      ++chain_;
    }
  }

  /// Forgets all but the first `n` tokens.
  void rewind(std::size_t n) {
    if (n > length_) {
      throw std::invalid_argument("rewind to " + std::to_string(n) + " tokens, but the session holds " +
                                  std::to_string(length_));
    }
    if (n > base_ + chain_) throw std::logic_error("rewind into a block that is not a chain; call keep() first");
    length_ = n;
    base_ = (std::min)(base_, n);
    chain_ = n - base_;
    parents_.clear();
    rows_ = 0;
  }

  /// Keeps a path of the last block and forgets its other nodes.
  void keep(std::span<const node_id> path) {
    for (std::size_t i = 0; i < path.size(); ++i) {
      const bool known = path[i] >= 0 && static_cast<std::size_t>(path[i]) < parents_.size();
      const node_id before = i == 0 ? prefix_node : path[i - 1];
      if (!known || parents_[static_cast<std::size_t>(path[i])] != before) {
        throw std::invalid_argument("keep: entry " + std::to_string(i) + " (node " + std::to_string(path[i]) +
                                    ") does not continue the path inside the last block");
      }
    }
    for (std::size_t i = 0; i < path.size(); ++i) {
      const auto from = static_cast<std::size_t>(path[i]);
      if (from != i) cache_.copy(base_ + from, base_ + i);
    }
    length_ = base_ + path.size();
    chain_ = path.size();
    parents_.clear();
    rows_ = 0;
  }

 private:
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
  void show_ancestors(std::size_t words) {
    visible_.assign(parents_.size() * words, 0);
    for (std::size_t i = 0; i < parents_.size(); ++i) {
      std::uint64_t* row = visible_.data() + i * words;
      if (parents_[i] != prefix_node) {
        std::copy_n(visible_.data() + static_cast<std::size_t>(parents_[i]) * words, words, row);
      }
      row[i / 64] |= std::uint64_t{1} << (i % 64);
    }
  }

  kv_cache cache_;
  bool lazy_;
  std::size_t length_ = 0;
  std::size_t base_ = 0;   ///< length before the last block
  std::size_t chain_ = 0;  ///< leading nodes of the last block that form a plain chain
  std::size_t rows_ = 0;
  std::vector<node_id> parents_;  ///< of the last block
  std::vector<std::size_t> positions_;
  std::vector<std::size_t> run_;  ///< see `block_part`
  std::vector<std::uint64_t> visible_;
  aligned_array<float> logits_;
  aligned_array<float> features_;
  std::vector<bool> scored_;  ///< rows of logits of a lazy sequence that were computed
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
