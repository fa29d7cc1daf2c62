// SPDX-License-Identifier: Apache-2.0
// A user's program: returns 0 when greedy decoding continues 0 1 with 2 3 4.
#include <array>

#include "successor.hpp"

std::size_t tokens_per_run();

int main() {
  successor model;
  proviso::decoder d{proviso::autoregressive{model, proviso::transforms::temperature{0.0F}}};
  const std::array<proviso::token_id, 2> prompt{0, 1};
  proviso::limits bounds;
  bounds.max_tokens = tokens_per_run();
  proviso::token_id expected = 2;
  d.run(prompt, [&](proviso::generated_token t) { expected = t.token == expected ? expected + 1 : -1; }, bounds);
  return expected == 5 ? 0 : 1;
}
