// SPDX-License-Identifier: Apache-2.0
// Your own drafter: three hooks. This one learns online which token last followed each token, and chains its guesses.
// Pushed tokens are lossless whatever chose them, so a bad guess costs time and never text.
#include <cstdio>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <proviso/backends/eigen/transformer.hpp>
#include <proviso/proviso.hpp>

#include "cli/tokenizer.hpp"

class follower {
 public:
  void start(std::span<const proviso::token_id> prompt) {
    next_.clear();
    learned_ = 0;
    learn(prompt);
  }
  void propose(const proviso::context& c, proviso::draft& d) {
    proviso::token_id last = c.text().back();
    for (proviso::node_id at = proviso::draft::root(); d.proposed() < c.limit();) {
      const auto found = next_.find(last);
      if (found == next_.end()) return;
      at = d.push(at, last = found->second);
    }
  }
  void commit(const proviso::feedback& f) { learn(f.text); }

 private:
  void learn(std::span<const proviso::token_id> text) {
    for (; learned_ + 1 < text.size(); ++learned_) next_[text[learned_]] = text[learned_ + 1];
  }
  std::unordered_map<proviso::token_id, proviso::token_id> next_;
  std::size_t learned_ = 0;
};

int main() {
  const cli::tokenizer words{"examples/zoo/tokenizer.model"};
  proviso::eigen::transformer base{"examples/zoo/base.safetensors", {.threads = 2}};
  const std::vector<proviso::token_id> prompt =
      words.encode("<|code|>def add(a, b):\n    return a + b\n\ndef sub(a, b):\n");
  const proviso::transforms::temperature shape{0.7F};
  const proviso::limits limits{.max_tokens = 64};

  proviso::decoder plain{proviso::autoregressive{base, shape}};
  proviso::decoder fast{
      proviso::speculative{base, follower{}, proviso::rules::match{}, shape, proviso::lengths::fixed{2}}};
  std::string expected, text;
  plain.run(
      prompt, [&](proviso::generated_token t) { expected += words.bytes(t.token); }, limits);
  fast.run(
      prompt, [&](proviso::generated_token t) { text += words.bytes(t.token); }, limits);
  std::printf("%s\n%.0f %% of the guesses accepted\n", text.c_str(), 100.0 * fast.stats().acceptance_rate());
  return text == expected ? 0 : 1;
}
