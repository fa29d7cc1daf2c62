// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a drafter needs `start(std::span<const token_id> prompt)`
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>

struct policy {
#ifndef PROVISO_FAIL
  void start(std::span<const proviso::token_id>) {}
#endif
  void propose(const proviso::context&, proviso::draft&) {}
  void commit(const proviso::feedback&) {}
};

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  const proviso::decoder d{proviso::speculative{model, policy{}}};
}
