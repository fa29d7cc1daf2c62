// SPDX-License-Identifier: Apache-2.0
// Drafting without a model: copy from the prompt. It pays where the text repeats itself, as code does.
#include <cstdio>
#include <string>
#include <vector>

#include <proviso/backends/eigen/transformer.hpp>
#include <proviso/drafters/prompt_lookup.hpp>
#include <proviso/proviso.hpp>

#include "cli/tokenizer.hpp"

int main() {
  const cli::tokenizer words{"examples/zoo/tokenizer.model"};
  proviso::eigen::transformer base{"examples/zoo/base.safetensors", {.threads = 2}};
  const std::vector<proviso::token_id> prompt = words.encode(
      "<|code|>class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = y\n\n"
      "class Circle:\n    def __init__(self, x, y, radius):\n        self.x = x\n");

  const proviso::transforms::temperature greedy{0.0F};
  const proviso::limits limits{.max_tokens = 64};

  proviso::decoder plain{proviso::autoregressive{base, greedy}};
  proviso::decoder fast{proviso::speculative{base, proviso::drafters::prompt_lookup{}, proviso::rules::greedy{}, greedy,
                                             proviso::lengths::fixed{8}}};
  std::string expected, text;
  plain.run(
      prompt, [&](proviso::generated_token t) { expected += words.bytes(t.token); }, limits);
  fast.run(
      prompt, [&](proviso::generated_token t) { text += words.bytes(t.token); }, limits);

  const proviso::statistics& s = fast.stats();
  std::printf("%s\n%d tokens in %d calls, %d of %d copied tokens accepted\n", text.c_str(), static_cast<int>(s.emitted),
              static_cast<int>(s.target_calls), static_cast<int>(s.accepted), static_cast<int>(s.drafted));
  return text == expected ? 0 : 1;
}
