// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/best_first_tree.hpp>
#include <proviso/drafters/hub_tree.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/none.hpp>
#include <proviso/drafters/prompt_lookup.hpp>
#include <proviso/drafters/sampled_tree.hpp>
#include <proviso/drafters/suffix.hpp>
#include <proviso/rules/any.hpp>
#include <proviso/rules/block.hpp>
#include <proviso/rules/coupled.hpp>
#include <proviso/rules/greedy.hpp>
#include <proviso/rules/greedy_hub.hpp>
#include <proviso/rules/joint.hpp>
#include <proviso/rules/k_seq.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/selected_path.hpp>
#include <proviso/rules/siblings.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/rules/traversal.hpp>

#include "methods.hpp"
#include "wording.hpp"

namespace cli {
namespace {

namespace drafters = proviso::drafters;
namespace rules = proviso::rules;

/// What drafters that copy from the text take for the cost of a token: they were tuned to the least one.
double copy_cost(const ingredients& in) { return (std::max)(0.2, in.cost.verify); }

draft_length chosen_length(const ingredients& in, std::size_t most) {
  namespace lengths = proviso::lengths;
  if (in.lengths == "heuristic") return draft_length{lengths::heuristic{most, most}};
  if (in.lengths != "cost_model") return draft_length{lengths::fixed{most}};
  if (in.plainly) return draft_length{lengths::fixed{0}};
  return draft_length{lengths::cost_model{most, in.cost.draft, in.cost.verify}};
}

template <class Drafter>
proviso::decoder speculate(const ingredients& in, std::size_t most, Drafter drafter, rules::any rule) {
  return proviso::decoder{
      proviso::speculative{*in.base, std::move(drafter), std::move(rule), in.shape, chosen_length(in, most)}, in.seed};
}

/// A chain drafted by the draft model.
template <class Rule>
proviso::decoder chain(const ingredients& in, std::size_t most) {
  return speculate(in, most, drafters::model<model>{*in.draft}, Rule{});
}
template <class Rule>
proviso::decoder lookup(const ingredients& in, std::size_t most) {
  return speculate(in, most, drafters::prompt_lookup{2, 8, copy_cost(in)}, Rule{});
}
template <class Rule>
proviso::decoder suffix(const ingredients& in, std::size_t most) {
  return speculate(in, most, drafters::suffix{2, copy_cost(in)}, Rule{});
}

/// Two children below the root and below them, then chains.
drafters::branching narrow_tree(std::size_t most) {
  std::vector<std::size_t> children(most, 1);
  for (std::size_t i = 0; i < most && i < 2; ++i) children[i] = 2;
  return children;
}
template <class Rule, proviso::replacement Mode>
proviso::decoder tree(const ingredients& in, std::size_t most) {
  return speculate(in, most, drafters::sampled_tree<model>{*in.draft, narrow_tree(most), Mode}, Rule{});
}
proviso::decoder hub(const ingredients& in, std::size_t most) {
  return speculate(in, most, drafters::hub_tree<model>{*in.draft, narrow_tree(most)}, rules::greedy_hub{});
}
proviso::decoder paths(const ingredients& in, std::size_t most) {
  std::vector<std::size_t> children(most, 1);
  children.front() = 3;
  return speculate(in, most, drafters::sampled_tree<model>{*in.draft, children, proviso::replacement::with},
                   rules::selected_path{});
}
proviso::decoder best_first(const ingredients& in, std::size_t most) {
  return speculate(in, most, drafters::best_first_tree<model>{*in.draft, 3 * most}, rules::match{});
}

template <proviso::draw How>
proviso::decoder plain(const ingredients& in, std::size_t) {
  return proviso::decoder{proviso::autoregressive{*in.base, in.shape, How}, in.seed};
}

using proviso::draw;
using proviso::replacement;
using enum promise;

/// A new method is a new row.
constexpr std::array all_methods{
    method{"plain", "one call of the model per token", false, same_text, false, 0, &plain<draw::inverse>},
    method{"draft-token", "a small model drafts; accepted with probability min(1, p/q)", true, same_law, false, 5,
           &chain<rules::token>, "plain", "cost_model"},
    method{"draft-block", "a small model drafts; the drafted tokens are judged together", true, same_law, false, 5,
           &chain<rules::block>, "plain", "cost_model"},
    method{"draft-match", "a small model drafts; accepted where plain decoding draws the same", true, same_text, false,
           5, &chain<rules::match>, "plain", "cost_model"},
    method{"draft-greedy", "a small model drafts; accepted where it is most probable", true, same_text, true, 5,
           &chain<rules::greedy>, "plain", "cost_model"},
    method{"lookup-token", "copies from the text so far; accepted with probability p", false, same_law, false, 6,
           &lookup<rules::token>},
    method{"lookup-match", "copies from the text so far; accepted where plain decoding draws the same", false,
           same_text, false, 6, &lookup<rules::match>},
    method{"suffix-token", "copies after the longest repetition; accepted with probability p", false, same_law, false,
           6, &suffix<rules::token>},
    method{"suffix-match", "copies after the longest repetition; accepted as lookup-match", false, same_text, false, 6,
           &suffix<rules::match>},
    method{"none-match", "speculative decoding without a drafter", false, same_text, false, 0,
           [](const ingredients& in, std::size_t most) {
             return speculate(in, most, drafters::none{}, proviso::rules::match{});
           }},
    // by rule, for `compare --rules`
    method{"plain-race", "plain decoding that draws by exponential races", false, same_text, false, 0,
           &plain<draw::race>, "plain-race"},
    method{"match", "chain; accepted where plain decoding draws the same", true, same_text, false, 4,
           &chain<rules::match>},
    method{"coupled", "chain; target and drafter race on the same noise", true, same_text, false, 4,
           &chain<rules::coupled>, "plain-race"},
    method{"token", "chain; accepted with probability min(1, p/q)", true, same_law, false, 4, &chain<rules::token>},
    method{"block", "chain; judged together", true, same_law, false, 4, &chain<rules::block>},
    method{"joint", "chain; judged as one, what is owed is carried on (experimental)", true, same_law, false, 4,
           &chain<rules::joint>},
    method{"selected_path", "three chains; the best of them judged together", true, same_law, false, 4, &paths},
    method{"siblings", "tree; siblings tried in turn from the root", true, same_law, false, 4,
           &tree<rules::siblings, replacement::without>},
    method{"traversal", "tree; judged from the leaves to the root", true, same_law, false, 4,
           &tree<rules::traversal, replacement::without>},
    method{"k_seq", "tree; siblings drawn independently, tried with one discount", true, same_law, false, 4,
           &tree<rules::k_seq, replacement::with>},
    method{"greedy_hub", "tree; siblings are the most probable tokens and one drawn", true, same_law, false, 4, &hub},
    method{"membership", "tree of the most probable paths; accepted where plain decoding draws the same", true,
           same_text, false, 4, &best_first}};

/// The policy of lengths that a method takes where the user chose `lengths`.
std::string_view lengths_of(const method& m, std::string_view lengths) { return lengths.empty() ? m.lengths : lengths; }

}  // namespace

bool minds_costs(const method& m, std::string_view lengths) {
  const bool copies = !m.needs_draft;
  return m.draft_length > 0 && (copies || lengths_of(m, lengths) == "cost_model");
}

bool decodes_plainly(const method& m, std::string_view lengths, const costs& cost) {
  return m.needs_draft && lengths_of(m, lengths) == "cost_model" && !cost.pay();
}

std::span<const method> methods() { return all_methods; }

const method& find_method(std::string_view name) {
  std::vector<std::string> names;
  for (const method& m : methods()) {
    if (m.name == name) return m;
    names.emplace_back(m.name);
  }
  throw std::invalid_argument(
      fmt::format("there is no method '{}'{}; choose from {}", name, suggestion(name, names), fmt::join(names, ", ")));
}

void check_temperature(const method& m, float temperature) {
  if (m.greedy && temperature > 0.0F) {
    throw std::invalid_argument(fmt::format("{} decodes at temperature 0 only", m.name));
  }
}

proviso::decoder make_decoder(const method& m, const ingredients& in) {
  check_temperature(m, in.shape.temperature());
  ingredients all = in;
  all.lengths = lengths_of(m, in.lengths);
  all.plainly = decodes_plainly(m, in.lengths, in.cost);
  return m.make(all, m.draft_length == 0 ? 0 : in.draft_length.value_or(m.draft_length));
}

}  // namespace cli
