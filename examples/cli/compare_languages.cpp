// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <proviso/backends/eigen/config.hpp>
#include <proviso/backends/eigen/safetensors.hpp>
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
#include "output.hpp"
#include "stream.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

namespace drafters = proviso::drafters;

/// A member of the shared file of drafters.
struct specialist {
  std::string name;  ///< language, or "general"
  std::unique_ptr<model> small_model;

  /// Of the texts that it was made for; empty: of all.
  std::string language() const { return name == "general" ? "" : name; }
};

/// The members of the file that the options name as drafter, else of the bundled one.
/// Errors: those of `load_model`; `std::runtime_error` for a file without members.
std::vector<specialist> load_specialists(const model_files& files, const tokenizer& words) {
  const std::string file = find_model(files, files.draft.empty() ? "drafters" : files.draft).file;
  std::vector<specialist> all;
  for (const std::string& member : proviso::eigen::read_config(proviso::eigen::safetensors{file}).members) {
    const std::string name = fmt::format("{}:{}", file, member);
    all.push_back({member, std::make_unique<model>(load_model(files, words, name))});
  }
  if (all.empty()) throw std::runtime_error(fmt::format("{} holds one model, and no drafters for languages", file));
  return all;
}

// Costs in evaluations of one token by the base model, and expected tokens per unit of cost, set after timings and runs
// of the bundled models. Rates are those at temperature 0 and their change up to temperature 1.
constexpr double verify_cost = 0.17;
constexpr double token_cost = 0.06;
constexpr double prefill_cost = 0.008;
/// Of a rate.
struct expectation {
  double greedy;
  double change;
  double at(double temperature) const { return greedy + change * (temperature < 1.0 ? temperature : 1.0); }
};
constexpr expectation own_rate{2.05, -0.73};
constexpr expectation general_rate{1.77, -0.74};
constexpr expectation foreign_rate{0.9, -0.26};
constexpr expectation lookup_rate{1.7, -0.65};

/// Cost of a drafter's rounds.
double cost(const result& r) {
  const proviso::statistics& s = r.stats;
  const double drafting = r.method == "lookup" ? 0.0 : token_cost;
  return static_cast<double>(s.rounds) + static_cast<double>(s.drafted) * (verify_cost + drafting);
}

/// Tokens per unit of cost.
double rate(const result& r) { return static_cast<double>(r.stats.emitted) / cost(r); }

