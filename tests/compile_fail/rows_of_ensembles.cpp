// SPDX-License-Identifier: Apache-2.0
// expect: proviso: this drafter reads rows of its target, which must be one model
#include <proviso/proviso.hpp>
#include <proviso/testing/archetypes.hpp>
#include <proviso/testing/table_model.hpp>

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
#ifdef PROVISO_FAIL
  const proviso::decoder d{
      proviso::speculative{proviso::combined{proviso::combine::weighted{1.0}, model}, proviso::drafters::lookahead{}}};
#else
  const proviso::decoder d{proviso::speculative{model, proviso::drafters::lookahead{}}};
#endif
}
