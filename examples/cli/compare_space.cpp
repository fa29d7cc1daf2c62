// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/space.hpp>
#include <proviso/drive/answer.hpp>
#include <proviso/rules/any.hpp>
#include <proviso/rules/block.hpp>
#include <proviso/rules/traversal.hpp>

#include "comparison.hpp"
#include "contest.hpp"
#include "output.hpp"
#include "prompts.hpp"
#include "tree_picture.hpp"
#include "wording.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

using proviso::token_id;

struct space_options {
  std::vector<std::size_t> k{1, 2, 3, 4, 5, 6};
  std::vector<std::size_t> pruned{2};
  std::vector<std::size_t> trees{4};
  std::size_t branches = 3;
  double node_cost = 0.19;
  std::string picture;  ///< empty = none
};

/// `--space`: a model drafts for itself with mask tokens.
class by_space final : public comparison {
 public:
  std::string flag() const override { return "--space"; }
  std::string summary() const override { return "Compare SPACE: the model drafts for itself with mask tokens"; }
  void add_flags(CLI::App& command) override {
    space_options& o = options_;
    command.add_option("--k", o.k, "Masks in a group, or several; all groups are whole")
        ->delimiter(',')
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    command.add_option("--pruned", o.pruned, "The same with groups that are pruned; 0 for none")
        ->delimiter(',')
        ->check(CLI::Range(0, 64))
        ->capture_default_str();
    command.add_option("--node-cost", o.node_cost, "What a node costs when pruning, as a share of a call of one token")
        ->check(CLI::Range(0.0, 0.99))
        ->capture_default_str();
    command.add_option("--trees", o.trees, "Masks in a group where the first place has several candidates; 0 for none")
        ->delimiter(',')
        ->check(CLI::Range(0, 64))
        ->capture_default_str();
    command.add_option("--branches", o.branches, "Candidates in the first place of such a tree")
        ->check(CLI::Range(2, 64))
        ->capture_default_str();
    command.add_option("--picture", o.picture, "Draw tree and attention mask of a round of the first prompt (SVG)")
        ->type_name("FILE");
  }

  int run(const compare_options& options) override {
    contest c{options};
    std::optional<output_file> picture;
    if (!options_.picture.empty()) picture.emplace(options_.picture);
    models loaded{options.files, false};
    group g;
    g.contestants.push_back(
        {"plain", "plain", promise::same_text, false,
         [&](float temperature, std::uint64_t seed) {
           return proviso::decoder{proviso::autoregressive{loaded.base(), sampling{temperature}}, seed};
         },
         fields({0, 0.0, 1})});
    for (const std::size_t k : options_.k) add(g, loaded.base(), fmt::format("space-{}", k), {k, 0.0, 1});
    for (const std::size_t k : options_.pruned) {
      if (k > 0) add(g, loaded.base(), fmt::format("pruned-{}", k), {k, options_.node_cost, 1});
    }
    for (const std::size_t k : options_.trees) {
      if (k > 0) add(g, loaded.base(), fmt::format("tree-{}", k), {k, 0.0, options_.branches});
    }
    if (picture) draw(options, loaded, *picture);
    return c.run(loaded.words(), loaded.capacity(), {g});
  }

 private:
  using field_writer = std::function<void(const result&, nlohmann::ordered_json&)>;
  /// How a model drafts for itself.
  struct variant {
    std::size_t k;
    double node_cost;
    std::size_t branches;
  };
  static field_writer fields(const variant& v) {
    return [v](const result& r, nlohmann::ordered_json& j) {
      j["k"] = v.k;
      j["domain"] = r.language == "code" ? "code" : "prose";
      j["node_cost"] = v.node_cost;
      j["branches"] = v.branches;
      j["nodes_per_call"] = static_cast<double>(r.stats.target_tokens) / static_cast<double>(r.stats.target_calls);
    };
  }

