// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "commands.hpp"
#include "interrupt.hpp"
#include "prompts.hpp"
#include "results.hpp"
#include "show.hpp"
#include "table.hpp"

namespace cli {
namespace {

using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point begin) { return std::chrono::duration<double>(clock::now() - begin).count(); }

/// The methods that were asked for, each after the one whose text it has; plain decoding, which the others are
/// compared with, comes first.
std::vector<const method*> chosen_methods(const compare_options& options) {
  std::vector<const method*> chosen;
  const auto add = [&](std::string_view name) {
    const method* m = &find_method(name);
    if (std::find(chosen.begin(), chosen.end(), m) == chosen.end()) chosen.push_back(m);
  };
  add("plain");
  for (const std::string& name : options.methods) {
    add(find_method(name).like);
    add(name);
  }
  return chosen;
}

/// The bundled prompts of the languages that were asked for, first the first of every language, and so on.
std::vector<prompt> chosen_prompts(const compare_options& options) {
  std::vector<prompt> prompts = read_prompts((find_zoo(options.files) / "prompts.jsonl").string());
  for (const std::string& language : options.languages) {
    const auto speaks = [&](const prompt& p) { return p.language == language; };
    if (std::none_of(prompts.begin(), prompts.end(), speaks)) {
      throw std::invalid_argument(fmt::format("there are no prompts in the language '{}'", language));
    }
  }
  std::erase_if(prompts, [&](const prompt& p) {
    const auto& wanted = options.languages;
    return !wanted.empty() && std::find(wanted.begin(), wanted.end(), p.language) == wanted.end();
  });
  std::stable_sort(prompts.begin(), prompts.end(),
                   [](const prompt& a, const prompt& b) { return a.number < b.number; });
  if (options.prompts > 0) std::erase_if(prompts, [&](const prompt& p) { return p.number >= options.prompts; });
  return prompts;
}

class comparison {
 public:
  explicit comparison(const compare_options& options)
      : options_{options},
        out_{options.output()},
        methods_{chosen_methods(options)},
        prompts_{chosen_prompts(options)},
        models_{options.files,
                std::any_of(methods_.begin(), methods_.end(), [](const method* m) { return m->needs_draft; })} {
    limits_.max_tokens = options.max_tokens;
    limits_.end_tokens = {models_.words().end()};
    for (const float t : options.temperatures) static_cast<void>(proviso::transforms::temperature{t});  // checks it
    for (const prompt& p : prompts_) tokens_.push_back(encode_prompt(models_, p.language, p.text));
  }

  /// Decodes a few prompts by plain decoding and by the first method that gives the same text, in view of the user.
  void show() {
    const auto keeps_text = [](const method* m) {
      return m->keeps == promise::same_text && m->like == "plain" && m->name != "plain";
    };
    const auto found = std::find_if(methods_.begin(), methods_.end(), keeps_text);
    const std::size_t count = (std::min)(options_.shown, prompts_.size());
    if (count == 0 || found == methods_.end()) return;
    const float temperature = shown_temperature(**found);
    say({{style::plain, fmt::format("Temperature {}. ", temperature)},
         {style::drafted, "drafted and accepted"},
         {style::plain, " / "},
         {style::corrected, "corrected"},
         {style::plain, " / "},
         {style::bonus, "one more after a whole draft"},
         {style::plain, " / not drafted"}});
    for (std::size_t i = 0; i < count && !interrupt::stop_requested(); ++i) {
      const prompt& p = prompts_[i];
      fmt::print(out_.stream, "\n");
      say({{style::dim, fmt::format("{}: {}", p.name, token_text::printable(p.text))}});
      std::vector<recording> recordings;
      for (const method* m : {methods_.front(), *found}) {
        proviso::decoder d = decoder_for(*m, temperature, i);
        recordings.emplace_back(std::string{m->name}, d, models_.words(), tokens_[i], limits_);
      }
      const double stretch = stage{out_, recordings}.play();
      if (stretch >= 1.5) say({{style::dim, fmt::format("(shown {:.0f} times slower than it ran)", stretch)}});
    }
    fmt::print(out_.stream, "\n");
  }

  /// Runs every method on every prompt at every temperature, in turns, so that disturbances hit all alike.
  void measure() {
    const bool adaptive = options_.prompts == 0;
    const auto begin = clock::now();
    progress_bar bar{terminal::of(stderr), "measuring"};
    for (std::size_t i = 0; i < prompts_.size(); ++i) {
      const double used = seconds_since(begin);
      if (adaptive && i > 0 && prompts_[i].number != prompts_[i - 1].number) {
        const double next = used / static_cast<double>(prompts_[i].number);
        if (used + next > options_.budget) {
          prompts_.resize(i);
          break;
        }
      }
      const double share = static_cast<double>(i) / static_cast<double>(prompts_.size());
      bar.show(adaptive ? (std::max)(share, used / options_.budget) : share, prompts_[i].name);
      for (const float temperature : options_.temperatures) measure(i, temperature);
      if (interrupt::stop_requested()) return;
    }
  }

