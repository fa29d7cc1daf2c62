// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <vector>

#include "comparison.hpp"
#include "contest.hpp"

namespace cli {
namespace {

/// `--rules`: the rules of acceptance, all on drafts of the same depth.
class by_rule final : public comparison {
 public:
  std::string flag() const override { return "--rules"; }
  std::string summary() const override { return "Compare the rules of acceptance"; }
  std::vector<float> temperatures() const override { return {1.0F}; }
  int run(const compare_options& options) override {
    return compare_methods(options, {"plain", "plain-race", "match", "coupled", "token", "block", "joint",
                                     "selected_path", "siblings", "traversal", "k_seq", "greedy_hub", "membership"});
  }
};

}  // namespace

std::unique_ptr<comparison> rules_comparison() { return std::make_unique<by_rule>(); }

}  // namespace cli
