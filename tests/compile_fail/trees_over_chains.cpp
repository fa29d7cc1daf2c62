// SPDX-License-Identifier: Apache-2.0
// expect: proviso: this drafter proposes trees, but the sessions of this model have no `eval(tree_block)`
#include <proviso/proviso.hpp>
#include <proviso/testing/archetypes.hpp>
#include <proviso/testing/table_model.hpp>

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  proviso::testing::chain_only chains{model, 4};
#ifdef PROVISO_FAIL
  const proviso::decoder d{proviso::speculative{chains, proviso::drafters::lookahead{}}};
#else
  const proviso::decoder d{proviso::speculative{model, proviso::drafters::lookahead{}}};
#endif
}
