// SPDX-License-Identifier: Apache-2.0
// What a generation did: counters, rates by draft depth, and origin and probability of every token.
#include <cmath>
#include <cstdio>
#include <vector>

#include <proviso/backends/eigen/transformer.hpp>
#include <proviso/proviso.hpp>

#include "cli/tokenizer.hpp"

int main() {
  const cli::tokenizer words{"examples/zoo/tokenizer.model"};
  proviso::eigen::transformer base{"examples/zoo/base.safetensors", {.threads = 2}};
  proviso::eigen::transformer draft{"examples/zoo/draft.safetensors"};
  const std::vector<proviso::token_id> prompt = words.encode("<|de|>Um eine Datei zu öffnen, wählen Sie");
  proviso::decoder decoder{proviso::speculative{base, proviso::drafters::model{draft}, proviso::rules::token{},
                                                proviso::transforms::temperature{0.7F}, proviso::lengths::fixed{4}}};

  const char* const origins[] = {"drafted", "corrected", "bonus", "fresh"};
  double log_probability = 0.0;
  decoder.run(prompt,
              [&](proviso::generated_token t) {
                log_probability += static_cast<double>(t.log_probability);
                std::printf("%-10s p = %.3f  %.*s\n", origins[static_cast<int>(t.from)],
                            std::exp(static_cast<double>(t.log_probability)),
                            static_cast<int>(words.bytes(t.token).size()), words.bytes(t.token).data());
              },
              {.max_tokens = 24});

  const proviso::statistics& s = decoder.stats();
  std::printf("tokens per call    %.2f\nacceptance rate    %.2f\ndrafted per call   %.2f\n", s.tokens_per_call(),
              s.acceptance_rate(), s.drafted_per_call());
  for (std::size_t depth = 0; depth < 4; ++depth)
    std::printf("accepted at depth %d: %.2f\n", static_cast<int>(depth + 1), s.acceptance_at(depth));
  std::printf("log-probability of the text under the target's law: %.2f\n", log_probability);
  return s.emitted == s.accepted + s.corrected + s.bonus + s.fresh && log_probability <= 0.0 ? 0 : 1;
}
