// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <proviso/combine/contrastive.hpp>
#include <proviso/combine/weighted.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/combined.hpp>
#include <proviso/decode/ensemble.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/rules/token.hpp>

#include "comparison.hpp"
#include "contest.hpp"
#include "metered.hpp"
#include "prediction.hpp"
#include "wording.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

struct ensemble_options {
  std::vector<std::string> models{"base", "peer", "third"};
  std::vector<std::string> combine{"weighted", "contrastive"};
  std::vector<double> lambda{0.5};
  std::vector<double> weights;  ///< empty = equal
  std::vector<double> mu{0.1};
  std::vector<std::size_t> gamma;  ///< empty = 1 each
};

struct member {
  std::string name;
  std::size_t gamma;
  std::unique_ptr<metered> model;
};

/// Models and how their laws become one.
struct combination {
  std::vector<const member*> members;
  std::vector<double> weights;  ///< empty: contrastive, the amateur before the expert
  double mu = 0.0;

  proviso::combined combined() const {
    std::vector<proviso::model_ref> refs;
    for (const member* m : members) refs.emplace_back(*m->model);
    const std::span<const proviso::model_ref> models{refs};
    if (weights.empty()) return proviso::combined{proviso::combine::contrastive{mu, 0.1, 1}, models};
    return proviso::combined{proviso::combine::weighted{weights}, models};
  }
  std::string name() const {
    return weights.empty() ? fmt::format("contrastive {:.4g}", mu)
                           : fmt::format("weighted {:.4g}", fmt::join(weights, " "));
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const member* m : members) all.push_back(m->name);
    return all;
  }
  std::vector<std::size_t> gammas() const {
    std::vector<std::size_t> all;
    for (const member* m : members) all.push_back(m->gamma);
    return all;
  }
  /// Seconds of an evaluation of all models.
  double seconds(std::size_t width) const {
    double sum = 0.0;
    for (const member* m : members) sum += m->model->seconds(width);
    return sum;
  }
};

/// What the methods of one combination are made from.
struct workshop {
  combination models;
  metered* draft;
  std::size_t draft_length;

  proviso::decoder plain(float temperature, std::uint64_t seed) const {
    return proviso::decoder{proviso::autoregressive{models.combined(), sampling{temperature}}, seed};
  }
  proviso::decoder speculative(float temperature, std::uint64_t seed) const {
    return proviso::decoder{
        proviso::speculative{models.combined(), proviso::drafters::model<metered>{*draft}, proviso::rules::token{},
                             sampling{temperature}, proviso::lengths::fixed{draft_length}},
        seed};
  }
  proviso::decoder in_turns(float temperature, std::uint64_t seed) const {
    return proviso::decoder{proviso::ensemble{models.combined(), models.gammas(), sampling{temperature}}, seed};
  }
  /// From the acceptance and the costs of evaluations that were measured. Without `widths` every evaluation costs what
  /// one of a single token costs.
  double predicted(std::string_view method, const proviso::statistics& s, bool widths) const {
    const auto width = [&](std::size_t tokens) { return widths ? tokens : std::size_t{1}; };
    const double a = acceptance_of_verified(s);
    if (method == "ensemble-plain") return 1.0;
    if (method == "ensemble-speculative") {
      return predicted_speculative(draft->seconds(), models.seconds(width(draft_length + 1)), models.seconds(1),
                                   draft_length, a);
    }
    const auto cost = [&](std::size_t i, std::size_t tokens) {
      return models.members[i]->model->seconds(width(tokens));
    };
    return predicted_ensemble(cost, models.gammas(), a);
  }
};

column predicted(const workshop& w) {
  return {"pre-", "dicted", 7, "{:.2f}x", [w](std::string_view name, const totals& ours, const totals&) {
            return w.predicted(name, ours.stats, false);
          }};
}
column calls_per_token() {
  return {"calls", "/token", 7, "{:.2f}", [](std::string_view, const totals& ours, const totals&) {
            return static_cast<double>(ours.stats.target_calls + ours.stats.drafter_calls) /
                   static_cast<double>(ours.stats.emitted);
          }};
}
column acceptance() {
  return {"accept-", "ance", 8, "{:.0f} %", [](std::string_view, const totals& ours, const totals&) {
            return ours.stats.drafted > 0 ? 100.0 * acceptance_of_verified(ours.stats)
                                          : std::numeric_limits<double>::quiet_NaN();
          }};
}

