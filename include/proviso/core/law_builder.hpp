// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>

#include <proviso/core/law.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// Where in the text a row of logits stands: the committed tokens and, after them, the drafted tokens above the row.
struct text_position {
  std::span<const token_id> prefix;  ///< prompt and committed tokens
  std::span<const token_id> path;    ///< drafted tokens that follow the prefix at this row
};

/// A row of logits on its way to a law. Transforms edit it in the order in which they stand in their chain:
/// logits may be edited, divided by a temperature, and candidates may be dropped; `finish` exponentiates what is left.
///
/// The row is read where it lies; it is copied only when a transform edits single logits. Results live in the
/// `law_buffer` and the builder's own memory until the next `begin`.
class law_builder {
 public:
  /// Starts with all tokens as candidates. `logits` stays alive and unchanged until `finish` has returned.
  void begin(std::span<const float> logits, law_buffer& out) {
    logits_ = logits;
    out_ = &out;
    scale_ = 1.0F;
    sparse_ = false;
    point_ = false;
    top_known_ = false;
    fresh_ = false;
    out.ids.clear();
  }

  /// Number of candidates, their tokens in ascending order, and their logits (before the temperature).
  std::size_t size() const noexcept { return logits_.size(); }
  token_id token(std::size_t i) const noexcept { return sparse_ ? out_->ids[i] : static_cast<token_id>(i); }
  std::span<const float> logits() const noexcept { return logits_; }
  bool is_sparse() const noexcept { return sparse_; }

  /// Index of the candidate `x`, or `size()` if it was dropped. Cost: O(1), or O(log size) when sparse.
  std::size_t find(token_id x) const noexcept {
    if (!sparse_) return static_cast<std::size_t>(x) < size() ? static_cast<std::size_t>(x) : size();
    std::size_t low = 0;
    for (std::size_t high = size(); low < high;) {
      const std::size_t middle = low + (high - low) / 2;
      if (out_->ids[middle] < x) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < size() && out_->ids[low] == x ? low : size();
  }

  /// The candidates' logits, writable. Cost: copies the row at the first call.
  std::span<float> edit() {
    if (logits_.data() != values_.data()) {
      detail::copy(logits_, values_);
      logits_ = detail::view(values_);
    }
    top_known_ = false;
    fresh_ = false;
    return detail::writable(values_);
  }

  /// Divides the logits by `temperature`; 0 leaves only the largest logit (lowest id on ties).
  /// Requirement: `temperature >= 0`.
  void divide(float temperature) {
    if (temperature == 0.0F) {
      point_ = true;
    } else {
      scale_ /= temperature;
      fresh_ = false;
    }
  }

  /// Keeps the candidates with the given indices (ascending, not empty); all others get probability 0.
  void keep(std::span<const std::size_t> candidates) {
    if (candidates.size() == size()) return;
    spare_.resize(candidates.size());
    ids_.resize(candidates.size());
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      spare_[i] = logits_[candidates[i]];
      ids_[i] = token(candidates[i]);
    }
    values_.swap(spare_);
    out_->ids.swap(ids_);
    logits_ = detail::view(values_);
    sparse_ = true;
    fresh_ = false;
  }

  /// Largest logit of the candidates. Throws `std::domain_error` when a logit is NaN or +infinity or when no
  /// candidate has a finite logit: such a row is not a law.
  float top() {
    if (!top_known_) {
      const numeric::row_maximum m = numeric::maximum(logits_);
      if (m.has_nan) throw std::domain_error("proviso: a row of logits holds NaN");
      if (m.value == std::numeric_limits<float>::infinity()) {
        throw std::domain_error("proviso: a row of logits holds +infinity");
      }
      if (m.value == -std::numeric_limits<float>::infinity()) {
        throw std::domain_error("proviso: no token is left: every logit of the row is -infinity");
      }
      top_ = m.value;
      top_known_ = true;
    }
    return top_;
  }

  /// Unnormalised probabilities of the candidates at the current temperature, exp((logit - top) / T), and their
  /// sum. At temperature 0 they are those of temperature 1.
  std::span<const float> weights(double& total) {
    if (!fresh_) {
      out_->weights.resize(size());
      total_ = numeric::exp_weights(logits_, top(), scale_, detail::writable(out_->weights));
      fresh_ = true;
    }
    total = total_;
    return detail::view(out_->weights);
  }

  /// The law of the candidates. Throws like `top`.
  law_view finish() {
    const float largest = top();
    if (point_) return law_view::point(token(numeric::first_equal(logits_, largest)));
    double total = 0.0;
    const std::span<const float> w = weights(total);
    return sparse_ ? law_view::sparse(detail::view(out_->ids), w, total) : law_view::dense(w, total);
  }

 private:
  std::span<const float> logits_;
  law_buffer* out_ = nullptr;
  std::vector<float> values_, spare_;
  std::vector<token_id> ids_;
  double total_ = 0.0;
  float top_ = 0.0F;
  float scale_ = 1.0F;
  bool sparse_ = false;
  bool point_ = false;
  bool top_known_ = false;
  bool fresh_ = false;  // out_->weights hold the current candidates' weights
};

/// A transform is a pure function of a row and its place in the text. It edits the builder; it throws
/// `std::invalid_argument` for a configuration that it cannot honour.
template <class T>
concept transform = requires(const T& t, law_builder& row, const text_position& where) { t(row, where); };

}  // namespace v0
}  // namespace proviso
