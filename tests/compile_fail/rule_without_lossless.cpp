// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a rule needs `static constexpr bool lossless`
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>

struct policy {
#ifndef PROVISO_FAIL
  static constexpr bool lossless = false;
#endif
  proviso::outcome operator()(const proviso::draft&, const proviso::target_laws&, proviso::random_ref) { return {}; }
};

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  const proviso::decoder d{proviso::speculative{model, proviso::drafters::none{}, policy{}}};
}
