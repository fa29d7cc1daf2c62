// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <proviso/core/block.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/types.hpp>
#include <proviso/model/any_model.hpp>
#include <proviso/model/concepts.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// One row of logits for every sequence of `order` tokens: a Markov chain. A text with fewer tokens is read as if
/// token 0 stood before it.
///
/// Shape: `vocab^order` rows of `vocab` logits; the row of tokens (.., b, a), a the last, is row a + vocab * b + ...
class row_table {
 public:
  /// Throws `std::invalid_argument` when `logits` does not have that shape.
  row_table(std::size_t vocab, std::size_t order, std::vector<float> logits)
      : vocab_{vocab}, order_{order}, logits_{std::move(logits)} {
    std::size_t rows = 1;
    for (std::size_t i = 0; i < order; ++i) rows *= vocab;
    if (vocab == 0 || logits_.size() != rows * vocab) {
      throw std::invalid_argument("proviso: row_table: a table of order " + std::to_string(order) + " over " +
                                  std::to_string(vocab) + " tokens has " + std::to_string(rows * vocab) +
                                  " logits, got " + std::to_string(logits_.size()));
    }
  }

  std::size_t vocab() const noexcept { return vocab_; }
  std::size_t order() const noexcept { return order_; }
  std::span<const float> logits() const noexcept { return logits_; }
  /// The row after `context`.
  std::span<const float> row(std::span<const token_id> context) const noexcept {
    std::size_t index = 0;
    const std::size_t used = order_ < context.size() ? order_ : context.size();
    for (std::size_t i = context.size() - used; i < context.size(); ++i) {
      index = index * vocab_ + static_cast<std::size_t>(context[i]);
    }
    return std::span<const float>{logits_}.subspan(index * vocab_, vocab_);
  }

 private:
  std::size_t vocab_;
  std::size_t order_;
  std::vector<float> logits_;
};

/// Logits spread evenly over [-sharpness, sharpness], drawn by `philox`: the same table on every platform.
inline row_table random_table(std::size_t vocab, std::size_t order, std::uint64_t seed, float sharpness = 2.0F) {
  std::size_t count = vocab;
  for (std::size_t i = 0; i < order; ++i) count *= vocab;
  const philox source{seed};
  std::vector<float> logits(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double u = source.uniform({purpose::selection, static_cast<std::uint32_t>(i), 0, 0});
    logits[i] = static_cast<float>((2.0 * u - 1.0) * static_cast<double>(sharpness));
  }
  return {vocab, order, std::move(logits)};
}

/// A drafter at a chosen distance from `p`: the laws q = (1 - eps) p + eps r, with r the laws of `noise`, which has
/// the shape of `p`. Its total variation distance from p is eps times that of r.
inline row_table blended(const row_table& p, const row_table& noise, double eps) {
  if (p.vocab() != noise.vocab() || p.order() != noise.order()) {
    throw std::invalid_argument("proviso: blended: the two tables have different shapes");
  }
  const std::size_t vocab = p.vocab();
  std::vector<float> logits(p.logits().size());
  std::vector<float> a(vocab);
  std::vector<float> b(vocab);
  for (std::size_t begin = 0; begin < logits.size(); begin += vocab) {
    const std::span<const float> x = p.logits().subspan(begin, vocab);
    const std::span<const float> y = noise.logits().subspan(begin, vocab);
    const double sum_a = numeric::exp_weights(x, numeric::maximum(x).value, 1.0F, a);
    const double sum_b = numeric::exp_weights(y, numeric::maximum(y).value, 1.0F, b);
    for (std::size_t i = 0; i < vocab; ++i) {
      const double q = (1.0 - eps) * static_cast<double>(a[i]) / sum_a + eps * static_cast<double>(b[i]) / sum_b;
      logits[begin + i] = static_cast<float>(numeric::log(q));
    }
  }
  return {vocab, p.order(), std::move(logits)};
}

