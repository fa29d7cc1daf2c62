// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {

/// Memory that a law is built in; reused, so a steady state allocates nothing.
struct law_buffer {
  std::vector<float> weights;
  std::vector<token_id> ids;
};

/// A probability law over the vocabulary: dense (one weight per token), sparse (ascending ids with weights), or a
/// point (all mass on one token). Non-owning.
///
/// Weights are not normalised: the probability of a token is `weight / total()`, computed in double. This saves a
/// pass over the row and keeps every test and every draw consistent with one set of numbers.
class law_view {
 public:
  enum class form : unsigned char { none, dense, sparse, point };

  constexpr law_view() = default;

  /// `weights[x]` for every token `x`; entries are finite and not negative, their sum is `total > 0`.
  static constexpr law_view dense(std::span<const float> weights, double total) noexcept {
    return {form::dense, weights, {}, total, 0};
  }
  /// `weights[i]` belongs to token `ids[i]`; ids ascend strictly.
  static constexpr law_view sparse(std::span<const token_id> ids, std::span<const float> weights,
                                   double total) noexcept {
    return {form::sparse, weights, ids, total, 0};
  }
  static constexpr law_view point(token_id token) noexcept { return {form::point, {}, {}, 1.0, token}; }

  constexpr form kind() const noexcept { return kind_; }
  constexpr bool is_point() const noexcept { return kind_ == form::point; }
  constexpr explicit operator bool() const noexcept { return kind_ != form::none; }

  constexpr std::span<const float> weights() const noexcept { return weights_; }
  constexpr std::span<const token_id> ids() const noexcept { return ids_; }
  constexpr double total() const noexcept { return total_; }

  /// Number of stored entries (candidates); 1 for a point.
  constexpr std::size_t size() const noexcept { return is_point() ? 1 : weights_.size(); }
  /// Token of entry `i`.
  constexpr token_id token(std::size_t i) const noexcept {
    return kind_ == form::dense ? static_cast<token_id>(i) : is_point() ? token_ : ids_[i];
  }
  /// Weight of entry `i`.
  constexpr double weight(std::size_t i) const noexcept {
    return is_point() ? 1.0 : static_cast<double>(weights_[i]);
  }

  /// Probability of `x`. Cost: O(1), or O(log size) when sparse.
  constexpr double operator()(token_id x) const noexcept {
    switch (kind_) {
      case form::dense:
        return static_cast<std::size_t>(x) < weights_.size()
                   ? static_cast<double>(weights_[static_cast<std::size_t>(x)]) / total_
                   : 0.0;
      case form::sparse: {
        std::size_t low = 0;
        for (std::size_t high = ids_.size(); low < high;) {
          const std::size_t middle = low + (high - low) / 2;
          if (ids_[middle] < x) {
            low = middle + 1;
          } else {
            high = middle;
          }
        }
        return low < ids_.size() && ids_[low] == x ? static_cast<double>(weights_[low]) / total_ : 0.0;
      }
      case form::point:
        return x == token_ ? 1.0 : 0.0;
      case form::none:
        break;
    }
    return 0.0;
  }

  /// The most probable token; ties go to the lowest id.
  constexpr token_id argmax() const noexcept {
    if (is_point()) return token_;
    std::size_t best = 0;
    for (std::size_t i = 1; i < weights_.size(); ++i) {
      if (weights_[i] > weights_[best]) best = i;
    }
    return token(best);
  }

 private:
  constexpr law_view(form kind, std::span<const float> weights, std::span<const token_id> ids, double total,
                     token_id token) noexcept
      : weights_{weights}, ids_{ids}, total_{total}, token_{token}, kind_{kind} {}

  std::span<const float> weights_;
  std::span<const token_id> ids_;
  double total_ = 0.0;
  token_id token_ = 0;
  form kind_ = form::none;
};

}  // namespace v0
}  // namespace proviso