  static proviso::drafters::masks groups_of(const model& m, const variant& v) {
    const std::span<const token_id> known = m.mask_tokens();
    if (v.k > known.size()) {
      throw std::invalid_argument(
          fmt::format("a group of {} was asked for, but the model has {}", counted(v.k, "mask"), known.size()));
    }
    return proviso::drafters::masks{
        {known.begin(), known.begin() + static_cast<std::ptrdiff_t>(v.k)}, v.node_cost, v.branches};
  }
  static void add(group& g, model& m, const std::string& name, const variant& v) {
    const proviso::drafters::masks groups = groups_of(m, v);
    const bool chain = v.branches == 1;
    g.contestants.push_back({name, "plain", promise::same_law, false,
                             [&m, groups, chain](float temperature, std::uint64_t seed) {
                               using namespace proviso;
                               return decoder{
                                   space{m, groups, chain ? rules::any{rules::block{}} : rules::any{rules::traversal{}},
                                         sampling{temperature}},
                                   seed};
                             },
                             fields(v)});
  }

  /// Draws a round of the first prompt at temperature 0 with three masks: the first one in which some candidates stand
  /// and one does not.
  void draw(const compare_options& options, models& loaded, output_file& to) const {
    const prompt p = chosen_prompts(options).front();
    const std::vector<token_id> tokens = encode_prompt(loaded.words(), loaded.capacity(), p.language, p.text);
    const std::size_t k = (std::min)(std::size_t{3}, loaded.base().mask_tokens().size());
    proviso::sequence s{
        proviso::space{loaded.base(), groups_of(loaded.base(), {k, 0.0, 1}), proviso::rules::block{}, sampling{0.0F}}};
    proviso::any_session session = proviso::open_session(*s.model_slots()[0]);
    s.start(tokens, {.max_tokens = 100});
    while (!s.done()) {
      std::vector<token_id> nodes;
      std::vector<proviso::node_id> parents;
      const std::size_t before = s.text().size();
      const std::uint64_t accepted = s.stats().accepted;
      for (std::span<const proviso::request> open = s.plan(); !open.empty(); open = s.plan()) {
        const proviso::request r = open.front();
        const auto& block = r.block.nodes;
        nodes.assign(block.tokens.begin(), block.tokens.end());
        parents.clear();
        for (std::size_t i = 0; i < nodes.size(); ++i) parents.push_back(block.parent(i));
        s.absorb(r.id, proviso::answer(session, r));
        if (s.between_rounds()) break;
      }
      const auto stood = static_cast<std::size_t>(s.stats().accepted - accepted);
      if (nodes.size() != (k + 1) * (k + 1) || stood == 0 || stood == k) continue;
      to.write(tree_picture{fmt::format("One round of SPACE, k = {}: {} of {} candidates stand", k, stood, k),
                            pictured(loaded, nodes, parents, stood), before - 1}
                   .svg());
      return;
    }
    throw std::runtime_error(fmt::format("no round of {} has candidates that stand beside one that does not", p.name));
  }
  static std::vector<pictured_node> pictured(models& loaded, const std::vector<token_id>& nodes,
                                             const std::vector<proviso::node_id>& parents, std::size_t stood) {
    const std::span<const token_id> masks = loaded.base().mask_tokens();
    std::vector<pictured_node> all;
    std::vector<std::size_t> below;  // candidates down to a node, the group of a mask
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const auto mask = std::find(masks.begin(), masks.end(), nodes[i]);
      const bool is_mask = mask != masks.end() && i > 0;
      const std::size_t parent = i == 0 ? 0 : static_cast<std::size_t>(parents[i]);
      below.push_back(i == 0 ? 0 : below[parent] + (is_mask ? 0 : 1));
      using kind = pictured_node::kind;
      if (is_mask) {
        all.push_back(
            {fmt::format("M{}", mask - masks.begin() + 1), below[i] == stood ? kind::used_mask : kind::mask, parent});
      } else {
        all.push_back({shown(loaded.words().bytes(nodes[i])),
                       i == 0              ? kind::root
                       : below[i] <= stood ? kind::accepted
                                           : kind::refused,
                       parent});
      }
    }
    return all;
  }
  /// The text of a token, with visible spaces.
  static std::string shown(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
      if (c == ' ') {
        out += "\xC2\xB7";
      } else if (c == '\n') {
        out += "\xE2\x86\xB5";
      } else {
        out += c;
      }
    }
    return is_utf8(out) && !out.empty() ? out : "?";
  }

  space_options options_;
};

}  // namespace

std::unique_ptr<comparison> space_comparison() { return std::make_unique<by_space>(); }

}  // namespace cli