/// What a model was asked to do.
struct call_counts {
  std::size_t calls = 0;    ///< evaluations; one of many sessions counts once
  std::size_t blocks = 0;   ///< blocks in those evaluations
  std::size_t tokens = 0;   ///< tokens in those blocks
  std::size_t rows = 0;     ///< rows of logits that were wanted
  std::size_t rewinds = 0;  ///< calls of `rewind`
  std::size_t keeps = 0;    ///< calls of `keep`
  std::size_t open = 0;     ///< sessions alive
};

/// A model whose rows are a function of the tokens that a position sees: chains, trees, masks, and many sessions in
/// one call. Rows are bit-identical whatever the block and the batch. Its sessions check the contract of the
/// library and throw `std::logic_error` when a caller breaks it. The model outlives its sessions and does not move.
class table_model {
 public:
  /// Fills the row after `context`. In a masked block the context is: the session's tokens, the nodes that are
  /// seen, in the order of the block, and the node itself last.
  using row_function = std::function<void(std::span<const token_id> context, std::span<float> row)>;

  table_model(std::size_t vocab, row_function rows, std::size_t capacity = unlimited,
              std::size_t max_rewind = unlimited)
      : rows_{std::move(rows)}, vocab_{vocab}, capacity_{capacity}, max_rewind_{max_rewind} {}
  explicit table_model(row_table table, std::size_t capacity = unlimited, std::size_t max_rewind = unlimited)
      : vocab_{table.vocab()}, capacity_{capacity}, max_rewind_{max_rewind} {
    rows_ = [laws = std::move(table)](std::span<const token_id> context, std::span<float> row) {
      const std::span<const float> from = laws.row(context);
      for (std::size_t i = 0; i < row.size(); ++i) row[i] = from[i];
    };
  }
  table_model(const table_model&) = delete;
  table_model& operator=(const table_model&) = delete;

  class session_type {
   public:
    explicit session_type(table_model& model) : model_{&model} {
      ++model_->counts_.open;
      if (model.capacity_ != unlimited) {  // then evaluating allocates only when a block is larger than all before
        tokens_.reserve(model.capacity_);
        parents_.reserve(model.capacity_);
        context_.reserve(model.capacity_);
      }
    }
    session_type(session_type&& other) noexcept
        : model_{std::exchange(other.model_, nullptr)},
          tokens_{std::move(other.tokens_)},
          parents_{std::move(other.parents_)},
          rows_{std::move(other.rows_)},
          context_{std::move(other.context_)},
          base_{other.base_} {}
    session_type& operator=(session_type&& other) noexcept {
      std::swap(model_, other.model_);
      std::swap(tokens_, other.tokens_);
      std::swap(parents_, other.parents_);
      std::swap(rows_, other.rows_);
      std::swap(context_, other.context_);
      std::swap(base_, other.base_);
      return *this;
    }
    ~session_type() {
      if (model_ != nullptr) --model_->counts_.open;
    }

    std::size_t length() const noexcept { return tokens_.size(); }
    std::size_t capacity() const noexcept { return model_->capacity_; }
    std::size_t max_rewind() const noexcept { return model_->max_rewind_; }
    /// The tokens held, in the order of evaluation.
    std::span<const token_id> tokens() const noexcept { return tokens_; }

    logits_view<float> eval(const masked_block& block) {
      ++model_->counts_.calls;
      return run(block);
    }
    void rewind(std::size_t n) {
      ++model_->counts_.rewinds;
      if (n > length()) fail("rewind(n) with n beyond the session's length");
      if (n != 0 && length() - n > max_rewind()) fail("rewind(n) goes back further than max_rewind()");
      tokens_.resize(n);
      parents_.resize(n);
      base_ = base_ < n ? base_ : n;
    }
    void keep(std::span<const node_id> path) {
      ++model_->counts_.keeps;
      std::size_t above = base_ - 1;  // wraps for an empty session, like the parent of its first token
      for (std::size_t i = 0; i < path.size(); ++i) {
        const std::size_t at = base_ + static_cast<std::size_t>(path[i]);
        if (path[i] < 0 || at >= length()) fail("keep(path) names a node that the last block does not have");
        if (parents_[at] != above) fail("keep(path): a node does not follow the one before it");
        above = at;
        tokens_[base_ + i] = tokens_[at];
      }
      tokens_.resize(base_ + path.size());
      parents_.resize(tokens_.size());
      for (std::size_t i = base_; i < tokens_.size(); ++i) parents_[i] = i - 1;
      base_ = tokens_.size();
    }

