// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <proviso/transforms/temperature.hpp>

#include "contest.hpp"
#include "interrupt.hpp"
#include "show.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point begin) { return std::chrono::duration<double>(clock::now() - begin).count(); }

const contestant& find(const group& g, const std::string& name) {
  return *std::find_if(g.contestants.begin(), g.contestants.end(), [&](const contestant& c) { return c.name == name; });
}

bool promises_text(const contestant& c, double temperature) {
  return c.keeps == promise::same_text || (c.keeps == promise::same_law && temperature == 0.0);
}

}  // namespace

struct contest::runner {
  const contestant* who;
  proviso::decoder decoder;
  std::vector<double> seconds;
};

contest::contest(const compare_options& options)
    : options_{options}, out_{options.output()}, prompts_{chosen_prompts(options)} {
  for (const float t : options.temperatures) static_cast<void>(proviso::transforms::temperature{t});  // checks it
  if (!options.json.empty()) json_.emplace(options.json);
  limits_.max_tokens = options.max_tokens;
}

int contest::run(const tokenizer& words, std::size_t capacity, const std::vector<group>& groups) {
  limits_.end_tokens = {words.end()};
  for (const prompt& p : prompts_) tokens_.push_back(encode_prompt(words, capacity, p.tag, p.text));
  results_.resize(groups.size());
  interrupt::watch();
  show(words, groups.front());
  measure(groups);
  if (results_.front().empty()) return interrupt::exit_code;
  write(groups);
  print(groups);
  if (const auto sentence = broken(groups)) {
    std::fflush(out_.stream);
    fmt::print(stderr, "proviso: {}\n", *sentence);
    return 1;
  }
  return interrupt::stop_requested() ? interrupt::exit_code : 0;
}

/// Decodes a few prompts by the first contestant and by the first one that gives the same text, in view of the user.
void contest::show(const tokenizer& words, const group& g) const {
  const std::size_t count = (std::min)(options_.shown, prompts_.size());
  const auto& all = options_.temperatures;
  const bool natural = std::find(all.begin(), all.end(), 0.7F) != all.end();
  const contestant& first = g.contestants.front();
  const contestant* other = nullptr;
  float temperature = 0.0F;
  for (const float t : {natural ? 0.7F : all.front(), 0.0F}) {
    if (std::find(all.begin(), all.end(), t) == all.end()) continue;
    for (const contestant& c : g.contestants) {
      if (other != nullptr || &c == &first || c.like != first.name || !promises_text(c, static_cast<double>(t)))
        continue;
      if (c.greedy && t > 0.0F) continue;
      other = &c;
      temperature = t;
    }
  }
  if (count == 0 || other == nullptr) return;
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
    for (const contestant* c : {&first, other}) {
      proviso::decoder d = c->make(temperature, options_.seed + i);
      recordings.emplace_back(c->name, d, words, tokens_[i], limits_);
    }
    const double stretch = stage{out_, recordings}.play();
    if (stretch >= 1.5) say({{style::dim, fmt::format("(shown {:.0f} times slower than it ran)", stretch)}});
  }
  fmt::print(out_.stream, "\n");
}

/// Every contestant on every prompt at every temperature, in turns, so that disturbances hit all alike.
void contest::measure(const std::vector<group>& groups) {
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
    for (std::size_t k = 0; k < groups.size(); ++k) {
      for (const float temperature : options_.temperatures) measure(groups[k], i, temperature, results_[k]);
    }
    if (interrupt::stop_requested()) return;
  }
}

