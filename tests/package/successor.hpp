// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include <proviso/proviso.hpp>

/// A model of five tokens that always continues with the next one.
struct successor {
  struct session {
    std::vector<proviso::token_id> held;
    std::vector<float> rows;

    std::size_t length() const { return held.size(); }
    void rewind(std::size_t n) { held.resize(n); }
    proviso::logits_view<float> eval(proviso::chain_block block) {
      held.insert(held.end(), block.tokens.begin(), block.tokens.end());
      rows.assign(block.want * 5, 0.0F);
      for (std::size_t i = 0; i < block.want; ++i) {
        const proviso::token_id last = held[held.size() - block.want + i];
        rows[i * 5 + static_cast<std::size_t>(last + 1) % 5] = 10.0F;
      }
      return {rows.data(), block.want, 5};
    }
  };
  std::size_t vocab_size() const { return 5; }
  session open() { return {}; }
};
