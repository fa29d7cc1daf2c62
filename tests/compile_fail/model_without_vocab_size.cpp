// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a model needs `std::size_t vocab_size() const`
#include <proviso/proviso.hpp>

struct model {
  struct session {
    std::size_t length() const { return 0; }
    proviso::logits_view<float> eval(proviso::chain_block) { return {}; }
    void rewind(std::size_t) {}
  };
#ifndef PROVISO_FAIL
  std::size_t vocab_size() const { return 1; }
#endif
  session open() { return {}; }
};

int main() {
  model m;
  const proviso::decoder d{proviso::autoregressive{m}};
}
