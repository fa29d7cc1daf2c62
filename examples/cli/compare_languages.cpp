// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/language_prior.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/none.hpp>
#include <proviso/drafters/prompt_lookup.hpp>
#include <proviso/drafters/router.hpp>
#include <proviso/rules/token.hpp>

#include "comparison.hpp"
#include "contest.hpp"
#include "heat_map.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

namespace drafters = proviso::drafters;

/// A drafting model of the zoo: `draft`, made for all languages, or `draft-de`, made for one.
struct specialist {
  std::string name;      ///< "general", or the language
  std::string language;  ///< empty: all
  std::unique_ptr<model> small_model;
};

/// Every file of the zoo whose name starts with `draft`, the general drafter first.
/// Errors: those of `load_model`; `std::runtime_error` when there is none.
std::vector<specialist> find_specialists(const model_files& files, const tokenizer& words) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{find_zoo(files)}) {
    const std::filesystem::path& p = entry.path();
    const std::string name = p.stem().string();
    if (p.extension() == ".safetensors" && (name == "draft" || name.rfind("draft-", 0) == 0)) names.push_back(name);
  }
  if (names.empty()) throw std::runtime_error("the folder of the models holds no file draft*.safetensors");
  std::sort(names.begin(), names.end());
  std::vector<specialist> all;
  for (const std::string& name : names) {
    const std::string language = name == "draft" ? "" : name.substr(6);
    all.push_back({language.empty() ? "general" : language, language,
                   std::make_unique<model>(load_model(files, words, name, files.draft_threads))});
  }
  return all;
}

/// Costs in evaluations of one token by the base model, measured with the bundled models on two cores.
constexpr double verify_cost = 0.08;
constexpr double token_cost = 0.1;
constexpr double prefill_cost = 0.005;

/// Tokens per unit of cost.
double rate(const result& r) {
  const proviso::statistics& s = r.stats;
  const double drafting = r.method == "lookup" ? 0.0 : token_cost;
  return static_cast<double>(s.emitted) /
         (static_cast<double>(s.rounds) + static_cast<double>(s.drafted) * (verify_cost + drafting));
}

/// All of them, copies of the text, and nothing. What is expected of each falls with the temperature.
drafters::any router_over(const std::vector<specialist>& pool, const tokenizer& words, double temperature) {
  const double cooled = temperature < 1.0 ? temperature : 1.0;
  const double general = 1.9 - 0.7 * cooled;
  drafters::routing how;
  how.verify_cost = verify_cost;
  drafters::router routed{how, drafters::language_prior{[&words](proviso::token_id t) { return words.bytes(t); }}};
  for (const specialist& s : pool) {
    routed.add(drafters::model<model>{*s.small_model},
               {s.language, s.language.empty() ? general : 1.2 * general, token_cost, prefill_cost});
  }
  routed.add(drafters::prompt_lookup{}, {"", 1.6 - 0.55 * cooled, 0.0, 0.0}).add(drafters::none{});
  return routed;
}

/// `--by-language`, also `--languages` without names: which drafter suits which language, and what a router makes of
/// them.
class by_language final : public comparison {
 public:
  std::string flag() const override { return "--by-language"; }
  std::string summary() const override {
    return "Compare the drafters of all languages, and a router (also: --languages without names)";
  }
  void add_flags(CLI::App& command) override {
    command.add_option("--heat-map", picture_, "Also draw the table of drafters and languages to this file (SVG)")
        ->type_name("FILE");
  }

  int run(const compare_options& options) override {
    std::ofstream picture;
    if (!picture_.empty()) {
      picture.open(picture_, std::ios::binary);
      if (!picture) throw std::runtime_error(fmt::format("cannot write the file {}", picture_));
    }
    contest all{options};
    models loaded{options.files, false};
    const std::vector<specialist> pool = find_specialists(options.files, loaded.words());
    const std::size_t most = options.draft_length.value_or(5);

    group g;
    const auto with = [&](const std::string& name, std::function<drafters::any(float)> drafter) {
      return contestant{name,
                        "plain",
                        promise::same_law,
                        false,
                        [&loaded, most, drafter](float temperature, std::uint64_t seed) {
                          return proviso::decoder{
                              proviso::speculative{loaded.base(), drafter(temperature), proviso::rules::token{},
                                                   sampling{temperature}, proviso::lengths::fixed{most}},
                              seed};
                        },
                        [](const result& r, nlohmann::ordered_json& entry) {
                          entry["drafter"] = r.method;
                          entry["tokens_per_cost"] = rate(r);
                        }};
    };
    g.contestants.push_back(
        {"plain", "plain", promise::same_text, false,
         [&](float temperature, std::uint64_t seed) {
           return proviso::decoder{proviso::autoregressive{loaded.base(), sampling{temperature}}, seed};
         },
         [](const result&, nlohmann::ordered_json& entry) { entry["drafter"] = nullptr; }});
    for (const specialist& s : pool) {
      g.contestants.push_back(
          with(s.name, [m = s.small_model.get()](float) -> drafters::any { return drafters::model<model>{*m}; }));
    }
    g.contestants.push_back(with("lookup", [](float) -> drafters::any { return drafters::prompt_lookup{}; }));
    g.contestants.push_back(with("router", [&](float temperature) {
      return router_over(pool, loaded.words(), static_cast<double>(temperature));
    }));

    const int code = all.run(loaded.words(), loaded.capacity(), {g});
    if (all.results().empty() || all.results().front().empty() || code == 130) return code;
    const std::vector<result>& results = all.results().front();
    print(options, g, results);
    if (picture.is_open()) {
      picture << drawn(options, g, results, most).svg();
      picture.close();
      if (!picture) throw std::runtime_error(fmt::format("cannot write the file {}", picture_));
    }
    return code;
  }

