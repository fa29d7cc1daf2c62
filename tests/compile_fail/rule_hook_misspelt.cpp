// SPDX-License-Identifier: Apache-2.0
// expect: proviso: the hook that begins a generation is `start()`
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>

struct policy {
  static constexpr bool lossless = false;
#ifdef PROVISO_FAIL
  void start(int) {}
#else
  void start() {}
#endif
  proviso::outcome operator()(const proviso::draft&, const proviso::target_laws&, proviso::random_ref) { return {}; }
};

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  const proviso::decoder d{proviso::speculative{model, proviso::drafters::none{}, policy{}}};
}
