// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>

#include <proviso/core/list.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>
#include <proviso/model/denoiser.hpp>

namespace proviso {
inline namespace v0 {

/// A denoiser made of a model whose row at a token predicts the token after it, as models do that were trained
/// autoregressively first (Dream, DiffuGPT).
///
/// Requirement: at least one token before the canvas; `score` throws `std::invalid_argument` without one. Cost: none.
/// The denoiser outlives the adapter.
template <denoiser D>
class shifted_denoiser {
 public:
  explicit shifted_denoiser(D& d) noexcept : denoiser_{&d} {}

  std::size_t vocab_size() const { return denoiser_->vocab_size(); }
  token_id mask_token() const { return denoiser_->mask_token(); }
  std::size_t capacity() const requires(bounded_denoiser<D>) { return denoiser_->capacity(); }

  auto score(std::span<const token_id> prefix, std::span<const token_id> canvas) {
    if (prefix.empty()) {
      throw std::invalid_argument(
          "proviso: shifted_denoiser: the row before the canvas predicts its first token, so "
          "at least one token must stand before it");
    }
    tokens_.assign(1, prefix.back());
    for (const token_id token : canvas) tokens_.push_back(token);
    auto rows = denoiser_->score(prefix.first(prefix.size() - 1), detail::view(tokens_));
    for (std::size_t i = 0; i < canvas.size(); ++i) static_cast<void>(rows.row(i));  // lazy rows are computed here
    using view = decltype(rows);
    return logits_view<typename view::value_type>{rows.data(), canvas.size(), rows.cols(), rows.stride()};
  }

 private:
  D* denoiser_;
  detail::list<token_id> tokens_;
};

}  // namespace v0
}  // namespace proviso
