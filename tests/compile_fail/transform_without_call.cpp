// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a transform needs `void operator()(law_builder&, const text_position&) const`
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>

struct policy {
#ifndef PROVISO_FAIL
  void operator()(proviso::law_builder&, const proviso::text_position&) const {}
#endif
};

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  const proviso::decoder d{proviso::autoregressive{model, policy{}}};
}
