// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a drafter whose `propose` returns `task` needs `visit_models
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>

struct policy {
  void start(std::span<const proviso::token_id>) {}
  proviso::task propose(const proviso::context&, proviso::draft&) { co_return; }
  void commit(const proviso::feedback&) {}
#ifndef PROVISO_FAIL
  void visit_models(proviso::function_ref<void(proviso::model_slot&)>) {}
#endif
};

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  const proviso::decoder d{proviso::speculative{model, policy{}}};
}
