// SPDX-License-Identifier: Apache-2.0
// expect: proviso: the hook that names a drafter's models is `visit_models
#include <proviso/proviso.hpp>
#include <proviso/testing/table_model.hpp>

struct policy {
  void start(std::span<const proviso::token_id>) {}
  void propose(const proviso::context&, proviso::draft&) {}
  void commit(const proviso::feedback&) {}
#ifdef PROVISO_FAIL
  void visit_model(proviso::function_ref<void(proviso::model_slot&)>) {}
#else
  void visit_models(proviso::function_ref<void(proviso::model_slot&)>) {}
#endif
};

int main() {
  proviso::testing::table_model model{proviso::testing::random_table(4, 1, 1)};
  const proviso::decoder d{proviso::speculative{model, policy{}}};
}
