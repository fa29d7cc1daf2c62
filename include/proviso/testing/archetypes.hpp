// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <proviso/core/block.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>
#include <proviso/testing/table_model.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// Archetypes are models that offer exactly what a concept promises, with the rows of a `table_model`, and break
/// what it does not promise: an algorithm that passes with them uses the promise and nothing else.
///
/// Each refers to a `table_model`, which outlives it and counts the calls.

/// The smallest session: move-only, three members, and `rewind(n)` throws `std::logic_error` unless `n == 0` or it
/// goes back at most `longest_draft + 1` tokens.
class chain_only {
 public:
  chain_only(table_model& rows, std::size_t longest_draft) : rows_{&rows}, horizon_{longest_draft + 1} {}

  class session_type {
   public:
    session_type(table_model& rows, std::size_t horizon) : inner_{rows.open()}, horizon_{horizon} {}
    std::size_t length() const noexcept { return inner_.length(); }
    logits_view<float> eval(const chain_block& block) { return inner_.eval(block); }
    void rewind(std::size_t n) {
      if (n != 0 && n < length() && length() - n > horizon_) {
        throw std::logic_error("proviso: chain_only: rewind from " + std::to_string(length()) + " to " + std::to_string(n) +
                               " goes back further than the longest draft and one token");
      }
      inner_.rewind(n);
    }

   private:
    table_model::session_type inner_;
    std::size_t horizon_;
  };

  std::size_t vocab_size() const noexcept { return rows_->vocab_size(); }
  session_type open() { return {*rows_, horizon_}; }

 private:
  table_model* rows_;
  std::size_t horizon_;
};

/// Rows stand in memory between rows and columns of NaN: whoever reads a row that was not asked for, or past the
/// vocabulary, reads NaN. Evaluates every kind of block.
class nan_padded {
 public:
  explicit nan_padded(table_model& rows) : rows_{&rows} {}

  class session_type {
   public:
    explicit session_type(table_model& rows) : inner_{rows.open()} {}
    std::size_t length() const noexcept { return inner_.length(); }
    logits_view<float> eval(const masked_block& block) {
      const logits_view<float> view = inner_.eval(block);
      const std::size_t stride = view.cols() + padding;
      memory_.assign((view.rows() + 2 * padding) * stride, std::numeric_limits<float>::quiet_NaN());
      float* first = memory_.data() + padding * stride;
      for (std::size_t i = 0; i < view.rows(); ++i) {
        for (std::size_t j = 0; j < view.cols(); ++j) first[i * stride + j] = view.row(i)[j];
      }
      return {first, view.rows(), view.cols(), stride};
    }
    void rewind(std::size_t n) { inner_.rewind(n); }
    void keep(std::span<const node_id> path) { inner_.keep(path); }

   private:
    static constexpr std::size_t padding = 3;
    table_model::session_type inner_;
    std::vector<float> memory_;
  };

  std::size_t vocab_size() const noexcept { return rows_->vocab_size(); }
  session_type open() { return session_type{*rows_}; }

 private:
  table_model* rows_;
};

/// Every call on a session overwrites the rows that it returned before with NaN: whoever keeps a view past the next
/// call reads NaN. Evaluates every kind of block.
class stale_logits {
 public:
  explicit stale_logits(table_model& rows) : rows_{&rows} {}

  class session_type {
   public:
    explicit session_type(table_model& rows) : inner_{rows.open()} {}
    std::size_t length() const noexcept { return inner_.length(); }
    logits_view<float> eval(const masked_block& block) {
      poison();
      const logits_view<float> view = inner_.eval(block);
      std::vector<float>& memory = memory_[newest_ ^= 1];
      memory.assign(view.data(), view.data() + view.rows() * view.cols());
      return {memory.data(), view.rows(), view.cols()};
    }
    void rewind(std::size_t n) {
      poison();
      inner_.rewind(n);
    }
    void keep(std::span<const node_id> path) {
      poison();
      inner_.keep(path);
    }

