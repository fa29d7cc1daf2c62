// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "comparison.hpp"
#include "contest.hpp"
#include "methods.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

/// The methods of these names, each after the one whose text it has; plain decoding, which the others are compared
/// with, comes first.
std::vector<const method*> chosen_methods(const std::vector<std::string>& names) {
  std::vector<const method*> chosen;
  const auto add = [&](std::string_view name) {
    const method* m = &find_method(name);
    if (std::find(chosen.begin(), chosen.end(), m) == chosen.end()) chosen.push_back(m);
  };
  add("plain");
  for (const std::string& name : names) {
    add(find_method(name).like);
    add(name);
  }
  return chosen;
}

/// Without a flag: the methods that are named, with base and draft.
class by_method final : public comparison {
 public:
  std::string flag() const override { return {}; }
  std::string summary() const override { return {}; }
  void add_flags(CLI::App& command) override {
    command.add_option("--methods", names_, "Methods to compare")->delimiter(',')->capture_default_str();
  }
  int run(const compare_options& options) override { return compare_methods(options, names_); }

 private:
  std::vector<std::string> names_{"plain", "draft-token", "draft-match", "lookup-match", "suffix-match"};
};

}  // namespace

int compare_methods(const compare_options& options, const std::vector<std::string>& names) {
  const std::vector<const method*> chosen = chosen_methods(names);
  const bool drafts = std::any_of(chosen.begin(), chosen.end(), [](const method* m) { return m->needs_draft; });
  contest c{options};
  models loaded{options.files, drafts};
  const costs cost = costs_of(options.costs, options.lengths, chosen, loaded);
  group all;
  for (const method* m : chosen) {
    all.contestants.push_back({std::string{m->name}, std::string{m->like}, m->keeps, m->greedy,
                               [&options, &loaded, cost, m](float temperature, std::uint64_t seed) {
                                 return make_decoder(*m, {&loaded.base(), loaded.draft(), sampling{temperature},
                                                          options.draft_length, options.lengths, seed, cost});
                               }});
  }
  return c.run(loaded.words(), loaded.capacity(), {std::move(all)});
}

std::unique_ptr<comparison> methods_comparison() { return std::make_unique<by_method>(); }

}  // namespace cli
