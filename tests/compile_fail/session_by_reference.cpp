// SPDX-License-Identifier: Apache-2.0
// expect: proviso: `open()` must return the session by value
#include <proviso/proviso.hpp>

struct model {
  struct session {
    std::size_t length() const { return 0; }
    proviso::logits_view<float> eval(proviso::chain_block) { return {}; }
    void rewind(std::size_t) {}
  };
  std::size_t vocab_size() const { return 1; }
#ifdef PROVISO_FAIL
  session& open() { return only; }
  session only;
#else
  session open() { return {}; }
#endif
};

int main() {
  model m;
  const proviso::decoder d{proviso::autoregressive{m}};
}
