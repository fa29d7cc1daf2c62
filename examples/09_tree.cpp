// SPDX-License-Identifier: Apache-2.0
// Tree drafts: several guesses per position, verified in one round. The models here evaluate chains only, as many
// engines do; `chain_emulation` gives them trees.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <proviso/drafters/sampled_tree.hpp>
#include <proviso/model/chain_emulation.hpp>
#include <proviso/proviso.hpp>
#include <proviso/rules/traversal.hpp>

// Stands for your engine: a letter scores by how many of the letters before it, up to `order`, it follows in a rhyme.
class letters {
 public:
  static constexpr std::string_view rhyme =
      "peter piper picked a peck of pickled peppers; a peck of pickled peppers peter piper picked; "
      "if peter piper picked a peck of pickled peppers, where is the peck of pickled peppers peter piper picked? ";
  static constexpr std::size_t vocab = 128;

  explicit letters(std::size_t order) : order_{order} {}

  class session {
   public:
    explicit session(std::size_t order) : order_{order} {}
    std::size_t length() const { return held_.size(); }
    proviso::logits_view<float> eval(proviso::chain_block block) {
      rows_.resize(block.want * vocab);
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
      std::fill(row, row + vocab, -9.0F);
      for (std::size_t k = 1; k <= order_ && k <= held_.size(); ++k) {
        const std::string_view last = std::string_view{held_}.substr(held_.size() - k);
        for (std::size_t at = 0; at + k < rhyme.size(); ++at) {
          if (rhyme.substr(at, k) == last) row[static_cast<std::size_t>(rhyme[at + k])] = 2.0F * static_cast<float>(k);
        }
      }
    }
    std::size_t order_;
    std::string held_;
    std::vector<float> rows_;
  };
  std::size_t vocab_size() const { return vocab; }
  session open() { return session{order_}; }

 private:
  std::size_t order_;
};

int main() {
  letters large{4};
  letters small{1};  // knows only the last letter: its first guess is often wrong
  proviso::chain_emulation target{large};
  proviso::chain_emulation drafting{small};
  const std::string_view start = "peter ";
  const std::vector<proviso::token_id> prompt{start.begin(), start.end()};

  // The numbers are the children of a node, level by level.
  const auto tokens_per_call = [&](proviso::drafters::branching shape) {
    proviso::decoder d{proviso::speculative{target, proviso::drafters::sampled_tree{drafting, std::move(shape)},
                                            proviso::rules::traversal{}}};
    std::string text;
    d.run(prompt, [&](proviso::generated_token t) { text += static_cast<char>(t.token); }, {.max_tokens = 200});
    std::printf("%.70s...\n  %.2f letters per round, %.1f drafted\n", text.c_str(), d.stats().tokens_per_call(),
                d.stats().drafted_per_call());
    return d.stats().tokens_per_call();
  };
  const double chain = tokens_per_call({1, 1, 1});
  const double tree = tokens_per_call({4, 2, 1});
  return tree > chain ? 0 : 1;
}