 private:
  static std::vector<std::string> languages_of(const std::vector<result>& results) {
    std::vector<std::string> all;
    for (const result& r : results) {
      if (std::find(all.begin(), all.end(), r.language) == all.end()) all.push_back(r.language);
    }
    return all;
  }

  /// Tokens per call of a drafter in a language; NaN when it did not run.
  static double cell(const std::vector<result>& results, std::string_view drafter, std::string_view language,
                     float temperature) {
    proviso::statistics sum;
    for (const result& r : results) {
      if (r.method == drafter && r.language == language && r.temperature == temperature_value(temperature)) {
        sum += r.stats;
      }
    }
    return sum.target_calls > 0 ? sum.tokens_per_call() : std::numeric_limits<double>::quiet_NaN();
  }

  static void print(const compare_options& options, const group& g, const std::vector<result>& results) {
    const terminal out = options.output();
    const std::vector<std::string> languages = languages_of(results);
    for (const float temperature : options.temperatures) {
      std::string head = fmt::format("\n{:<9}", fmt::format("T = {}", temperature));
      for (const std::string& l : languages) head += fmt::format("{:>6}", l);
      fmt::print(out.stream, "{}   tokens/call\n", styled(head, style::bold, out.colours));
      for (std::size_t i = 1; i < g.contestants.size(); ++i) {
        std::string line = fmt::format("{:<9}", g.contestants[i].name);
        for (const std::string& l : languages) {
          line += fmt::format("{:>6.2f}", cell(results, g.contestants[i].name, l, temperature));
        }
        fmt::print(out.stream, "{}\n", line);
      }
      print_regret(out, results, temperature);
    }
  }

  /// By how much the router is slower than the best single drafter of each prompt, in the mean over prompts.
  static void print_regret(const terminal& out, const std::vector<result>& results, float temperature) {
    double lost_rate = 0.0;
    double lost_time = 0.0;
    double over_general = 0.0;
    std::size_t prompts = 0;
    for (const result& routed : results) {
      if (routed.method != "router" || routed.temperature != temperature_value(temperature)) continue;
      double best_rate = 0.0;
      double best_speed = 0.0;
      for (const result& r : results) {
        const bool fixed = r.method != "router" && r.prompt == routed.prompt && r.temperature == routed.temperature;
        if (!fixed) continue;
        best_rate = (std::max)(best_rate, rate(r));
        best_speed = (std::max)(best_speed, r.tokens_per_second());
        if (r.method == "general") over_general += rate(routed) / rate(r) - 1.0;
      }
      ++prompts;
      lost_rate += 1.0 - rate(routed) / best_rate;
      lost_time += 1.0 - routed.tokens_per_second() / best_speed;
    }
    const auto percent = [&](double sum) { return 100.0 * sum / static_cast<double>(prompts); };
    fmt::print(out.stream,
               "router against the best single drafter of each prompt: {:+.1f} % tokens per cost, {:+.1f} % tokens/s\n",
               -percent(lost_rate), -percent(lost_time));
    fmt::print(out.stream, "router against the general drafter: {:+.1f} % tokens per cost\n", percent(over_general));
  }

  static heat_map drawn(const compare_options& options, const group& g, const std::vector<result>& results,
                        std::size_t most) {
    const std::vector<std::string> languages = languages_of(results);
    std::vector<std::string> names;
    for (std::size_t i = 1; i < g.contestants.size(); ++i) names.push_back(g.contestants[i].name);
    heat_map map{fmt::format("Tokens per call of the base model, {} drafted", most), names, languages};
    for (const float temperature : options.temperatures) {
      heat_panel panel{fmt::format("temperature {}", temperature), {}};
      for (const std::string& name : names) {
        panel.figures.emplace_back();
        for (const std::string& l : languages) panel.figures.back().push_back(cell(results, name, l, temperature));
      }
      map.add(std::move(panel));
    }
    return map;
  }

  std::string picture_;
};

}  // namespace

std::unique_ptr<comparison> languages_comparison() { return std::make_unique<by_language>(); }

}  // namespace cli
