// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a drafter needs `propose(const context&, draft&)`
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>

struct policy {
  void start(std::span<const proviso::token_id>) {}
#ifndef PROVISO_FAIL
  void propose(const proviso::context&, proviso::draft&) {}
#endif
  void commit(const proviso::feedback&) {}
};

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  const proviso::decoder d{proviso::speculative{model, policy{}}};
}
