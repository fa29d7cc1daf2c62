// SPDX-License-Identifier: Apache-2.0
// expect: proviso: an order needs `static constexpr bool scheduled`
#include <proviso/proviso.hpp>

struct net {
  std::size_t vocab_size() const { return 2; }
  proviso::token_id mask_token() const { return 1; }
  proviso::logits_view<float> score(std::span<const proviso::token_id>, std::span<const proviso::token_id>) {
    return {};
  }
};

struct policy {
#ifndef PROVISO_FAIL
  static constexpr bool scheduled = true;
#endif
  void operator()(proviso::canvas_step&) {}
};

int main() {
  net n;
  proviso::canvas_model canvases{n};
  const proviso::decoder d{proviso::diffusion{canvases, {}, policy{}}};
}
