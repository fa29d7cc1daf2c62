// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a length policy needs `observe(const feedback&)`
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>

struct policy {
  void start() {}
  std::size_t limit() const { return 1; }
  bool proceed(std::size_t, const proviso::law_view&) const { return true; }
#ifndef PROVISO_FAIL
  void observe(const proviso::feedback&) {}
#endif
};

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  const proviso::decoder d{proviso::speculative{model, proviso::drafters::none{}, proviso::rules::token{},
                                                proviso::transforms::temperature{}, policy{}}};
}
