// SPDX-License-Identifier: Apache-2.0
// Drafters that record a law which is not the drawn one, drop tokens for their value, or draft too much.
#include <algorithm>
#include <cmath>
#include <vector>

#include <proviso/rules/block.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/siblings.hpp>
#include <proviso/rules/token.hpp>

#include "mutants/jury.hpp"
#include "support/catch.hpp"

namespace {

using namespace mutants;

enum class drafting_fault {
  none,
  greedy,             ///< the most probable token, recorded with the law of all
  filtered,           ///< drawn from the two most probable tokens, recorded with the law of all
  other_temperature,  ///< drawn at temperature 2, recorded at 1
  previous_row,       ///< recorded with the law one position earlier
  rounded,            ///< drawn from weights of 8 bits, recorded with all bits
  dropped_by_value,   ///< a token is dropped when its own probability is small
  dropped_by_next,    ///< a token is dropped when the law after it is flat
  beyond_limit,       ///< one token more than the round allows
  stops_after         ///< sound: a token of small probability is kept, and the draft ends there
};

double with_8_bits(double x) {
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);
  return std::ldexp(std::round(mantissa * 256.0) / 256.0, exponent);
}

/// A chain of drawn tokens.
class chain_double {
 public:
  chain_double(const tables& t, drafting_fault f, std::size_t depth) : table_{&t.q}, fault_{f}, depth_{depth} {}

  void operator()(const context& c, draft& d) const {
    node_id at = draft::root();
    const std::size_t most = fault_ == drafting_fault::beyond_limit ? depth_ : c.limit();
    for (std::size_t i = 0; i < depth_ && i < most; ++i) {
      std::vector<token_id> text = text_at(c, d, at);
      const narrow_law q{*table_, text};
      const std::size_t seen = text.size() - (fault_ == drafting_fault::previous_row ? 1 : 0);
      const narrow_law recorded{*table_, std::span<const token_id>{text}.first(seen)};
      const token_id x = draw(q, narrow_law{*table_, text, 2.0F}, c.random(), static_cast<node_id>(d.size()));
      const bool unlikely = q.view()(x) < 0.3;
      if (fault_ == drafting_fault::dropped_by_value && unlikely) return;
      if (fault_ == drafting_fault::dropped_by_next) {
        text.push_back(x);
        const narrow_law next{*table_, text};
        if (next.view()(next.view().argmax()) < 0.6) return;
      }
      at = record(d, at, recorded.view(), x);
      if (fault_ == drafting_fault::stops_after && unlikely) return;
    }
  }

 private:
  token_id draw(const narrow_law& q, const narrow_law& softer, random_ref random, node_id node) const {
    if (fault_ == drafting_fault::greedy) return q.view().argmax();
    if (fault_ == drafting_fault::other_temperature) return random.pick(softer.view(), purpose::draft, node);
    if (fault_ != drafting_fault::filtered && fault_ != drafting_fault::rounded)
      return random.pick(q.view(), purpose::draft, node);
    row changed = probabilities(q.view());
    if (fault_ == drafting_fault::filtered) *std::min_element(changed.begin(), changed.end()) = 0.0;
    if (fault_ == drafting_fault::rounded) {
      for (double& x : changed) x = with_8_bits(x);
    }
    return random.pick(law_of(changed), purpose::draft, node);
  }

  const testing::row_table* table_;
  drafting_fault fault_;
  std::size_t depth_;
};

template <class Rule = rules::token>
suspect with(drafting_fault f, const char* name) {
  return {name, [] { return Rule{}; },
          [f](const tables& t, const draft_shape& shape) {
            return chain_double{t, f, shape.depth()};
          }};
}

TEST_CASE("drafting mutants") {
  judge({"drafters under rules::token",
         {"drawn chain", [] { return rules::token{}; }},
         {with(drafting_fault::none, "double without a fault")},
         {with(drafting_fault::greedy, "greedy draft, soft q"),
          with(drafting_fault::filtered, "filtered draft, unfiltered q"),
          with(drafting_fault::other_temperature, "q at another temperature"),
          with(drafting_fault::previous_row, "q of the row before"), with(drafting_fault::rounded, "drawn with 8 bits"),
          with(drafting_fault::dropped_by_value, "dropped for its own probability"),
          with(drafting_fault::dropped_by_next, "dropped for the next law"),
          with(drafting_fault::beyond_limit, "draft longer than the budget")},
         chain_of_two(4)});
  judge({"the same under rules::block",
         {"drawn chain", [] { return rules::block{}; }},
         {},
         {with<rules::block>(drafting_fault::greedy, "greedy draft, soft q"),
          with<rules::block>(drafting_fault::dropped_by_next, "dropped for the next law")},
         chain_of_two(4)});
}

/// What may be done: rules that match do not care, and a draft may end after a token that is kept.
TEST_CASE("drafting that is sound") {
  judge({"stops after a kept token", with(drafting_fault::stops_after, "under rules::token"), {}, {}, chain_of_two(4)});
  for (const drafting_fault f : {drafting_fault::greedy, drafting_fault::filtered, drafting_fault::dropped_by_value,
                                 drafting_fault::dropped_by_next}) {
    judge({"whatever is drafted", with<rules::match>(f, "under rules::match"), {}, {}, chain_of_two(4)});
  }
}

enum class drawing_fault {
  none,
  recorded_as_independent,  ///< drawn without replacement, recorded as drawn with
  best_of_three             ///< of three independent draws the two most probable are kept
};

proposal siblings_with(drawing_fault f, const tables& t) {
  return [f, &t](const context& c, draft& d) {
    if (c.limit() == 0) return;
    const narrow_law q{t.q, text_at(c, d, draft::root())};
    row rest = probabilities(q.view());
    std::vector<token_id> drawn;
    for (node_id i = 1; i <= (f == drawing_fault::best_of_three ? 3 : 2) && sum(rest) > 0.0; ++i) {
      const narrow_law from{rest};
      drawn.push_back(
          c.random().pick(f == drawing_fault::recorded_as_independent ? from.view() : q.view(), purpose::draft, i));
      rest[static_cast<std::size_t>(drawn.back())] = 0.0;
    }
    if (f == drawing_fault::best_of_three) {
      std::stable_sort(drawn.begin(), drawn.end(), [&](token_id a, token_id b) { return q.view()(a) > q.view()(b); });
      drawn.pop_back();
    }
    for (const token_id x : drawn) record(d, draft::root(), q.view(), x);
  };
}

suspect with(drawing_fault f, const char* name) {
  return {name, [] { return rules::siblings{}; },
          [f](const tables& t, const draft_shape&) { return siblings_with(f, t); }};
}

TEST_CASE("drafting siblings mutants") {
  judge({"drafters under rules::siblings",
         {"drawn siblings", [] { return rules::siblings{}; }},
         {with(drawing_fault::none, "double without a fault")},
         {with(drawing_fault::recorded_as_independent, "without replacement, recorded with"),
          with(drawing_fault::best_of_three, "pruned by value after drawing")},
         {{{"2 siblings with replacement", {2}}, 3}}});
}

}  // namespace
