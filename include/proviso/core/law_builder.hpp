// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>

#include <proviso/core/law.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/selection.hpp>
#include <proviso/core/token_counts.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// Where in the text a row of logits stands: the committed tokens and, after them, the drafted tokens above the row.
struct text_position {
  std::span<const token_id> prefix;  ///< prompt and committed tokens
  std::span<const token_id> path;    ///< drafted tokens that follow the prefix at this row
  std::size_t prompt = 0;            ///< of the prefix, tokens of the prompt: behind them the output begins
};

/// A row of logits on its way to a law. Transforms edit it in the order in which they stand in their chain:
/// logits may be edited, divided by a temperature, and candidates may be dropped; `finish` exponentiates what is left.
///
/// The row is read where it lies; it is copied only when a transform edits single logits or drops candidates. The
/// law lies in the `law_buffer`; everything else in the builder's own memory, reused from row to row.
class law_builder {
 public:
  /// Says that rows stand in another text from now on, which only grows until the next call: then what `occurrences`
  /// counts is counted once. Without such a call every row may stand in a text of its own.
  void follow_text() noexcept {
    follows_ = true;
    for (token_counts& c : counts_) c.forget();
  }

  /// Starts with all tokens as candidates. `logits` stays alive and unchanged until `finish` has returned.
  void begin(std::span<const float> logits, law_buffer& out) {
    logits_ = logits;
    out_ = &out;
    vocab_ = logits.size();
    scale_ = 1.0F;
    sparse_ = false;
    point_ = false;
    top_known_ = false;
    fresh_ = false;
  }

  /// Number of columns of the row.
  std::size_t vocab_size() const noexcept { return vocab_; }
  /// Number of candidates, their tokens in ascending order, and their logits (before the temperature). A candidate
  /// whose logit is -infinity has probability 0.
  std::size_t size() const noexcept { return logits_.size(); }
  token_id token(std::size_t i) const noexcept { return sparse_ ? ids_[i] : static_cast<token_id>(i); }
  std::span<const float> logits() const noexcept { return logits_; }
  bool is_sparse() const noexcept { return sparse_; }
  /// Whether the temperature is 0: the law will be the point at the largest logit.
  bool is_point() const noexcept { return point_; }
  /// What the logits are multiplied by: 1 / temperature. A temperature of 0 leaves it as it was.
  float scale() const noexcept { return scale_; }

