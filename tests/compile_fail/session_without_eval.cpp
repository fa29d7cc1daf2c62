// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a session needs `eval(chain_block)`
#include <proviso/proviso.hpp>

struct model {
  struct session {
    std::size_t length() const { return 0; }
#ifndef PROVISO_FAIL
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