   private:
    void poison() {
      for (float& x : memory_[newest_]) x = std::numeric_limits<float>::quiet_NaN();
    }
    table_model::session_type inner_;
    std::vector<float> memory_[2];  // the older one keeps its NaN while the newer one is read
    std::size_t newest_ = 0;
  };

  std::size_t vocab_size() const noexcept { return rows_->vocab_size(); }
  session_type open() { return session_type{*rows_}; }

 private:
  table_model* rows_;
};

/// What `throws_on` throws.
struct evaluation_failed : std::runtime_error {
  explicit evaluation_failed(std::size_t call)
      : std::runtime_error("proviso: throws_on: evaluation " + std::to_string(call) + " failed as asked") {}
};

/// The n-th evaluation (from 1, over all sessions, in `eval` of a session) throws `evaluation_failed` before it
/// changes anything; all others work. Evaluates every kind of block.
class throws_on {
 public:
  throws_on(table_model& rows, std::size_t call) : rows_{&rows}, call_{call} {}
  throws_on(const throws_on&) = delete;
  throws_on& operator=(const throws_on&) = delete;

  class session_type {
   public:
    explicit session_type(throws_on& model) : model_{&model}, inner_{model.rows_->open()} {}
    std::size_t length() const noexcept { return inner_.length(); }
    logits_view<float> eval(const masked_block& block) {
      if (++model_->made_ == model_->call_) throw evaluation_failed{model_->call_};
      return inner_.eval(block);
    }
    void rewind(std::size_t n) { inner_.rewind(n); }
    void keep(std::span<const node_id> path) { inner_.keep(path); }

   private:
    throws_on* model_;
    table_model::session_type inner_;
  };

  std::size_t vocab_size() const noexcept { return rows_->vocab_size(); }
  session_type open() { return session_type{*this}; }
  /// Evaluations asked for so far.
  std::size_t made() const noexcept { return made_; }

 private:
  table_model* rows_;
  std::size_t call_;
  std::size_t made_ = 0;
};

/// Chains only; a session holds `capacity` tokens and throws `std::length_error` when more are fed.
class tiny_capacity {
 public:
  tiny_capacity(table_model& rows, std::size_t capacity) : rows_{&rows}, capacity_{capacity} {}

  class session_type {
   public:
    session_type(table_model& rows, std::size_t capacity) : inner_{rows.open()}, capacity_{capacity} {}
    std::size_t length() const noexcept { return inner_.length(); }
    std::size_t capacity() const noexcept { return capacity_; }
    logits_view<float> eval(const chain_block& block) {
      if (block.tokens.size() > capacity_ - length()) {
        throw std::length_error("proviso: tiny_capacity: " + std::to_string(length()) + " + " +
                                std::to_string(block.tokens.size()) + " tokens do not fit into " +
                                std::to_string(capacity_));
      }
      return inner_.eval(block);
    }
    void rewind(std::size_t n) { inner_.rewind(n); }

   private:
    table_model::session_type inner_;
    std::size_t capacity_;
  };

  std::size_t vocab_size() const noexcept { return rows_->vocab_size(); }
  session_type open() { return {*rows_, capacity_}; }

 private:
  table_model* rows_;
  std::size_t capacity_;
};

/// Chains only; `rewind(n)` throws `std::logic_error` unless `n == 0` or it goes back at most `max_rewind` tokens.
class short_horizon {
 public:
  short_horizon(table_model& rows, std::size_t max_rewind) : rows_{&rows}, max_rewind_{max_rewind} {}

