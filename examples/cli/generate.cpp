// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "commands.hpp"
#include "interrupt.hpp"
#include "methods.hpp"
#include "prompts.hpp"
#include "results.hpp"
#include "stream.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

std::string prompt_text(const generate_options& options) {
  if (options.prompt.has_value() == !options.file.empty()) {
    throw std::invalid_argument("give the prompt either with --prompt TEXT or with --file FILE");
  }
  const std::string text = options.prompt ? *options.prompt : read_text(options.file);
  check_prompt(text);
  return text;
}

sampling shape_of(const generate_options& options) {
  sampling shape{options.temperature};
  if (options.top_k) shape.top_k(*options.top_k);
  if (options.top_p) shape.top_p(*options.top_p);
  if (options.min_p) shape.min_p(*options.min_p);
  return shape;
}

void print_summary(const result& r) {
  const proviso::statistics& s = r.stats;
  std::string line = fmt::format("{} tokens in {:.2f} s, {:.0f} tokens/s, {:.2f} tokens per call of the model",
                                 s.emitted, r.seconds, r.tokens_per_second(), s.tokens_per_call());
  if (s.drafted > 0)
    line += fmt::format(", {:.0f} % of {} drafted tokens accepted", 100.0 * s.acceptance_rate(), s.drafted);
  fmt::print(stderr, "[{}]\n", line);
}

}  // namespace

int generate(const generate_options& options) {
  const method& how = find_method(options.method);
  const sampling shape = shape_of(options);
  const std::string text = prompt_text(options);
  models loaded{options.files, how.needs_draft};
  const std::vector<proviso::token_id> tokens =
      encode_prompt(loaded.words(), loaded.capacity(), options.language, text);
  proviso::decoder decoder = make_decoder(
      how, {&loaded.base(), loaded.draft(), shape, options.draft_length, options.lengths, options.seed});
  std::optional<json_file> json;
  if (!options.json.empty()) json.emplace(options.json);

  proviso::limits limits;
  limits.max_tokens = options.max_tokens;
  limits.end_tokens = {loaded.words().end()};
  token_stream out{options.output(), loaded.words()};
  interrupt::watch();

  const auto begin = std::chrono::steady_clock::now();
  const proviso::stop_reason why = decoder.run(
      tokens, [&](const proviso::generated_token& t) { out.push(t); }, limits, interrupt{});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  out.finish();

  result r;
  r.method = how.name;
  r.prompt = text;
  r.language = options.language;
  r.temperature = temperature_value(options.temperature);
  r.seconds = seconds.count();
  r.stats = decoder.stats();
  if (how.name == "plain") {
    r.speedup = 1.0;
    r.same_as_plain = true;
  }
  print_summary(r);
  if (json) {
    nlohmann::ordered_json entry = to_json(r);
    entry["text"] = out.text();
    json->write(nlohmann::ordered_json::array({entry}));
  }
  return why == proviso::stop_reason::cancelled ? 130 : 0;
}

}  // namespace cli
