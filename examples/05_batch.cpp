// SPDX-License-Identifier: Apache-2.0
// Many sequences at once: one call per model and tick, for target and drafter alike. Each text is that of `decoder`.
#include <cstdint>
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
  const std::vector<std::string> prompts{"<|en|>The printer", "<|de|>Der Drucker", "<|fr|>L'imprimante",
                                         "<|es|>La impresora"};
  const proviso::limits limits{.max_tokens = 24};
  const auto algorithm = [&] {
    return proviso::speculative{base, proviso::drafters::model{draft}, proviso::rules::token{},
                                proviso::transforms::temperature{0.7F}};
  };

  proviso::batch_decoder batch;
  std::vector<std::size_t> names;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    names.push_back(batch.add(algorithm(), words.encode(prompts[i]), limits, /*seed*/ std::uint64_t{i}));
  }
  batch.run();

  bool same = true;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    std::string text, alone;
    for (const proviso::generated_token t : batch[names[i]].output()) text += words.bytes(t.token);
    proviso::decoder single{algorithm(), /*seed*/ std::uint64_t{i}};
    single.run(
        words.encode(prompts[i]), [&](proviso::generated_token t) { alone += words.bytes(t.token); }, limits);
    std::printf("%s%s\n", prompts[i].c_str(), text.c_str());
    same = same && text == alone;
  }
  return same ? 0 : 1;
}