  class session_type {
   public:
    session_type(table_model& rows, std::size_t max_rewind) : inner_{rows.open()}, max_rewind_{max_rewind} {}
    std::size_t length() const noexcept { return inner_.length(); }
    std::size_t max_rewind() const noexcept { return max_rewind_; }
    logits_view<float> eval(const chain_block& block) { return inner_.eval(block); }
    void rewind(std::size_t n) {
      if (n != 0 && n < length() && length() - n > max_rewind_) {
        throw std::logic_error("proviso: short_horizon: rewind goes back " + std::to_string(length() - n) + " tokens, " +
                               std::to_string(max_rewind_) + " are allowed");
      }
      inner_.rewind(n);
    }

   private:
    table_model::session_type inner_;
    std::size_t max_rewind_;
  };

  std::size_t vocab_size() const noexcept { return rows_->vocab_size(); }
  session_type open() { return {*rows_, max_rewind_}; }

 private:
  table_model* rows_;
  std::size_t max_rewind_;
};

/// Trees without masks: `eval(tree_block)` and `keep`.
class tree_only {
 public:
  explicit tree_only(table_model& rows) : rows_{&rows} {}

  class session_type {
   public:
    explicit session_type(table_model& rows) : inner_{rows.open()} {}
    std::size_t length() const noexcept { return inner_.length(); }
    logits_view<float> eval(const tree_block& block) { return inner_.eval(block); }
    void rewind(std::size_t n) { inner_.rewind(n); }
    void keep(std::span<const node_id> path) { inner_.keep(path); }

   private:
    table_model::session_type inner_;
  };

  std::size_t vocab_size() const noexcept { return rows_->vocab_size(); }
  session_type open() { return session_type{*rows_}; }

 private:
  table_model* rows_;
};

/// A scalar of two bytes: the upper half of a `float` (bfloat16), read only through its conversion.
struct half {
  std::uint16_t bits = 0;

  half() = default;
  /// Cuts the lower 16 bits off; exact for values with at most 8 significant bits.
  explicit half(float value) noexcept : bits{static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16U)} {}
  operator float() const noexcept { return std::bit_cast<float>(std::uint32_t{bits} << 16U); }  // NOLINT: a scalar
};

/// Rows of a scalar that is not `float`. Its rows are those of the table cut to `half`; evaluates every kind of block.
class half_rows {
 public:
  explicit half_rows(table_model& rows) : rows_{&rows} {}

  class session_type {
   public:
    explicit session_type(table_model& rows) : inner_{rows.open()} {}
    std::size_t length() const noexcept { return inner_.length(); }
    logits_view<half> eval(const masked_block& block) {
      const logits_view<float> view = inner_.eval(block);
      memory_.resize(view.rows() * view.cols());
      for (std::size_t i = 0; i < memory_.size(); ++i) memory_[i] = half{view.data()[i]};
      return {memory_.data(), view.rows(), view.cols()};
    }
    void rewind(std::size_t n) { inner_.rewind(n); }
    void keep(std::span<const node_id> path) { inner_.keep(path); }

   private:
    table_model::session_type inner_;
    std::vector<half> memory_;
  };

  std::size_t vocab_size() const noexcept { return rows_->vocab_size(); }
  session_type open() { return session_type{*rows_}; }

 private:
  table_model* rows_;
};

/// Rows on a device: a model as far as `causal_model` goes, but no host algorithm may read it, and `explain_model`
/// refuses it when it is compiled.
class device_only {
 public:
  explicit device_only(table_model& rows) : rows_{&rows} {}

  class session_type {
   public:
    explicit session_type(table_model& rows) : inner_{rows.open()} {}
    std::size_t length() const noexcept { return inner_.length(); }
    logits_view<float, residency::device> eval(const chain_block& block) {
      const logits_view<float> view = inner_.eval(block);
      return {view.data(), view.rows(), view.cols()};
    }
    void rewind(std::size_t n) { inner_.rewind(n); }

   private:
    table_model::session_type inner_;
  };

  std::size_t vocab_size() const noexcept { return rows_->vocab_size(); }
  session_type open() { return session_type{*rows_}; }

 private:
  table_model* rows_;
};

}  // namespace testing
}  // namespace v0
}  // namespace proviso
