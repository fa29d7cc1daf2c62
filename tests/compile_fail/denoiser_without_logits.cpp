// SPDX-License-Identifier: Apache-2.0
// expect: proviso: `score` must return rows of logits in host memory
#include <proviso/decode/diffusion.hpp>
#include <proviso/drive/decoder.hpp>

struct net {
  std::size_t vocab_size() const { return 2; }
  proviso::token_id mask_token() const { return 1; }
#ifndef PROVISO_FAIL
  proviso::logits_view<float> score(std::span<const proviso::token_id>, std::span<const proviso::token_id>) { return {}; }
#else
  float score(std::span<const proviso::token_id>, std::span<const proviso::token_id>) { return 0.0F; }
#endif
};

int main() {
  net n;
  proviso::canvas_model canvases{n};
  const proviso::decoder d{proviso::diffusion{canvases}};
}