  /// Index of the candidate `x`, or `size()` if it was dropped. Cost: O(1), or O(log size) when sparse.
  std::size_t find(token_id x) const noexcept {
    if (!sparse_) return static_cast<std::size_t>(x) < size() ? static_cast<std::size_t>(x) : size();
    std::size_t low = 0;
    for (std::size_t high = size(); low < high;) {
      const std::size_t middle = low + (high - low) / 2;
      if (ids_[middle] < x) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < size() && ids_[low] == x ? low : size();
  }

  /// Takes a temperature of 0 back: the law will be that of the temperature before.
  void soften() noexcept { point_ = false; }

  /// The candidates' logits, writable. Cost: copies the row at the first call.
  std::span<float> edit() {
    if (logits_.data() != values_.data()) {
      grow(values_, size());
      for (std::size_t i = 0; i < size(); ++i) values_[i] = logits_[i];
      logits_ = {values_.data(), size()};
    }
    top_known_ = false;
    fresh_ = false;
    return {values_.data(), size()};
  }

  /// Divides the logits by `temperature`; 0 leaves only the largest logit (lowest id on ties).
  /// Requirement: `temperature >= 0`.
  void divide(float temperature) {
    if (temperature == 0.0F) {
      point_ = true;
      return;
    }
    constexpr float largest = (std::numeric_limits<float>::max)();
    constexpr float smallest = (std::numeric_limits<float>::min)();
    scale_ /= temperature;
    scale_ = scale_ > largest ? largest : scale_ < smallest ? smallest : scale_;
    fresh_ = false;
  }

  /// Keeps the candidates with the given indices (ascending); all others get probability 0. Cost: O(kept).
  void keep(std::span<const std::uint32_t> candidates) {
    if (candidates.size() == size()) return;
    grow(values_, candidates.size());
    grow(ids_, candidates.size());
    const std::size_t count = candidates.size();
    for (std::size_t i = 0; i < count; ++i) ids_[i] = token(candidates[i]);
    for (std::size_t i = 0; i < count; ++i) values_[i] = logits_[candidates[i]];
    if (fresh_) {
      for (std::size_t i = 0; i < count; ++i) weights_[i] = weights_[candidates[i]];
    }
    logits_ = {values_.data(), count};
    sparse_ = true;
    top_known_ = false;
    if (fresh_) reweigh();
  }

  /// Keeps the candidates whose score exceeds `least`, and the first `ties` of those whose score equals it; all
  /// others get probability 0. `score` has one entry per candidate: `logits()`, the weights or `scores()`.
  /// Cost: one pass over the scores. A large remainder of a large row is not gathered: its dropped candidates stay
  /// with a logit of -infinity, and the law stays dense.
  void keep(std::span<const float> score, float least, std::size_t ties = numeric::all_ties) {
    const std::size_t n = size();
    std::size_t end = ties == 0 ? 0 : n;  // equal scores stand up to here
    if (ties < n) {
      std::size_t i = 0;
      for (std::size_t found = 0; found < ties && i < n; ++found) {
        i += numeric::first_equal(score.subspan(i), least) + 1;
      }
      end = i < n ? i : n;
    }
    std::uint32_t kept = 0;
    for (std::size_t i = 0; i < end; ++i) kept += static_cast<std::uint32_t>(score[i] >= least);
    for (std::size_t i = end; i < n; ++i) kept += static_cast<std::uint32_t>(score[i] > least);
    if (kept == n) return;
    constexpr std::size_t large = 256;
    if (kept > large && kept > n / 32) {
      mask(score, least, end);
    } else {
      gather(score, least, end, kept);
    }
  }

  /// Largest logit of the candidates. Throws `std::domain_error` when a logit is NaN or +infinity or when no
  /// candidate has a finite logit: such a row is not a law. Cost: one pass at the first call.
  float top() {
    if (!top_known_) {
      grow(maxima_, numeric::group_count(size()));
      const numeric::row_maximum m = numeric::group_maxima(logits_, detail::writable(maxima_));
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

  /// Largest logit of every column of candidates, see `numeric::group_maxima`. Throws like `top`.
  std::span<const float> maxima() {
    top();
    return {maxima_.data(), numeric::group_count(size())};
  }

  /// Unnormalised probabilities of the candidates at the current temperature, and their sum > 0. Each is
  /// exp((logit - c) / T) <= 1, c being the largest logit of now or of an earlier state of the row. At temperature 0
  /// they are those of the temperature before. Valid until the row is changed. Throws like `top`.
  std::span<const float> weights(double& total) {
    if (!fresh_) {
      grow(weights_, size());
      const std::span<float> w{weights_.data(), size()};
      total_ = numeric::exp_weights(logits_, top(), scale_, w);
      fresh_ = true;
    }
    total = total_;
    return {weights_.data(), size()};
  }

  /// Memory for one score per candidate; not initialised.
  std::span<float> scores() {
    grow(scores_, size());
    return {scores_.data(), size()};
  }
  /// Memory for `numeric::reach`.
  detail::list<std::uint32_t>& members() noexcept { return members_; }

  /// The distinct tokens of the text at `where` (prefix, then path), each with the number of its occurrences. The
  /// first `skip` tokens of the text do not count, nor do those before the last `window`. Valid until the next call.
  /// Cost: O(tokens that came or left since the last row, and the path) in a text that is followed, else O(tokens).
  const detail::list<token_count>& occurrences(const text_position& where, std::size_t skip = 0,
                                               std::size_t window = static_cast<std::size_t>(-1)) {
    std::size_t i = 0;
    while (i < counts_.size() && (counts_[i].skip() != skip || counts_[i].window() != window)) ++i;
    if (i == counts_.size()) {
      if (!follows_) {  // no memory for what no later row asks
        counts_.clear();
        i = 0;
      }
      counts_.push_back(token_counts{skip, window});
    }
    if (!follows_) counts_[i].forget();
    return counts_[i].of(where.prefix, where.path, vocab_);
  }

  /// The law of the candidates. Throws like `top`.
  law_view finish() {
    if (point_) return law_view::point(first_of_top());
    out_->weights.reserve(vocab_);  // memory is touched only as far as it is used
    if (fresh_) {
      detail::copy(std::span<const float>{weights_.data(), size()}, out_->weights);
    } else {
      out_->weights.resize(size());
      total_ = numeric::exp_weights(logits_, top(), scale_, detail::writable(out_->weights));
    }
    if (!sparse_) return law_view::dense(detail::view(out_->weights), total_);
    out_->ids.reserve(vocab_);
    detail::copy(std::span<const token_id>{ids_.data(), size()}, out_->ids);
    return law_view::sparse(detail::view(out_->ids), detail::view(out_->weights), total_);
  }

 private:
  template <class Values>
  static void grow(Values& v, std::size_t size) {
    if (v.size() < size) v.resize(size);
  }

  token_id first_of_top() {
    const float largest = top();
    constexpr std::size_t stretch = numeric::group_columns * numeric::group_rows;
    const std::size_t begin = numeric::first_equal(maxima(), largest) / numeric::group_columns * stretch;
    return token(begin + numeric::first_equal(logits_.subspan(begin), largest));
  }

  void reweigh() {
    total_ = numeric::sum({weights_.data(), size()});
    fresh_ = total_ > 0.0;
  }

  void gather(std::span<const float> score, float least, std::size_t end, std::size_t kept) {
    constexpr std::size_t step = 64;
    grow(members_, size());
    std::size_t to = 0;
    for (std::size_t begin = 0; to < kept; begin += step) {
      const std::size_t stop = begin + step < size() ? begin + step : size();
      std::uint32_t hit = 0;
      for (std::size_t i = begin; i < stop; ++i) hit |= static_cast<std::uint32_t>(score[i] >= least);
      if (hit == 0) continue;
      for (std::size_t i = begin; i < stop; ++i) {
        members_[to] = static_cast<std::uint32_t>(i);
        to += static_cast<std::size_t>(score[i] > least) | static_cast<std::size_t>((score[i] == least) & (i < end));
      }
    }
    keep(std::span<const std::uint32_t>{members_.data(), kept});
  }

  void mask(std::span<const float> score, float least, std::size_t end) {
    constexpr float never = -std::numeric_limits<float>::infinity();
    const std::size_t n = size();
    grow(values_, n);
    float* const v = values_.data();
    const float* const s = score.data();
    const float* const l = logits_.data();
    for (std::size_t i = 0; i < end; ++i) {
      const float x = l[i];
      v[i] = s[i] >= least ? x : never;
    }
    for (std::size_t i = end; i < n; ++i) {
      const float x = l[i];
      v[i] = s[i] > least ? x : never;
    }
    if (fresh_) {
      float* const w = weights_.data();
      for (std::size_t i = 0; i < n; ++i) {
        const float x = w[i];
        w[i] = v[i] > never ? x : 0.0F;
      }
    }
    logits_ = {v, n};
    top_known_ = false;
    if (fresh_) reweigh();
  }

  std::span<const float> logits_;
  law_buffer* out_ = nullptr;
  detail::list<float> values_, weights_, scores_, maxima_;
  detail::list<token_id> ids_;
  detail::list<std::uint32_t> members_;
  detail::list<token_counts> counts_;  // one for each pair of skip and window
  std::size_t vocab_ = 0;
  double total_ = 0.0;
  float top_ = 0.0F;
  float scale_ = 1.0F;
  bool sparse_ = false;
  bool point_ = false;
  bool top_known_ = false;
  bool follows_ = false;  // rows stand in one growing text
  bool fresh_ = false;    // weights_ hold the current candidates' weights
};

/// A transform is a pure function of a row and its place in the text. It edits the builder; it throws
/// `std::invalid_argument` for a configuration that it cannot honour.
template <class T>
concept transform = requires(const T& t, law_builder& row, const text_position& where) {
  t(row, where);
};

}  // namespace v0
}  // namespace proviso
