// SPDX-License-Identifier: Apache-2.0
// Driving a sequence by hand: it says which evaluations it needs and takes the rows. This is all that an engine with
// its own scheduler has to do; no coroutine is in sight.
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
  const std::vector<proviso::token_id> prompt = words.encode("<|en|>A directory is");
  const auto algorithm = [&] { return proviso::speculative{base, proviso::drafters::model{draft}}; };
  const proviso::limits limits{.max_tokens = 32};

  proviso::sequence s{algorithm(), /*seed*/ 3};
  std::vector<proviso::eigen::transformer_session> sessions;  // one per model, in the order of `s.model_slots()`
  sessions.push_back(base.open());
  sessions.push_back(draft.open());
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    s.model_slots()[i]->bounds(sessions[i].capacity(), sessions[i].max_rewind());
  }

  s.start(prompt, limits);
  int calls[2] = {0, 0};
  int rounds = 1;  // the last one ends with the text
  while (!s.done()) {
    const auto open = s.plan();
    if (open.empty()) continue;  // nothing is left to evaluate
    const proviso::request r = open.front();
    auto& session = sessions[r.model];
    if (r.gather) session.keep(r.path);
    if (session.length() > r.length) session.rewind(r.length);
    proviso::logits_rows rows;
    if (r.block.size() > 0) {
      rows = session.eval(r.block);
      ++calls[r.model];
    }
    s.absorb(r.id, rows);
    if (s.between_rounds()) ++rounds;  // a round has ended: output has grown
  }

  std::string text, expected;
  for (const proviso::generated_token t : s.output()) text += words.bytes(t.token);
  proviso::decoder decoder{algorithm(), /*seed*/ 3};
  decoder.run(
      prompt, [&](proviso::generated_token t) { expected += words.bytes(t.token); }, limits);
  std::printf("%s\n%d rounds, %d calls of the target, %d of the drafter\n", text.c_str(), rounds, calls[0], calls[1]);
  return text == expected ? 0 : 1;
}
