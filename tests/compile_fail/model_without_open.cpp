// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a model needs `open()` - it returns a new, empty session by value.
#include <proviso/proviso.hpp>

struct model {
  struct session {
    std::size_t length() const { return 0; }
    proviso::logits_view<float> eval(proviso::chain_block) { return {}; }
    void rewind(std::size_t) {}
  };
  std::size_t vocab_size() const { return 1; }
#ifndef PROVISO_FAIL
  session open() { return {}; }
#endif
};

int main() {
  model m;
  const proviso::decoder d{proviso::autoregressive{m}};
}
