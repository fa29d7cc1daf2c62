// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a combiner needs `law_view operator()(std::span<const law_view>, law_buffer&) const`
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>

struct policy {
#ifndef PROVISO_FAIL
  proviso::law_view operator()(std::span<const proviso::law_view> laws, proviso::law_buffer&) const { return laws[0]; }
#endif
};

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  const proviso::decoder d{proviso::autoregressive{proviso::combined{policy{}, model}}};
}