void contest::measure(const group& g, std::size_t index, float temperature, std::vector<result>& to) const {
  std::vector<runner> runners;
  for (const contestant& c : g.contestants) {
    if (c.greedy && temperature > 0.0F) continue;
    runners.push_back({&c, c.make(temperature, options_.seed + index), {}});
  }
  for (std::size_t repeat = 0; repeat < options_.repeats; ++repeat) {
    for (std::size_t turn = 0; turn < runners.size(); ++turn) {
      runner& r = runners[(turn + index + repeat) % runners.size()];
      read_prompt(r.decoder, tokens_[index]);
      const auto begin = clock::now();
      r.decoder.run(
          tokens_[index], [](const proviso::generated_token&) {}, limits_, interrupt{});
      if (interrupt::stop_requested()) return;
      r.seconds.push_back(seconds_since(begin));
    }
  }
  const result first = outcome(runners.front(), runners.front(), index, temperature);
  for (const runner& r : runners) {
    const auto like =
        std::find_if(runners.begin(), runners.end(), [&](const runner& o) { return o.who->name == r.who->like; });
    to.push_back(outcome(r, *like, index, temperature));
    to.back().speedup = to.back().tokens_per_second() / first.tokens_per_second();
  }
}

result contest::outcome(const runner& r, const runner& like, std::size_t index, float temperature) const {
  const auto same = [](const proviso::generated_token& a, const proviso::generated_token& b) {
    return a.token == b.token;
  };
  const auto ours = r.decoder.output();
  const auto theirs = like.decoder.output();
  std::vector<double> seconds = r.seconds;
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  result out;
  out.method = r.who->name;
  out.prompt = prompts_[index].name;
  out.language = prompts_[index].language;
  out.temperature = temperature_value(temperature);
  out.seconds = *middle;
  out.stats = r.decoder.stats();
  out.same_as_plain = std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(), same);
  return out;
}

void contest::print(const std::vector<group>& groups) const {
  for (std::size_t k = 0; k < groups.size(); ++k) {
    const group& g = groups[k];
    const std::vector<result>& results = results_[k];
    const auto verdict = [&](const contestant& c, float temperature) -> std::string {
      std::size_t runs = 0;
      std::size_t same = 0;
      for (const result& r : results) {
        if (r.method != c.name || r.temperature != temperature_value(temperature)) continue;
        ++runs;
        same += *r.same_as_plain ? 1U : 0U;
      }
      if (same == runs) return c.name == c.like ? "" : "yes";
      if (promises_text(c, static_cast<double>(temperature)) || c.keeps == promise::nothing) {
        return fmt::format("NO: {}/{}", runs - same, runs);
      }
      return "same law";
    };
    std::vector<table::row> rows;
    for (const contestant& c : g.contestants) {
      rows.push_back({c.name, c.name.substr(g.prefix.size()), [&](float t) { return verdict(c, t); }});
    }
    const table tables{out_, std::move(rows), g.columns, results};
    if (k == 0) {
      std::set<std::string> measured;
      for (const result& r : results) measured.insert(r.prompt);
      say({{style::plain, fmt::format("{}Prompts: {}, languages: {}, tokens of each: at most {}, threads: {}. "
                                      "All figures are means over languages.",
                                      interrupt::stop_requested() ? "Interrupted. " : "", measured.size(),
                                      tables.languages().size(), options_.max_tokens, options_.files.threads)}});
    }
    if (results.empty()) continue;
    if (!g.title.empty()) {
      fmt::print(out_.stream, "\n");
      say({{style::bold, g.title}});
    }
    for (const float temperature : options_.temperatures) tables.print_methods(temperature);
    tables.print_languages(options_.temperatures);
  }
}

void contest::write(const std::vector<group>& groups) {
  if (!json_) return;
  auto list = nlohmann::ordered_json::array();
  for (std::size_t k = 0; k < groups.size(); ++k) {
    for (const result& r : results_[k]) {
      nlohmann::ordered_json entry = to_json(r);
      const contestant& c = find(groups[k], r.method);
      if (c.fields) c.fields(r, entry);
      list.push_back(std::move(entry));
    }
  }
  json_->write(text_of(list));
}

/// The first contestant that broke its promise, as a sentence.
std::optional<std::string> contest::broken(const std::vector<group>& groups) const {
  for (std::size_t k = 0; k < groups.size(); ++k) {
    for (const result& r : results_[k]) {
      const contestant& c = find(groups[k], r.method);
      if (*r.same_as_plain || !promises_text(c, r.temperature)) continue;
      return fmt::format("{} gave another text than {} on {} at temperature {}", r.method, c.like, r.prompt,
                         r.temperature);
    }
  }
  return std::nullopt;
}

}  // namespace cli
