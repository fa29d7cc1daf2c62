// SPDX-License-Identifier: Apache-2.0
// expect: proviso: the optional members of an order are `bool prepare(canvas_step&)`
#include <proviso/proviso.hpp>

struct net {
  std::size_t vocab_size() const { return 2; }
  proviso::token_id mask_token() const { return 1; }
  proviso::logits_view<float> score(std::span<const proviso::token_id>, std::span<const proviso::token_id>) {
    return {};
  }
};

struct policy {
  static constexpr bool scheduled = true;
#ifdef PROVISO_FAIL
  bool prepare() { return true; }
#else
  bool prepare(proviso::canvas_step&) { return true; }
#endif
  void operator()(proviso::canvas_step&) {}
};

int main() {
  net n;
  proviso::canvas_model canvases{n};
  const proviso::decoder d{proviso::diffusion{canvases, {}, policy{}}};
}
