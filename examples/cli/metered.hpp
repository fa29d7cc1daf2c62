// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <utility>

#include <proviso/core/block.hpp>
#include <proviso/core/logits.hpp>

#include "methods.hpp"

namespace cli {

/// A model that evaluates chains and keeps the time that evaluations of a few tokens take.
class metered {
 public:
  explicit metered(model m) : model_{std::move(m)} {}

  class session {
   public:
    session(model::session inner, metered& owner) : inner_{std::move(inner)}, owner_{&owner} {}
    std::size_t length() const { return inner_.length(); }
    std::size_t capacity() const { return inner_.capacity(); }
    proviso::logits_view<float> eval(proviso::chain_block block) {
      const auto begin = std::chrono::steady_clock::now();
      const proviso::logits_view<float> rows = inner_.eval(block);
      if (block.tokens.size() < owner_->of_width_.size()) {
        timing& t = owner_->of_width_[block.tokens.size()];
        t.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        ++t.calls;
      }
      return rows;
    }
    void rewind(std::size_t length) { inner_.rewind(length); }

   private:
    model::session inner_;
    metered* owner_;
  };

  std::size_t vocab_size() const { return model_.vocab_size(); }
  session open() { return {model_.open(), *this}; }

  /// Mean seconds of an evaluation of `width` tokens, over all sessions, or of the next smaller width that occurred.
  double seconds(std::size_t width = 1) const {
    width = (std::min)(width, of_width_.size() - 1);
    while (width > 1 && of_width_[width].calls == 0) --width;
    const timing& t = of_width_[width];
    return t.calls > 0 ? t.seconds / static_cast<double>(t.calls) : 0.0;
  }

 private:
  struct timing {
    double seconds = 0.0;
    std::size_t calls = 0;
  };
  model model_;
  std::array<timing, 16> of_width_{};
};

}  // namespace cli
