// SPDX-License-Identifier: Apache-2.0
// Three ways to take tokens as they come - pull, push, range - and three ways to stop early.
#include <cstdio>
#include <string>
#include <vector>

#include <stop_token>

#include <proviso/backends/eigen/transformer.hpp>
#include <proviso/proviso.hpp>

#include "cli/tokenizer.hpp"

int main() {
  const cli::tokenizer words{"examples/zoo/tokenizer.model"};
  proviso::eigen::transformer base{"examples/zoo/base.safetensors", {.threads = 2}};
  proviso::eigen::transformer draft{"examples/zoo/draft.safetensors"};
  const std::vector<proviso::token_id> prompt = words.encode("<|en|>The following example shows");
  proviso::limits limits{.max_tokens = 40, .end_tokens = {words.end()}};
  proviso::decoder decoder{proviso::speculative{base, proviso::drafters::model{draft}, proviso::rules::token{},
                                                proviso::transforms::temperature{0.7F}}};

  std::string pulled;  // one round at a time
  for (decoder.start(prompt, limits); !decoder.done();) {
    for (const proviso::generated_token t : decoder.step()) pulled += words.bytes(t.token);
  }

  std::string pushed;  // a callback
  decoder.run(
      prompt, [&](proviso::generated_token t) { pushed += words.bytes(t.token); }, limits);

  std::string ranged;  // a range
  decoder.start(prompt, limits);
  for (const proviso::generated_token t : decoder) ranged += words.bytes(t.token);
  std::printf("%s\n", pulled.c_str());

  // Stop from the callback, from elsewhere by a stop token, or at a text.
  std::size_t count = 0;
  const auto by_callback = decoder.run(
      prompt, [&](proviso::generated_token) { return ++count < 5; }, limits);
  std::stop_source source;
  source.request_stop();
  const auto by_token = decoder.run(
      prompt, [](proviso::generated_token) {}, limits, source.get_token());
  limits.stop_strings = {"e"};
  limits.pieces = {[](void* user, proviso::token_id t) { return static_cast<const cli::tokenizer*>(user)->bytes(t); },
                   const_cast<cli::tokenizer*>(&words)};
  const auto by_text = decoder.run(
      prompt, [](proviso::generated_token) {}, limits);

  using enum proviso::stop_reason;
  return pulled == pushed && pushed == ranged && by_callback == cancelled && by_token == cancelled &&
                 (by_text == stop_sequence || by_text == budget || by_text == end_token)
             ? 0
             : 1;
}
