// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>
#include <proviso/model/denoiser.hpp>
#include <proviso/schedules/log_linear.hpp>

namespace proviso {
inline namespace v0 {

/// A model that also wants to know the time: `score(prefix, canvas, t)`.
template <class D>
concept time_conditioned = requires(D& d, const D& c, std::span<const token_id> tokens, double t) {
  { c.vocab_size() } -> std::convertible_to<std::size_t>;
  { c.mask_token() } -> std::convertible_to<token_id>;
  { d.score(tokens, tokens, t) } -> logits_like;
};

/// A denoiser made of a time-conditioned model: the time is the one at which the schedule of its training masks the
/// fraction of the canvas that is masked. So rows depend on the canvas alone, and are reused until it changes.
/// The model outlives the adapter.
template <time_conditioned D, masking_schedule S = schedules::log_linear>
class timed_denoiser {
 public:
  explicit timed_denoiser(D& d, S schedule = S{}) : denoiser_{&d}, schedule_{std::move(schedule)} {}

  std::size_t vocab_size() const { return denoiser_->vocab_size(); }
  token_id mask_token() const { return denoiser_->mask_token(); }
  std::size_t capacity() const requires(requires(const D& d) { d.capacity(); }) { return denoiser_->capacity(); }

  auto score(std::span<const token_id> prefix, std::span<const token_id> canvas) {
    std::size_t masked = 0;
    for (const token_id token : canvas) masked += static_cast<std::size_t>(token == mask_token());
    const double share = canvas.empty() ? 0.0 : static_cast<double>(masked) / static_cast<double>(canvas.size());
    const double t = schedule_.time(share);
    return denoiser_->score(prefix, canvas, t < 0.0 ? 0.0 : t < 1.0 ? t : 1.0);
  }

 private:
  D* denoiser_;
  S schedule_;
};

}  // namespace v0
}  // namespace proviso
