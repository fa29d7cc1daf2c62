// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>

#include <proviso/core/list.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>
#include <proviso/model/denoiser.hpp>

namespace proviso {
inline namespace v0 {

/// Classifier-free guidance: logits l = u + (1 + scale) (c - u), where c are those of the model and u those with every
/// token of the prefix masked. With scale 0 it is the model.
///
/// A logit that is -infinity in c stays so; where only u is -infinity, l is that of c. Cost: two evaluations and one
/// pass over their rows. Throws `std::invalid_argument` for a scale that is negative or not finite.
/// The denoiser outlives the adapter.
/// Source: Nie et al. (LLaDA), arXiv 2502.09992, appendix A.2; Ho and Salimans, arXiv 2207.12598.
template <denoiser D>
class guided_denoiser {
 public:
  guided_denoiser(D& d, float scale) : denoiser_{&d}, scale_{scale} {
    if (!(scale >= 0.0F && scale <= (std::numeric_limits<float>::max)())) {
      throw std::invalid_argument("proviso: guided_denoiser: the scale must be finite and not negative");
    }
  }

  std::size_t vocab_size() const { return denoiser_->vocab_size(); }
  token_id mask_token() const { return denoiser_->mask_token(); }
  std::size_t capacity() const requires(bounded_denoiser<D>) { return denoiser_->capacity(); }

  logits_view<float> score(std::span<const token_id> prefix, std::span<const token_id> canvas) {
    const std::size_t cols = vocab_size();
    rows_.resize(canvas.size() * cols);
    const auto with = [&](const logits_rows& rows, auto&& use) {
      scratch_.resize(cols);
      for (std::size_t i = 0; i < canvas.size(); ++i) {
        const std::span<const float> row = rows.row(i, detail::writable(scratch_));
        for (std::size_t x = 0; x < cols; ++x) use(rows_[i * cols + x], row[x]);
      }
    };
    with(denoiser_->score(prefix, canvas), [](float& to, float c) { to = c; });
    if (scale_ != 0.0F && !prefix.empty()) {
      masks_.assign(prefix.size(), mask_token());
      with(denoiser_->score(detail::view(masks_), canvas), [this](float& to, float u) {
        constexpr float never = -std::numeric_limits<float>::infinity();
        if (to != never && u != never) to = u + (1.0F + scale_) * (to - u);
      });
    }
    return {rows_.data(), canvas.size(), cols};
  }

 private:
  D* denoiser_;
  float scale_;
  detail::list<token_id> masks_;
  detail::list<float> rows_, scratch_;
};

}  // namespace v0
}  // namespace proviso
