// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "commands.hpp"
#include "interrupt.hpp"
#include "methods.hpp"
#include "output.hpp"
#include "prompts.hpp"
#include "results.hpp"
#include "stream.hpp"
#include "wording.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

sampling shape_of(const generate_options& options) {
  sampling shape{options.temperature};
  if (options.top_k) shape.top_k(*options.top_k);
  if (options.top_p) shape.top_p(*options.top_p);
  if (options.min_p) shape.min_p(*options.min_p);
  return shape;
}

/// Why a text ended, for the file of figures and for the user.
struct ending {
  const char* name;
  std::string sentence;
};
ending ending_of(proviso::stop_reason why, std::size_t capacity) {
  switch (why) {
    case proviso::stop_reason::budget:
      return {"max_tokens", "stopped by --max-tokens"};
    case proviso::stop_reason::capacity:
      return {"capacity", fmt::format("stopped: the model holds no more than {}", counted(capacity, "token"))};
    case proviso::stop_reason::cancelled:
      return {"cancelled", "interrupted"};
    default:
      return {"end_token", "the text ended"};
  }
}

void print_summary(const result& r, const ending& end) {
  const proviso::statistics& s = r.stats;
  std::string line = fmt::format("{} in {:.2f} s, {:.0f} tokens/s, {:.2f} tokens per call of the model",
                                 counted(s.emitted, "token"), r.seconds, r.tokens_per_second(), s.tokens_per_call());
  if (s.drafted > 0)
    line += fmt::format(", {:.0f} % of {} accepted", 100.0 * s.acceptance_rate(), counted(s.drafted, "drafted token"));
  print_line(terminal::of(stderr), fmt::format("[{}; {}]", line, end.sentence));
}

}  // namespace

int generate(const generate_options& options) {
  const method& how = find_method(options.method);
  const sampling shape = shape_of(options);
  check_temperature(how, shape.temperature());
  const std::string text = text_from(options.prompt, "prompt", ", with --prompt TEXT");
  std::optional<output_file> json;
  if (!options.json.empty()) json.emplace(options.json);
  models loaded{options.files, how.needs_draft};
  const std::vector<proviso::token_id> tokens =
      encode_prompt(loaded.words(), loaded.capacity(), options.language, text);
  const method* const used[] = {&how};
  const costs cost = costs_of(options.costs, options.lengths, used, loaded);
  proviso::decoder decoder = make_decoder(
      how, {&loaded.base(), loaded.draft(), shape, options.draft_length, options.lengths, options.seed, cost});

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
  const ending end = ending_of(why, loaded.capacity());
  print_summary(r, end);
  if (json) {
    nlohmann::ordered_json entry = to_json(r);
    entry["stop"] = end.name;
    entry["text"] = out.text();
    json->write(text_of(nlohmann::ordered_json::array({entry})));
  }
  return why == proviso::stop_reason::cancelled ? interrupt::exit_code : 0;
}

}  // namespace cli
