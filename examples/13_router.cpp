// SPDX-License-Identifier: Apache-2.0
// A pool of drafters and a router that picks one per round: small models for one language or for all, what other
// requests have taught, copies of the text, or nothing. The router reads the language of the text, learns what each
// drafter brings per cost, and tells the routers of the next requests. Whatever it picks, the text is that of plain
// decoding.
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <proviso/backends/eigen/transformer.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/language_prior.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/none.hpp>
#include <proviso/drafters/prompt_lookup.hpp>
#include <proviso/drafters/router.hpp>
#include <proviso/drafters/shared_ngrams.hpp>
#include <proviso/drafters/shared_rates.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/match.hpp>

#include "cli/tokenizer.hpp"

namespace drafters = proviso::drafters;

int main() {
  const cli::tokenizer words{"examples/zoo/tokenizer.model"};
  proviso::eigen::transformer base{"examples/zoo/base.safetensors", {.threads = 2}};
  const std::string drafting = "examples/zoo/drafters.safetensors";  // several models with one embedding
  proviso::eigen::transformer german{drafting, {.member = "de"}};
  proviso::eigen::transformer code{drafting, {.member = "code"}};
  proviso::eigen::transformer general{drafting, {.member = "general"}};
  const proviso::transforms::temperature shape{0.3F};
  const proviso::limits limits{.max_tokens = 64};

  const auto bytes = [&](proviso::token_id t) { return words.bytes(t); };
  const char* const names[] = {"for German",     "for code",           "for all languages",
                               "shared n-grams", "copies of the text", "nothing"};
  drafters::ngram_store texts{1U << 20U};  // one MiB for all requests
  drafters::shared_rates rates;

  bool same = true;
  const std::string_view prompts[] = {"<|de|>Der Befehl zeigt die Namen der Dateien, die",
                                      "<|code|>def add(a, b):\n    return a + b\n\ndef sub(a, b):\n",
                                      "<|de|>Der Befehl zeigt die Namen der Dateien, die"};
  for (const std::string_view prompt : prompts) {
    const drafters::language_prior prior{bytes};
    drafters::router pool{{.certainty = 8.0}, prior};           // texts are short: expectations shall not count much
    pool.add(drafters::model{german}, {"de", 1.6, 0.06, 0.01})  // language, rate on it, cost per token, of reading
        .add(drafters::model{code}, {"code", 1.6, 0.06, 0.01})
        .add(drafters::model{general}, {"", 1.3, 0.06, 0.01})
        .add(drafters::shared_ngrams{texts}, {"", 1.7, 0.0, 0.0})
        .add(drafters::prompt_lookup{})
        .add(drafters::none{})
        .share(rates);
    proviso::decoder fast{proviso::speculative{base, std::move(pool), proviso::rules::match{}, shape}, 1};
    proviso::decoder plain{proviso::autoregressive{base, shape}, 1};
    std::string text, expected;
    fast.run(
        words.encode(prompt), [&](proviso::generated_token t) { text += words.bytes(t.token); }, limits);
    plain.run(
        words.encode(prompt), [&](proviso::generated_token t) { expected += words.bytes(t.token); }, limits);
    std::printf("%s%s\n(%.2f tokens per call)\n\n", prompt.data(), text.c_str(), fast.stats().tokens_per_call());
    same = same && text == expected;
  }

  for (const char* language : {"de", "code"}) {
    proviso::bandits::record arms[6];
    rates.read(language, arms);
    std::printf("%s:\n", language);
    for (std::size_t i = 0; i < 6; ++i) {
      if (arms[i].weight > 0.0) std::printf("  %-20s %.2f tokens per cost\n", names[i], arms[i].mean());
    }
  }
  return same ? 0 : 1;
}
