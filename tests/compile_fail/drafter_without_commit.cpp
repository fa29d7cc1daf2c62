// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a drafter needs `commit(const feedback&)`
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>

struct policy {
  void start(std::span<const proviso::token_id>) {}
  void propose(const proviso::context&, proviso::draft&) {}
#ifndef PROVISO_FAIL
  void commit(const proviso::feedback&) {}
#endif
};

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  const proviso::decoder d{proviso::speculative{model, policy{}}};
}
