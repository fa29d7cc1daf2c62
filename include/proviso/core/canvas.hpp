// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include <proviso/core/list.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// A partly masked sequence. Tokens other than the mask that it starts with are given: they never change.
class canvas {
 public:
  /// Starts with `tokens`; positions that hold `mask` are open.
  void start(std::span<const token_id> tokens, token_id mask) {
    mask_ = mask;
    detail::copy(tokens, tokens_);
    chances_.assign(tokens.size(), 1.0);
    given_.resize(tokens.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) given_[i] = static_cast<token_id>(tokens[i] != mask);
    ++version_;
  }
  /// Starts with `size` open positions.
  void start(std::size_t size, token_id mask) {
    mask_ = mask;
    tokens_.assign(size, mask);
    chances_.assign(size, 1.0);
    given_.assign(size, 0);
    ++version_;
  }

  token_id mask() const noexcept { return mask_; }
  std::size_t size() const noexcept { return tokens_.size(); }
  std::span<const token_id> tokens() const noexcept { return detail::view(tokens_); }
  bool masked(std::size_t position) const noexcept { return tokens_[position] == mask_; }
  bool given(std::size_t position) const noexcept { return given_[position] != 0; }
  /// Masked positions of [begin, end).
  std::size_t masked_in(std::size_t begin, std::size_t end) const noexcept {
    std::size_t count = 0;
    for (std::size_t i = begin; i < end; ++i) count += static_cast<std::size_t>(masked(i));
    return count;
  }
  /// Probability of the token under the law that it was drawn from; 1 for a given token.
  double chance(std::size_t position) const noexcept { return chances_[position]; }
  /// Grows with every change: rows are those of the canvas as long as it is the same.
  std::uint64_t version() const noexcept { return version_; }

  /// Puts a token at a masked position. Throws `std::logic_error` for a position that is not masked and for the mask.
  void fill(std::size_t position, token_id token, double chance) {
    if (!masked(position) || token == mask_) {
      throw std::logic_error("proviso: canvas: fill(" + std::to_string(position) +
                             ") needs a masked position and a token other than the mask");
    }
    tokens_[position] = token;
    chances_[position] = chance;
    ++version_;
  }
  /// Masks a position again. Throws `std::logic_error` for a given one.
  void clear(std::size_t position) {
    if (given(position)) {
      throw std::logic_error("proviso: canvas: clear(" + std::to_string(position) + "): the token there was given");
    }
    tokens_[position] = mask_;
    chances_[position] = 1.0;
    ++version_;
  }

 private:
  detail::list<token_id> tokens_;
  detail::list<double> chances_;
  detail::list<token_id> given_;
  token_id mask_ = 0;
  std::uint64_t version_ = 0;
};

}  // namespace v0
}  // namespace proviso
