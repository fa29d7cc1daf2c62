// SPDX-License-Identifier: Apache-2.0
// expect: proviso: this model is a temporary object
#include <proviso/proviso.hpp>
#include <proviso/testing/archetypes.hpp>
#include <proviso/testing/table_model.hpp>

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
#ifdef PROVISO_FAIL
  const proviso::decoder d{
      proviso::autoregressive{proviso::testing::table_model{proviso::testing::random_table(4, 1, 1)}}};
#else
  const proviso::decoder d{proviso::autoregressive{model}};
#endif
}
