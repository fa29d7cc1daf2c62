// SPDX-License-Identifier: Apache-2.0
// expect: proviso: another policy stands where the drafter belongs
#include <proviso/proviso.hpp>
#include <proviso/testing/archetypes.hpp>
#include <proviso/testing/table_model.hpp>

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
#ifdef PROVISO_FAIL
  const proviso::decoder d{proviso::speculative{model, proviso::rules::token{}, proviso::drafters::none{}}};
#else
  const proviso::decoder d{proviso::speculative{model, proviso::drafters::none{}, proviso::rules::token{}}};
#endif
}
