// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a session must be movable
#include <proviso/proviso.hpp>

struct model {
  struct session {
#ifdef PROVISO_FAIL
    session() = default;
    session(const session&) = delete;
    session& operator=(const session&) = delete;
#endif
    std::size_t length() const { return 0; }
    proviso::logits_view<float> eval(proviso::chain_block) { return {}; }
    void rewind(std::size_t) {}
  };
  std::size_t vocab_size() const { return 1; }
  session open() { return {}; }
};

int main() {
  model m;
  const proviso::decoder d{proviso::autoregressive{m}};
}