group group_of(const workshop& w) {
  group g;
  g.title = fmt::format("{} of {}", w.models.name(), fmt::join(w.models.names(), ", "));
  g.prefix = "ensemble-";
  g.columns = {columns::tokens_per_second(), columns::speedup(), predicted(w), calls_per_token(), acceptance()};
  using maker = proviso::decoder (workshop::*)(float, std::uint64_t) const;
  const auto add = [&](const std::string& method, maker make) {
    g.contestants.push_back({method, "ensemble-plain", promise::same_law, false,
                             [w, make](float temperature, std::uint64_t seed) { return (w.*make)(temperature, seed); },
                             [w](const result& r, nlohmann::ordered_json& j) {
                               j["models"] = w.models.names();
                               j["combine"] = w.models.name();
                               j["predicted_speedup"] = w.predicted(r.method, r.stats, false);
                               j["predicted_with_widths"] = w.predicted(r.method, r.stats, true);
                             }});
  };
  add("ensemble-plain", &workshop::plain);
  add("ensemble-speculative", &workshop::speculative);
  if (w.models.members.size() == 2) add("ensemble-alternate", &workshop::in_turns);
  add("ensemble-n", &workshop::in_turns);
  return g;
}

/// `--ensemble`: ways to decode from several models that are combined into one law.
class by_ensemble final : public comparison {
 public:
  std::string flag() const override { return "--ensemble"; }
  std::string summary() const override { return "Compare ways to decode from several models as one"; }
  std::vector<float> temperatures() const override { return {0.0F, 1.0F}; }
  void add_flags(CLI::App& command) override {
    ensemble_options& o = options_;
    command.add_option("--models", o.models, "Models: names of bundled ones, or files")
        ->delimiter(',')
        ->capture_default_str();
    command
        .add_option("--combine", o.combine,
                    "weighted: two models, and all of them; contrastive: the first against the last")
        ->delimiter(',')
        ->check(CLI::IsMember({"weighted", "contrastive"}))
        ->capture_default_str();
    lambda_ = command.add_option("--lambda", o.lambda, "Weight of the first of two models, or several")
                  ->delimiter(',')
                  ->capture_default_str();
    command.add_option("--weights", o.weights, "A weight per model (default: equal)")->delimiter(',');
    command.add_option("--mu", o.mu, "How far the amateur is pushed away, or several")
        ->delimiter(',')
        ->capture_default_str();
    command.add_option("--gamma", o.gamma, "Tokens that each model proposes in a turn (default: 1 each)")
        ->delimiter(',')
        ->check(CLI::Range(1, 64));
  }

  int run(const compare_options& options) override {
    const ensemble_options& o = options_;
    contest c{options};
    const tokenizer words{zoo_file(options.files, options.files.vocabulary, "tokenizer.model")};
    if (o.models.size() < 2) throw std::invalid_argument("an ensemble needs two --models at least");
    if (!o.gamma.empty() && o.gamma.size() != o.models.size()) {
      throw std::invalid_argument(
          fmt::format("--gamma has {}, but there are {} models", counted(o.gamma.size(), "length"), o.models.size()));
    }
    metered draft{load_model(options.files, words, "draft")};
    std::vector<member> members;
    std::size_t capacity = draft.open().capacity();
    for (std::size_t i = 0; i < o.models.size(); ++i) {
      const std::string& name = o.models[i];
      members.push_back({std::filesystem::path{name}.stem().string(), o.gamma.empty() ? 1 : o.gamma[i],
                         std::make_unique<metered>(load_model(options.files, words, name))});
      capacity = (std::min)(capacity, members.back().model->open().capacity());
    }
    std::vector<group> groups;
    for (combination& how : combinations(members)) {
      static_cast<void>(how.combined());  // checks it
      groups.push_back(group_of({std::move(how), &draft, options.draft_length.value_or(3)}));
    }
    return c.run(words, capacity, groups);
  }

 private:
  std::vector<combination> combinations(const std::vector<member>& members) const {
    const ensemble_options& o = options_;
    const member* const first = &members.front();
    std::vector<combination> all;
    for (const std::string& kind : o.combine) {
      if (kind == "contrastive") {
        for (const double mu : o.mu) all.push_back({{&members.back(), first}, {}, mu});
        continue;
      }
      if (o.weights.empty() || !lambda_->empty()) {
        for (const double w : o.lambda) all.push_back({{first, &members[1]}, {w, 1.0 - w}});
      }
      if (members.size() > 2 || !o.weights.empty()) {
        combination every{{}, o.weights};
        for (const member& m : members) every.members.push_back(&m);
        if (every.weights.empty()) every.weights.assign(members.size(), 1.0 / static_cast<double>(members.size()));
        all.push_back(std::move(every));
      }
    }
    return all;
  }

  ensemble_options options_;
  const CLI::Option* lambda_ = nullptr;
};

}  // namespace

std::unique_ptr<comparison> ensemble_comparison() { return std::make_unique<by_ensemble>(); }

}  // namespace cli
