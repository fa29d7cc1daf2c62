// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a rule needs `outcome operator()(const draft&, const target_laws&, random_ref)`
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>

struct policy {
  static constexpr bool lossless = false;
#ifndef PROVISO_FAIL
  proviso::outcome operator()(const proviso::draft&, const proviso::target_laws&, proviso::random_ref) { return {}; }
#endif
};

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  const proviso::decoder d{proviso::speculative{model, proviso::drafters::none{}, policy{}}};
}
