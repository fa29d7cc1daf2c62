// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a `canvas_model` fills canvases, its rows are not laws of next tokens
#include <proviso/proviso.hpp>

struct net {
  std::size_t vocab_size() const { return 2; }
  proviso::token_id mask_token() const { return 1; }
  proviso::logits_view<float> score(std::span<const proviso::token_id>, std::span<const proviso::token_id>) {
    return {};
  }
};

int main() {
  net n;
  proviso::canvas_model canvases{n};
#ifdef PROVISO_FAIL
  const proviso::decoder d{proviso::autoregressive{canvases}};
#else
  const proviso::decoder d{proviso::diffusion{canvases}};
#endif
}
