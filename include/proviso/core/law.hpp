// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include <proviso/core/list.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {

/// Memory that a law is built in; reused, so a steady state allocates nothing.
struct law_buffer {
  detail::list<float> weights;
  detail::list<token_id> ids;
  detail::list<double> wide;  ///< weights computed from other laws
};

/// A probability law over the vocabulary: dense (one weight per token), sparse (ascending ids with weights), or a
/// point (all mass on one token). Non-owning.
///
/// Weights are not normalised: the probability of a token is `weight / total()`, computed in double. This saves a
/// pass over the row and keeps every test and every draw consistent with one set of numbers. Weights are floats
/// where they come from logits, and doubles where they were computed from other laws (residuals).
class law_view {
 public:
  enum class form : unsigned char { none, dense, sparse, point };

  constexpr law_view() = default;

  /// `weights[x]` for every token `x`; entries are finite and not negative, their sum is `total > 0`.
  static constexpr law_view dense(std::span<const float> weights, double total) noexcept {
    return {form::dense, weights, {}, {}, total, 0};
  }
  static constexpr law_view dense(std::span<const double> weights, double total) noexcept {
    return {form::dense, {}, weights, {}, total, 0};
  }
  /// `weights[i]` belongs to token `ids[i]`; ids ascend strictly.
  static constexpr law_view sparse(std::span<const token_id> ids, std::span<const float> weights,
                                   double total) noexcept {
    return {form::sparse, weights, {}, ids, total, 0};
  }
  static constexpr law_view sparse(std::span<const token_id> ids, std::span<const double> weights,
                                   double total) noexcept {
    return {form::sparse, {}, weights, ids, total, 0};
  }
  static constexpr law_view point(token_id token) noexcept { return {form::point, {}, {}, {}, 1.0, token}; }

  constexpr form kind() const noexcept { return kind_; }
  constexpr bool is_point() const noexcept { return kind_ == form::point; }
  constexpr bool is_dense() const noexcept { return kind_ == form::dense; }
  /// Whether the weights are doubles.
  constexpr bool is_wide() const noexcept { return wide_ != nullptr; }
  constexpr explicit operator bool() const noexcept { return kind_ != form::none; }

  /// The weights; empty for a point, and the one of the two that the law does not have.
  constexpr std::span<const float> weights() const noexcept { return {narrow_, wide_ == nullptr ? size_ : 0}; }
  constexpr std::span<const double> wide_weights() const noexcept { return {wide_, wide_ == nullptr ? 0 : size_}; }
  /// The tokens of a sparse law.
  constexpr std::span<const token_id> ids() const noexcept { return {ids_, kind_ == form::sparse ? size_ : 0}; }
  constexpr double total() const noexcept { return total_; }

  /// Number of stored entries (candidates); 1 for a point.
  constexpr std::size_t size() const noexcept { return is_point() ? 1 : size_; }
  /// Token of entry `i`.
  constexpr token_id token(std::size_t i) const noexcept {
    return kind_ == form::dense ? static_cast<token_id>(i) : is_point() ? token_ : ids_[i];
  }
  /// Weight of entry `i`.
  constexpr double weight(std::size_t i) const noexcept {
    return is_point() ? 1.0 : wide_ != nullptr ? wide_[i] : static_cast<double>(narrow_[i]);
  }
  /// Entry of token `x`, or `size()` when the law does not list it. Cost: O(1), or O(log size) when sparse.
  constexpr std::size_t find(token_id x) const noexcept {
    if (is_point()) return x == token_ ? 0 : 1;
    if (is_dense()) return static_cast<std::size_t>(x) < size_ ? static_cast<std::size_t>(x) : size_;
    std::size_t low = 0;
    for (std::size_t high = size_; low < high;) {
      const std::size_t middle = low + (high - low) / 2;
      if (ids_[middle] < x) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < size_ && ids_[low] == x ? low : size_;
  }

  /// Probability of `x`. Cost: that of `find`.
  constexpr double operator()(token_id x) const noexcept {
    const std::size_t i = find(x);
    return i < size() ? weight(i) / total_ : 0.0;
  }

  /// The most probable token; ties go to the lowest id.
  token_id argmax() const noexcept {
    if (!is_wide()) {
      const std::span<const float> weights{narrow_, size_};
      const std::size_t best = numeric::first_equal(weights, numeric::maximum(weights).value);
      return token(best < size_ ? best : 0);  // all may be NaN
    }
    std::size_t best = 0;
    for (std::size_t i = 1; i < size_; ++i) best = wide_[i] > wide_[best] ? i : best;
    return token(best);
  }

 private:
  constexpr law_view(form kind, std::span<const float> narrow, std::span<const double> wide,
                     std::span<const token_id> ids, double total, token_id token) noexcept
      : narrow_{narrow.data()},
        wide_{wide.data()},
        ids_{ids.data()},
        size_{wide.data() == nullptr ? narrow.size() : wide.size()},
        total_{total},
        token_{token},
        kind_{kind} {}

  const float* narrow_ = nullptr;
  const double* wide_ = nullptr;
  const token_id* ids_ = nullptr;
  std::size_t size_ = 0;
  double total_ = 0.0;
  token_id token_ = 0;
  form kind_ = form::none;
};

}  // namespace v0
}  // namespace proviso