  void print() const {
    table tables{out_, methods_, results_};
    say({{style::plain,
          fmt::format("Prompts: {}, languages: {}, tokens of each: at most {}, threads: {}. "
                      "All figures are means over languages.",
                      prompts_.size(), tables.languages().size(), options_.max_tokens, options_.files.threads)}});
    for (const float temperature : options_.temperatures) tables.print_methods(temperature);
    tables.print_languages(options_.temperatures);
  }

  /// The first method that broke its promise, as a sentence.
  std::optional<std::string> broken() const {
    for (const result& r : results_) {
      const promise keeps = find_method(r.method).keeps;
      const bool exact = keeps == promise::same_text || (keeps == promise::same_law && r.temperature == 0.0);
      if (exact && !*r.same_as_plain) {
        return fmt::format("{} gave another text than {} on {} at temperature {}", r.method, find_method(r.method).like,
                           r.prompt, r.temperature);
      }
    }
    return std::nullopt;
  }

  const std::vector<result>& results() const noexcept { return results_; }

 private:
  proviso::decoder decoder_for(const method& m, float temperature, std::size_t prompt_index) {
    return make_decoder(m, {&models_.base(), models_.draft(), sampling{temperature}, options_.draft_length,
                            options_.lengths == "heuristic", options_.seed + prompt_index});
  }

  /// Prints a paragraph.
  void say(const std::vector<styled_run>& runs) const {
    for (std::string line : wrap(runs, out_.columns - 1, out_.colours)) {
      line.erase(line.find_last_not_of(' ') + 1);
      fmt::print(out_.stream, "{}\n", line);
    }
  }

  float shown_temperature(const method& m) const {
    const auto& all = options_.temperatures;
    const bool natural = !m.greedy && std::find(all.begin(), all.end(), 0.7F) != all.end();
    return natural ? 0.7F : m.greedy ? 0.0F : all.front();
  }

  struct run {
    const method* how;
    proviso::decoder decoder;
    std::vector<double> seconds;
  };

  void measure(std::size_t index, float temperature) {
    std::vector<run> runs;
    for (const method* m : methods_) {
      if (!m->greedy || temperature == 0.0F) runs.push_back({m, decoder_for(*m, temperature, index), {}});
    }
    for (std::size_t repeat = 0; repeat < options_.repeats; ++repeat) {
      for (std::size_t turn = 0; turn < runs.size(); ++turn) {
        run& r = runs[(turn + index + repeat) % runs.size()];
        read_prompt(r.decoder, tokens_[index]);
        const auto begin = clock::now();
        r.decoder.run(
            tokens_[index], [](const proviso::generated_token&) {}, limits_);
        r.seconds.push_back(seconds_since(begin));
      }
    }
    const result plain = outcome(runs.front(), runs.front(), index, temperature);
    for (run& r : runs) {
      const auto like =
          std::find_if(runs.begin(), runs.end(), [&](const run& o) { return o.how->name == r.how->like; });
      results_.push_back(outcome(r, *like, index, temperature));
      results_.back().speedup = results_.back().tokens_per_second() / plain.tokens_per_second();
    }
  }

  result outcome(run& r, const run& like, std::size_t index, float temperature) const {
    const auto same = [](const proviso::generated_token& a, const proviso::generated_token& b) {
      return a.token == b.token;
    };
    const auto ours = r.decoder.output();
    const auto theirs = like.decoder.output();
    result out;
    out.method = r.how->name;
    out.prompt = prompts_[index].name;
    out.language = prompts_[index].language;
    out.temperature = temperature_value(temperature);
    const auto middle = r.seconds.begin() + static_cast<std::ptrdiff_t>(r.seconds.size() / 2);
    std::nth_element(r.seconds.begin(), middle, r.seconds.end());
    out.seconds = *middle;
    out.stats = r.decoder.stats();
    out.same_as_plain = std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(), same);
    return out;
  }

  compare_options options_;
  terminal out_;
  std::vector<const method*> methods_;
  std::vector<prompt> prompts_;
  models models_;
  proviso::limits limits_;
  std::vector<std::vector<proviso::token_id>> tokens_;  // of each prompt
  std::vector<result> results_;
};

}  // namespace

int compare(const compare_options& options) {
  std::optional<json_file> json;
  if (!options.json.empty()) json.emplace(options.json);
  comparison c{options};
  interrupt::watch();
  c.show();
  c.measure();
  if (interrupt::stop_requested()) return 130;
  c.print();
  if (json) {
    auto list = nlohmann::ordered_json::array();
    for (const result& r : c.results()) list.push_back(to_json(r));
    json->write(list);
  }
  if (const auto sentence = c.broken()) {
    fmt::print(stderr, "proviso: {}\n", *sentence);
    return 1;
  }
  return 0;
}

}  // namespace cli
