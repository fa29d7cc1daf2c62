// SPDX-License-Identifier: Apache-2.0
// Two models as one: the mean of their probabilities. Plain decoding asks both models for every letter; `ensemble` lets
// them draft for each other and asks less, for exactly the same law.
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <proviso/combine/weighted.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/combined.hpp>
#include <proviso/decode/ensemble.hpp>
#include <proviso/drive/decoder.hpp>

// Stands for your engine: letters score by what followed the last two letters in a text that the model knows.
class letters {
 public:
  static constexpr std::size_t vocab = 128;

  explicit letters(std::string_view known) : known_{known} {}

  class session {
   public:
    explicit session(std::string_view known) : known_{known} {}
    std::size_t length() const { return held_.size(); }
    proviso::logits_view<float> eval(proviso::chain_block block) {
      rows_.assign(block.want * vocab, -20.0F);
      const std::size_t skipped = block.tokens.size() - block.want;
      for (std::size_t i = 0; i < block.tokens.size(); ++i) {
        held_ += static_cast<char>(block.tokens[i]);
        if (i >= skipped) score(&rows_[(i - skipped) * vocab]);
      }
      return {rows_.data(), block.want, vocab};
    }
    void rewind(std::size_t n) { held_.resize(n); }

   private:
    void score(float* row) const {
      for (const char letter : known_) row[static_cast<std::size_t>(letter)] = 0.0F;
      for (std::size_t k = 1; k <= 2 && k <= held_.size(); ++k) {
        const std::string_view last = std::string_view{held_}.substr(held_.size() - k);
        for (std::size_t at = 0; at + k < known_.size(); ++at) {
          if (known_.substr(at, k) == last) row[static_cast<std::size_t>(known_[at + k])] += 3.0F;
        }
      }
    }
    std::string_view known_;
    std::string held_;
    std::vector<float> rows_;
  };
  std::size_t vocab_size() const { return vocab; }
  session open() { return session{known_}; }

 private:
  std::string_view known_;
};

int main() {
  letters sea{"she sells sea shells by the sea shore; the shells she sells are sea shells, she is sure. "};
  letters wood{"how much wood would a wood chuck chuck, if a wood chuck could chuck wood? she sells wood. "};
  const auto both = [&] { return proviso::combined{proviso::combine::weighted{0.5, 0.5}, sea, wood}; };
  const std::string_view start = "she ";
  const std::vector<proviso::token_id> prompt{start.begin(), start.end()};

  // Evaluations per letter.
  const auto calls = [&](proviso::decoder d) {
    std::string text;
    d.run(prompt, [&](proviso::generated_token t) { text += static_cast<char>(t.token); }, {.max_tokens = 400});
    const double all = static_cast<double>(d.stats().target_calls + d.stats().drafter_calls);
    std::printf("%.70s...\n  %.2f evaluations per letter\n", text.c_str(), all / static_cast<double>(text.size()));
    return all;
  };
  const double plain = calls(proviso::decoder{proviso::autoregressive{both()}});
  const double fast = calls(proviso::decoder{proviso::ensemble{both()}});
  return fast < plain ? 0 : 1;
}
