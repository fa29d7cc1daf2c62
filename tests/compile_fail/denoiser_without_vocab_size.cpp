// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a denoiser needs `std::size_t vocab_size() const`
#include <proviso/decode/diffusion.hpp>
#include <proviso/drive/decoder.hpp>

struct net {
#ifndef PROVISO_FAIL
  std::size_t vocab_size() const { return 2; }
#endif
  proviso::token_id mask_token() const { return 1; }
  proviso::logits_view<float> score(std::span<const proviso::token_id>, std::span<const proviso::token_id>) { return {}; }
};

int main() {
  net n;
  proviso::canvas_model canvases{n};
  const proviso::decoder d{proviso::diffusion{canvases}};
}
