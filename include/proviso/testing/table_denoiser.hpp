// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <proviso/core/logits.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/types.hpp>
#include <proviso/testing/table_model.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// A denoiser whose rows are the exact conditionals of a known joint law: what a perfectly trained model would say.
/// The vocabulary is that of the law and, as its last token, the mask.
///
/// It is hostile where the contract allows it: the mask has a large logit, rows of positions that are not masked hold
/// NaN, and every call overwrites the rows of the call before.
class exact_denoiser {
 public:
  explicit exact_denoiser(std::size_t vocab) : vocab_{vocab} {}
  exact_denoiser(const exact_denoiser&) = delete;
  exact_denoiser& operator=(const exact_denoiser&) = delete;
  virtual ~exact_denoiser() = default;

  /// Tokens of the law, and the mask.
  std::size_t vocab_size() const noexcept { return vocab_ + 1; }
  token_id mask_token() const noexcept { return static_cast<token_id>(vocab_); }
  std::size_t calls() const noexcept { return calls_; }
  void reset_counts() noexcept { calls_ = 0; }

  logits_view<float> score(std::span<const token_id> prefix, std::span<const token_id> canvas) {
    ++calls_;
    const std::size_t cols = vocab_size();
    rows_.assign(rows_.size(), std::numeric_limits<float>::quiet_NaN());
    rows_.resize(canvas.size() * cols, std::numeric_limits<float>::quiet_NaN());
    std::vector<double> law(vocab_);
    for (std::size_t i = 0; i < canvas.size(); ++i) {
      if (canvas[i] != mask_token()) continue;
      conditional(prefix, canvas, i, law);
      for (std::size_t x = 0; x < vocab_; ++x) rows_[i * cols + x] = static_cast<float>(numeric::log(law[x]));
      rows_[i * cols + vocab_] = 5.0F;
    }
    return {rows_.data(), canvas.size(), cols};
  }

  /// The law of position `i` of the canvas given the prefix and the tokens that are not masked, in `law`.
  virtual void conditional(std::span<const token_id> prefix, std::span<const token_id> canvas, std::size_t i,
                           std::span<double> law) const = 0;

 protected:
  std::size_t vocab() const noexcept { return vocab_; }

 private:
  std::size_t vocab_;
  std::size_t calls_ = 0;
  std::vector<float> rows_;
};

/// The conditionals of a Markov chain of order 1, in closed form: with the nearest known tokens a, l places to the
/// left, and b, r places to the right, P(x) is proportional to P^l(a, x) P^r(x, b). A text begins as if token 0 stood
/// before it.
class markov_denoiser final : public exact_denoiser {
 public:
  /// Throws `std::invalid_argument` when the table is not of order 1.
  explicit markov_denoiser(const row_table& chain) : exact_denoiser{chain.vocab()} {
    if (chain.order() != 1) throw std::invalid_argument("proviso: markov_denoiser: the chain is not of order 1");
    const std::size_t n = chain.vocab();
    std::vector<float> weights(n);
    for (std::size_t a = 0; a < n; ++a) {
      const token_id before = static_cast<token_id>(a);
      const std::span<const float> row = chain.row({&before, 1});
      const double total = numeric::exp_weights(row, numeric::maximum(row).value, 1.0F, weights);
      for (const float w : weights) step_.push_back(static_cast<double>(w) / total);
    }
  }

  /// P(b after a).
  double step(token_id a, token_id b) const noexcept {
    return step_[static_cast<std::size_t>(a) * vocab() + static_cast<std::size_t>(b)];
  }
  /// P(canvas | prefix) of a canvas without masks.
  double joint(std::span<const token_id> prefix, std::span<const token_id> canvas) const {
    double p = 1.0;
    token_id before = prefix.empty() ? 0 : prefix.back();
    for (const token_id x : canvas) {
      p *= step(before, x);
      before = x;
    }
    return p;
  }

