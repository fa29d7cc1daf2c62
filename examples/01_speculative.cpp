// SPDX-License-Identifier: Apache-2.0
// A small model drafts, a larger one verifies: the text of plain decoding with fewer calls of the large model.
#include <cstdio>
#include <string>
#include <vector>

#include <proviso/backends/eigen/transformer.hpp>
#include <proviso/proviso.hpp>

#include "cli/tokenizer.hpp"

int main() {
  const cli::tokenizer words{"examples/zoo/tokenizer.model"};
  proviso::eigen::transformer base{"examples/zoo/base.safetensors", {.threads = 2}};
  proviso::eigen::transformer draft{"examples/zoo/draft.safetensors"};
  const std::vector<proviso::token_id> prompt = words.encode("<|en|>To change the colour of the text, select");
  const proviso::transforms::temperature shape{0.7F};
  const proviso::limits limits{.max_tokens = 64};

  proviso::decoder plain{proviso::autoregressive{base, shape}, /*seed*/ 7};
  proviso::decoder fast{proviso::speculative{base, proviso::drafters::model{draft}, proviso::rules::match{}, shape,
                                             proviso::lengths::fixed{4}},
                        /*seed*/ 7};
  std::string expected, text;
  plain.run(
      prompt, [&](proviso::generated_token t) { expected += words.bytes(t.token); }, limits);
  fast.run(
      prompt, [&](proviso::generated_token t) { text += words.bytes(t.token); }, limits);

  std::printf("%s\n", text.c_str());
  std::printf("plain: %d calls, speculative: %d calls\n", static_cast<int>(plain.stats().target_calls),
              static_cast<int>(fast.stats().target_calls));
  return text == expected ? 0 : 1;
}