   private:
    friend class table_model;

    [[noreturn]] static void fail(const char* what) {
      throw std::logic_error(std::string{"proviso: table_model: "} + what);
    }

    logits_view<float> run(const masked_block& block) {
      const std::size_t size = block.size();
      if (block.nodes.want > size) fail("more rows are wanted than the block has tokens");
      if (size > capacity() - length()) throw std::length_error("proviso: table_model: the session is full");
      for (std::size_t i = 0; i < tokens_.size(); ++i) {
        if (parents_[i] != i - 1) fail("the session holds a tree: keep a path of it or rewind before the next block");
      }
      base_ = length();
      for (std::size_t i = 0; i < size; ++i) {
        const token_id token = block.nodes.tokens[i];
        const node_id parent = block.nodes.parent(i);
        if (token < 0 || static_cast<std::size_t>(token) >= model_->vocab_) fail("a token lies outside the vocabulary");
        if (parent < prefix_node || parent >= static_cast<node_id>(i)) fail("a parent does not stand before its node");
        tokens_.push_back(token);
        parents_.push_back(base_ + static_cast<std::size_t>(parent));  // prefix_node: base_ - 1
      }
      ++model_->counts_.blocks;
      model_->counts_.tokens += size;
      model_->counts_.rows += block.nodes.want;
      const std::size_t cols = model_->vocab_;
      rows_.resize(block.nodes.want * cols);
      for (std::size_t r = 0; r < block.nodes.want; ++r) {
        const std::size_t node = size - block.nodes.want + r;
        model_->rows_(seen(block, node), std::span<float>{rows_}.subspan(r * cols, cols));
      }
      return {rows_.data(), block.nodes.want, cols};
    }

    std::span<const token_id> seen(const masked_block& block, std::size_t node) {
      if (block.visible.empty() && block.nodes.is_chain())
        return std::span<const token_id>{tokens_}.first(base_ + node + 1);
      context_.assign(tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(base_));
      if (block.visible.empty()) {
        std::size_t depth = 0;
        for (std::size_t at = base_ + node; at != base_ - 1; at = parents_[at]) ++depth;
        context_.resize(base_ + depth);
        for (std::size_t at = base_ + node; at != base_ - 1; at = parents_[at]) context_[base_ + --depth] = tokens_[at];
        return context_;
      }
      for (std::size_t c = 0; c < block.size(); ++c) {
        if (c != node && block.sees(node, c)) context_.push_back(tokens_[base_ + c]);
      }
      context_.push_back(tokens_[base_ + node]);
      return context_;
    }

    table_model* model_;
    std::vector<token_id> tokens_;
    std::vector<std::size_t> parents_;  // index of the token before; wraps to the largest value for the first
    std::vector<float> rows_;
    std::vector<token_id> context_;
    std::size_t base_ = 0;  // tokens held before the block evaluated last
  };

  std::size_t vocab_size() const noexcept { return vocab_; }
  session_type open() { return session_type{*this}; }
  /// One call on many sessions.
  void eval(std::span<batch_item<session_type>> items) {
    ++counts_.calls;
    for (batch_item<session_type>& item : items) item.logits = item.session->run(item.block);
  }

  const call_counts& counts() const noexcept { return counts_; }
  void reset_counts() noexcept {
    const std::size_t open = counts_.open;
    counts_ = {};
    counts_.open = open;
  }

 private:
  row_function rows_;
  std::size_t vocab_;
  std::size_t capacity_;
  std::size_t max_rewind_;
  call_counts counts_;
};

}  // namespace testing
}  // namespace v0
}  // namespace proviso
