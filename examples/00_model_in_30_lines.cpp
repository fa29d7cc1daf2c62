// SPDX-License-Identifier: Apache-2.0
// Your own model: a session with `length`, `eval` and `rewind`, and a model that opens sessions. The rest is the
// library's.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <proviso/drafters/prompt_lookup.hpp>
#include <proviso/proviso.hpp>

// Stands for your engine: scores the letter after a text by how often it followed the last two letters in a rhyme.
struct engine {
  static constexpr std::string_view rhyme = "the cat sat on the mat and the rat ran to the cat that sat on the mat";
  static constexpr std::size_t vocab = 128;

  void score(std::span<const proviso::token_id> text, float* out) const {
    std::fill(out, out + vocab, -9.0F);
    for (std::size_t i = 2; i < rhyme.size(); ++i) {
      const bool follows = text.size() >= 2 && rhyme[i - 2] == text[text.size() - 2] && rhyme[i - 1] == text.back();
      if (follows) out[static_cast<std::size_t>(rhyme[i])] += 5.0F;
    }
  }
};

class my_model {
 public:
  class session {
   public:
    explicit session(const engine& e) : engine_{&e} {}
    std::size_t length() const { return held_.size(); }
    proviso::logits_view<float> eval(proviso::chain_block block) {
      rows_.resize(block.want * engine::vocab);
      const std::size_t skipped = block.tokens.size() - block.want;
      for (std::size_t i = 0; i < block.tokens.size(); ++i) {
        held_.push_back(block.tokens[i]);
        if (i >= skipped) engine_->score(held_, &rows_[(i - skipped) * engine::vocab]);
      }
      return {rows_.data(), block.want, engine::vocab};
    }
    void rewind(std::size_t n) { held_.resize(n); }

   private:
    const engine* engine_;
    std::vector<proviso::token_id> held_;
    std::vector<float> rows_;
  };
  std::size_t vocab_size() const { return engine::vocab; }
  session open() { return session{engine_}; }

 private:
  engine engine_;
};

int main() {
  my_model model;
  const std::string_view start = "the cat sat on the mat. the ";
  const std::vector<proviso::token_id> prompt{start.begin(), start.end()};
  const proviso::limits limits{.max_tokens = 60};

  proviso::decoder plain{proviso::autoregressive{model, proviso::transforms::temperature{0.0F}}};
  proviso::decoder fast{proviso::speculative{model, proviso::drafters::prompt_lookup{}, proviso::rules::match{},
                                             proviso::transforms::temperature{0.0F}}};
  std::string expected, text;
  plain.run(
      prompt, [&](proviso::generated_token t) { expected += static_cast<char>(t.token); }, limits);
  fast.run(
      prompt, [&](proviso::generated_token t) { text += static_cast<char>(t.token); }, limits);
  std::printf("%s\n%d letters in %d calls of the model\n", text.c_str(), static_cast<int>(text.size()),
              static_cast<int>(fast.stats().target_calls));
  return text == expected && fast.stats().target_calls < text.size() ? 0 : 1;
}