/// All of them, copies of the text, and nothing.
drafters::any router_over(const std::vector<specialist>& pool, const tokenizer& words, double temperature) {
  drafters::routing how;
  how.verify_cost = verify_cost;
  how.foreign_rate = foreign_rate.at(temperature);
  how.certainty = 40.0;
  drafters::router routed{how, drafters::language_prior{[&words](proviso::token_id t) { return words.bytes(t); }}};
  for (const specialist& s : pool) {
    const expectation& expected = s.language().empty() ? general_rate : own_rate;
    routed.add(drafters::model<model>{*s.small_model},
               {s.language(), expected.at(temperature), token_cost, prefill_cost});
  }
  routed.add(drafters::prompt_lookup{}, {"", lookup_rate.at(temperature), 0.0, 0.0}).add(drafters::none{});
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
    command.add_flag("--mixed", mixed_, "Decode prompts that switch language twice instead");
  }

  int run(const compare_options& given) override {
    compare_options options = given;
    options.mixed = mixed_;
    std::optional<output_file> picture;
    if (!picture_.empty()) picture.emplace(picture_);
    contest all{options};
    models loaded{options.files, false};
    const std::vector<specialist> pool = load_specialists(options.files, loaded.words());
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
    if (all.results().empty() || all.results().front().empty()) return code;
    const std::vector<result>& results = all.results().front();
    print(options, g, results);
    if (picture) picture->write(drawn(options, g, results, most).svg());
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

  /// Tokens per second by those of plain decoding.
  static double speedup(const std::vector<result>& results, std::string_view drafter, std::string_view language,
                        float temperature) {
    double seconds[2] = {};
    double tokens[2] = {};
    for (const result& r : results) {
      if (r.language != language || r.temperature != temperature_value(temperature)) continue;
      const bool ours = r.method == drafter;
      if (!ours && r.method != "plain") continue;
      seconds[ours ? 1 : 0] += r.seconds;
      tokens[ours ? 1 : 0] += static_cast<double>(r.stats.emitted);
    }
    return tokens[1] / seconds[1] * seconds[0] / tokens[0];
  }

  /// Rows of figures by language, with their means. Where the terminal is too narrow, the languages stand in several
  /// blocks, the means in the last one.
  struct by_name {
    std::string name;
    std::vector<double> figures;
  };
  static void print_rows(const terminal& out, const std::string& title, const std::vector<std::string>& languages,
                         const std::vector<by_name>& rows) {
    constexpr std::size_t name = 12, cell = 6, mean = 7;
    const std::size_t room = (std::max)(out.columns, name + cell + mean) - name - mean;
    fmt::print(out.stream, "\n{}\n", styled(title, style::bold, out.colours));
    for (std::size_t first = 0, last = 0; first < languages.size(); first = last) {
      last = (std::min)(languages.size(), first + room / cell);
      const bool ends = last == languages.size();
      std::string head = fmt::format("{:{}}", "", name);
      for (std::size_t l = first; l < last; ++l) head += fmt::format("{:>{}}", languages[l], cell);
      fmt::print(out.stream, "{}{}\n", head, ends ? "   mean" : "");
      for (const by_name& r : rows) {
        std::string line = fmt::format("{:<{}}", r.name, name);
        for (std::size_t l = first; l < last; ++l) line += figure(r.figures[l], cell);
        fmt::print(out.stream, "{}{}\n", line, ends ? figure(mean_of(r.figures), mean) : "");
      }
    }
  }
  static std::string figure(double x, std::size_t width) {
    return fmt::format("{:>{}}", std::isnan(x) ? "-" : fmt::format("{:.2f}", x), width);
  }
  static double mean_of(const std::vector<double>& figures) {
    double sum = 0.0;
    std::size_t count = 0;
    for (const double x : figures) {
      if (std::isnan(x)) continue;
      sum += x;
      ++count;
    }
    return sum / static_cast<double>(count);
  }

  static void print(const compare_options& options, const group& g, const std::vector<result>& results) {
    const terminal out = options.output();
    const std::vector<std::string> languages = languages_of(results);
    for (const float temperature : options.temperatures) {
      const auto row = [&](std::string name, const auto& figure_of) {
        by_name r{std::move(name), {}};
        for (const std::string& l : languages) r.figures.push_back(figure_of(l));
        return r;
      };
      const auto rate_of = [&](std::string_view name) {
        return [&, name](const std::string& language) { return cell(results, name, language, temperature); };
      };
      const auto faster = [&](std::string_view name) {
        return [&, name](const std::string& language) {
          return speedup(results, name.empty() ? language : name, language, temperature);
        };
      };
      std::vector<by_name> rows;
      for (std::size_t i = 1; i < g.contestants.size(); ++i) {
        rows.push_back(row(g.contestants[i].name, rate_of(g.contestants[i].name)));
      }
      if (!options.mixed) {
        rows.push_back(row("own/general", [&](const std::string& l) { return rate_of(l)(l) / rate_of("general")(l); }));
      }
      print_rows(out, fmt::format("T = {}: tokens/call", temperature), languages, rows);
      rows.clear();
      if (!options.mixed) rows.push_back(row("own", faster("")));
      rows.push_back(row("general", faster("general")));
      rows.push_back(row("router", faster("router")));
      print_rows(out, "tokens/s by those of plain decoding", languages, rows);
      fmt::print(out.stream, "\n");
      print_regret(out, results, temperature, "prompt", [](const result& r) { return r.prompt; });
      print_regret(out, results, temperature, "language", [](const result& r) { return r.language; });
    }
  }

  /// Tokens and costs of a drafter in texts that belong together.
  struct sums {
    double tokens = 0.0;
    double cost = 0.0;
    double rate() const { return tokens / cost; }
  };

  /// By how much the router is worse than the best single drafter, in the mean over `key(result)`.
  template <class Key>
  static void print_regret(const terminal& out, const std::vector<result>& results, float temperature,
                           std::string_view what, Key key) {
    std::map<std::string, std::map<std::string, sums>> all;  // by key and drafter
    for (const result& r : results) {
      if (r.temperature != temperature_value(temperature)) continue;
      sums& s = all[key(r)][r.method];
      s.tokens += static_cast<double>(r.stats.emitted);
      s.cost += cost(r);
    }
    double below_best = 0.0;
    double above_general = 0.0;
    for (const auto& [name, of] : all) {
      const double ours = of.at("router").rate();
      double best = 0.0;
      for (const auto& [drafter, s] : of) best = drafter != "router" ? (std::max)(best, s.rate()) : best;
      below_best += 1.0 - ours / best;
      if (of.count("general") > 0) above_general += ours / of.at("general").rate() - 1.0;
    }
    const auto percent = [&](double sum) { return 100.0 * sum / static_cast<double>(all.size()); };
    if (all.empty()) return;
    print_paragraph(out, {{style::plain,
                           fmt::format("router, tokens per cost: {:+.1f} % against the best single drafter of each {}, "
                                       "{:+.1f} % against the general one",
                                       -percent(below_best), what, percent(above_general))}});
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
  bool mixed_ = false;
};

}  // namespace

std::unique_ptr<comparison> languages_comparison() { return std::make_unique<by_language>(); }

}  // namespace cli
