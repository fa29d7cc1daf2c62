// SPDX-License-Identifier: Apache-2.0
// expect: proviso: a schedule needs `double operator()(double t) const`
#include <proviso/proviso.hpp>

struct net {
  std::size_t vocab_size() const { return 2; }
  proviso::token_id mask_token() const { return 1; }
  proviso::logits_view<float> score(std::span<const proviso::token_id>, std::span<const proviso::token_id>) {
    return {};
  }
};

struct policy {
  double operator()(double t) const { return t; }
#ifndef PROVISO_FAIL
  double time(double m) const { return m; }
#endif
};

int main() {
  net n;
  proviso::canvas_model canvases{n};
  const proviso::decoder d{
      proviso::diffusion{canvases, {}, proviso::orders::ancestral{}, proviso::transforms::temperature{}, policy{}}};
}
