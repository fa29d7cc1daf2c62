// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <vector>

#include <sentencepiece_processor.h>
#include <proviso/backends/eigen/transformer.hpp>
#include <proviso/proviso.hpp>

int main() {
  sentencepiece::SentencePieceProcessor words;
  words.LoadOrDie("examples/zoo/tokenizer.model");
  proviso::eigen::transformer base{"examples/zoo/base.safetensors", {.threads = 2}};
  proviso::eigen::transformer draft{"examples/zoo/draft.safetensors"};

  proviso::decoder decoder{proviso::speculative{base, proviso::drafters::model{draft}, proviso::rules::token{},
                                                proviso::transforms::temperature{0.7F}},
                           /*seed*/ 1};
  std::vector<int> text = words.EncodeAsIds("<|en|>To open a new file, choose");
  decoder.run(text, [&](proviso::generated_token t) { text.push_back(t.token); });
  std::cout << words.DecodeIds(text) << '\n' << decoder.stats().tokens_per_call() << " tokens per call\n";
}
