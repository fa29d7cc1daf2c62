// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a transform is a pure function of the row and its place - make its `operator()` `const`.
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>

struct policy {
#ifdef PROVISO_FAIL
  void operator()(proviso::law_builder&, const proviso::text_position&) {}
#else
  void operator()(proviso::law_builder&, const proviso::text_position&) const {}
#endif
};

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  const proviso::decoder d{proviso::autoregressive{model, policy{}}};
}