  void conditional(std::span<const token_id> prefix, std::span<const token_id> canvas, std::size_t i,
                   std::span<double> law) const override {
    std::vector<token_id> all{prefix.begin(), prefix.end()};
    all.insert(all.end(), canvas.begin(), canvas.end());
    const std::size_t at = prefix.size() + i;
    std::size_t left = at;
    while (left > 0 && all[left - 1] == mask_token()) --left;
    std::size_t right = at + 1;
    while (right < all.size() && all[right] == mask_token()) ++right;
    std::vector<double> forward(vocab(), 0.0);
    forward[left > 0 ? static_cast<std::size_t>(all[left - 1]) : 0] = 1.0;
    for (std::size_t k = left; k <= at; ++k) forward = times(forward);
    std::vector<double> backward(vocab(), 1.0);
    if (right < all.size()) {
      backward.assign(vocab(), 0.0);
      backward[static_cast<std::size_t>(all[right])] = 1.0;
      for (std::size_t k = at; k < right; ++k) backward = before(backward);
    }
    double total = 0.0;
    for (std::size_t x = 0; x < vocab(); ++x) total += law[x] = forward[x] * backward[x];
    for (std::size_t x = 0; x < vocab(); ++x) law[x] /= total;
  }

 private:
  std::vector<double> times(const std::vector<double>& row) const {
    std::vector<double> next(vocab(), 0.0);
    for (std::size_t a = 0; a < vocab(); ++a) {
      for (std::size_t b = 0; b < vocab(); ++b) next[b] += row[a] * step_[a * vocab() + b];
    }
    return next;
  }
  std::vector<double> before(const std::vector<double>& column) const {
    std::vector<double> next(vocab(), 0.0);
    for (std::size_t a = 0; a < vocab(); ++a) {
      for (std::size_t b = 0; b < vocab(); ++b) next[a] += step_[a * vocab() + b] * column[b];
    }
    return next;
  }

  std::vector<double> step_;  // vocab x vocab
};

/// The conditionals of any law over canvases of one length, whatever the prefix, by summing its table.
///
/// `weights` has vocab^length entries, not normalised; that of canvas (x0, x1, ..) is x0 * vocab^(length - 1) + ...
class joint_denoiser final : public exact_denoiser {
 public:
  /// Throws `std::invalid_argument` when the table has another size.
  joint_denoiser(std::size_t vocab, std::size_t length, std::vector<double> weights)
      : exact_denoiser{vocab}, length_{length}, weights_{std::move(weights)} {
    std::size_t count = 1;
    for (std::size_t i = 0; i < length; ++i) count *= vocab;
    if (weights_.size() != count) {
      throw std::invalid_argument("proviso: joint_denoiser: a law over " + std::to_string(length) + " positions has " +
                                  std::to_string(count) + " weights, got " + std::to_string(weights_.size()));
    }
  }

  double weight(std::size_t index) const noexcept { return weights_[index]; }
  std::size_t length() const noexcept { return length_; }
  /// The token at position `i` of canvas `index`.
  token_id token(std::size_t index, std::size_t i) const noexcept {
    for (std::size_t k = length_ - 1; k > i; --k) index /= vocab();
    return static_cast<token_id>(index % vocab());
  }

  /// A conditional of probability 0 is uniform.
  void conditional(std::span<const token_id>, std::span<const token_id> canvas, std::size_t i,
                   std::span<double> law) const override {
    if (canvas.size() != length_) {
      throw std::invalid_argument("proviso: joint_denoiser: the law is one over " + std::to_string(length_) +
                                  " positions, the canvas has " + std::to_string(canvas.size()));
    }
    for (double& p : law) p = 0.0;
    double total = 0.0;
    for (std::size_t index = 0; index < weights_.size(); ++index) {
      bool agrees = true;
      for (std::size_t k = 0; k < length_; ++k) {
        agrees = agrees && (canvas[k] == mask_token() || canvas[k] == token(index, k));
      }
      if (!agrees) continue;
      law[static_cast<std::size_t>(token(index, i))] += weights_[index];
      total += weights_[index];
    }
    for (double& p : law) p = total > 0.0 ? p / total : 1.0 / static_cast<double>(vocab());
  }

 private:
  std::size_t length_;
  std::vector<double> weights_;
};

}  // namespace testing
}  // namespace v0
}  // namespace proviso
