// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a denoiser needs `token_id mask_token() const`
#include <proviso/decode/diffusion.hpp>
#include <proviso/drive/decoder.hpp>

struct net {
  std::size_t vocab_size() const { return 2; }
#ifndef PROVISO_FAIL
  proviso::token_id mask_token() const { return 1; }
#endif
  proviso::logits_view<float> score(std::span<const proviso::token_id>, std::span<const proviso::token_id>) { return {}; }
};

int main() {
  net n;
  proviso::canvas_model canvases{n};
  const proviso::decoder d{proviso::diffusion{canvases}};
}
