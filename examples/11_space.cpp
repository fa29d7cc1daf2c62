// SPDX-License-Identifier: Apache-2.0
// A model that was trained with mask tokens drafts for itself: one evaluation verifies the last candidates and drafts
// the next ones. Tokens that were drafted and accepted stand in brackets.
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <proviso/backends/eigen/transformer.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/space.hpp>
#include <proviso/drive/decoder.hpp>

#include "cli/tokenizer.hpp"

int main() {
  const cli::tokenizer words{"examples/zoo/tokenizer.model"};
  proviso::eigen::transformer base{"examples/zoo/base.safetensors", {.threads = 2}};
  const std::vector<proviso::token_id> prompt =
      words.encode("<|code|>def read(path):\n    \"\"\"Read a file.\"\"\"\n    with open(path) as f:\n");
  const proviso::transforms::temperature cold{0.0F};
  const proviso::limits limits{.max_tokens = 96, .end_tokens = {words.end()}};

  // The first three of the model's masks. A node of the tree costs about a fifth of a call of one token on two cores,
  // so masks that are not worth that much are left out.
  const std::span<const proviso::token_id> masks = base.mask_tokens().first(3);
  const proviso::drafters::masks whole{{masks.begin(), masks.end()}};
  const proviso::drafters::masks pruned{{masks.begin(), masks.end()}, /*node_cost*/ 0.19};

  std::string expected;
  const auto decode = [&](const char* name, proviso::decoder d, bool show) {
    std::string text;
    d.run(
        prompt,
        [&](proviso::generated_token t) {
          const std::string piece{words.bytes(t.token)};
          text += piece;
          if (show) std::printf(t.from == proviso::origin::drafted ? "[%s]" : "%s", piece.c_str());
        },
        limits);
    if (expected.empty()) expected = text;
    const proviso::statistics& s = d.stats();
    std::printf("%s%-14s %.2f tokens per call, %.1f nodes per call\n", show ? "\n\n" : "", name, s.tokens_per_call(),
                static_cast<double>(s.target_tokens) / static_cast<double>(s.target_calls));
    return text == expected && (name[0] == 'p' || s.tokens_per_call() > 1.3);
  };
  bool good = decode("plain", proviso::decoder{proviso::autoregressive{base, cold}}, false);
  good = decode("space", proviso::decoder{proviso::space{base, whole, proviso::rules::block{}, cold}}, true) && good;
  good =
      decode("space, pruned", proviso::decoder{proviso::space{base, pruned, proviso::rules::block{}, cold}}, false) &&
      good;
  return good ? 0 : 1;
}
