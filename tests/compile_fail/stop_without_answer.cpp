// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a stop needs `bool operator()(canvas_step&)`
#include <proviso/proviso.hpp>

struct net {
  std::size_t vocab_size() const { return 2; }
  proviso::token_id mask_token() const { return 1; }
  proviso::logits_view<float> score(std::span<const proviso::token_id>, std::span<const proviso::token_id>) {
    return {};
  }
};

struct policy {
#ifdef PROVISO_FAIL
  void operator()(proviso::canvas_step&) {}
#else
  bool operator()(proviso::canvas_step&) { return false; }
#endif
};

int main() {
  net n;
  proviso::canvas_model canvases{n};
  const proviso::decoder d{proviso::diffusion{canvases,
                                              {},
                                              proviso::orders::ancestral{},
                                              proviso::transforms::temperature{},
                                              proviso::schedules::log_linear{},
                                              policy{}}};
}
