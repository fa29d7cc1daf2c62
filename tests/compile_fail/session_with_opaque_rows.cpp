// SPDX-License-Identifier: Apache-2.0
// expect: proviso: the entries of the rows must convert to `float`
#include <proviso/proviso.hpp>

struct model {
  struct session {
    std::size_t length() const { return 0; }
#ifdef PROVISO_FAIL
    struct opaque {};
    proviso::logits_view<opaque> eval(proviso::chain_block) { return {}; }
#else
    proviso::logits_view<float> eval(proviso::chain_block) { return {}; }
#endif
    void rewind(std::size_t) {}
  };
  std::size_t vocab_size() const { return 1; }
  session open() { return {}; }
};

int main() {
  model m;
  const proviso::decoder d{proviso::autoregressive{m}};
}
