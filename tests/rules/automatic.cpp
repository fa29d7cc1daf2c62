// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/automatic.hpp>

#include <functional>
#include <vector>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/hub_tree.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/none.hpp>
#include <proviso/drafters/sampled_tree.hpp>
#include <proviso/rules/any.hpp>

#include "proving.hpp"
#include "support/catch.hpp"
#include "support/decoding.hpp"
#include "support/drafting.hpp"
#include "support/verifying.hpp"

namespace {

using namespace proviso;
using rules::automatic;
using rules_test::faults;
using support::law_of_weights;
using support::path_law;
using support::weights;

const weights three{1.0, 2.0, 1.0};
const weights without_first{0.0, 2.0, 1.0};

/// Fills a draft in a way that its name says; `random` draws.
using draft_maker = void (*)(draft& d, random_ref random);

struct draft_case {
  draft_maker make;
  automatic::choice expected;
};

const std::vector<draft_case> cases{
    {[](draft&, random_ref) {}, automatic::choice::match},  // nothing
    {[](draft& d, random_ref) { d.push(d.push(0, 1), 2); }, automatic::choice::match},
    {[](draft& d, random_ref) { d.push(d.push(0, 1), 2), d.push(0, 0); }, automatic::choice::match},
    {[](draft& d, random_ref r) { d.sample(d.sample(0, law_of_weights(three), r), law_of_weights(three), r); },
     automatic::choice::block},
    {[](draft& d, random_ref r) { d.sample(d.push(0, 1), law_of_weights(three), r); }, automatic::choice::block},
    {[](draft& d, random_ref r) { d.push(d.sample(0, law_of_weights(three), r), 1); }, automatic::choice::block},
    {[](draft& d, random_ref r) { d.sample_siblings(0, law_of_weights(three), 2, replacement::without, r); },
     automatic::choice::traversal},
    {[](draft& d, random_ref r) { d.sample_siblings(d.push(0, 1), law_of_weights(three), 2, replacement::with, r); },
     automatic::choice::traversal},
    {[](draft& d, random_ref r) { d.push(0, 0), d.sample(0, law_of_weights(three), r); },
     automatic::choice::traversal},  // a pushed sibling that the law proposes, too
    {[](draft& d, random_ref r) { d.push(0, 0), d.sample(0, law_of_weights(without_first), r); },
     automatic::choice::greedy_hub},
    {[](draft& d, random_ref r) { d.sample(0, law_of_weights(without_first), r), d.push(0, 0), d.push(2, 1); },
     automatic::choice::greedy_hub},
};

TEST_CASE("automatic: the choice, and that the chosen rule decides") {
  const path_law p = support::random_laws(5);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto make = [&](draft& d, random_ref random) {
      d.reset(0, 10, 2, 6);
      cases[i].make(d, random);
      CHECK(automatic::choose(d) == cases[i].expected);
    };
    const automatic::choice c = cases[i].expected;
    rules::any chosen = c == automatic::choice::match       ? rules::any{rules::match{}}
                        : c == automatic::choice::block     ? rules::any{rules::block{}}
                        : c == automatic::choice::traversal ? rules::any{rules::traversal{}}
                                                            : rules::any{rules::greedy_hub{}};
    CHECK(support::law_of_round(automatic{}, p, make) == support::law_of_round(std::ref(chosen), p, make));
  }
}

/// Draws a token; what it drafts below depends on that token: nothing, a pushed one, a drawn one, or siblings.
class moody {
 public:
  void start(std::span<const token_id>) const noexcept {}
  void propose(const context& c, draft& d) const {
    if (c.limit() < 2 || d.room() < 4) return;
    const weights q{2.0, 1.0, 1.0};
    const node_id at = d.sample(draft::root(), law_of_weights(q), c.random());
    if (d.token(at) == 0) d.push(at, 1);
    if (d.token(at) == 1) d.sample_siblings(at, law_of_weights(q), 2, replacement::with, c.random());
    if (d.token(at) != 2 || c.text().size() % 2 == 0) return;
    d.push(at, 0);
    d.sample(at, law_of_weights(without_first), c.random());
  }
  void commit(const feedback&) const noexcept {}
};

TEST_CASE("automatic: the law of the text is the target's") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2));
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, seed), 2);
  testing::table_model small{testing::random_table(3, 2, seed + 100)};
  CHECK(faults(automatic{}, p, moody{}, 2) == "");
  CHECK(faults(automatic{}, p, drafters::none{}, 1) == "");
  CHECK(faults(automatic{}, p, drafters::model{small}, 2) == "");
  CHECK(faults(automatic{}, p, support::pushed_tree{{2, 1}, 3}, 2) == "");
  CHECK(faults(automatic{}, p, drafters::sampled_tree{small, {2}, replacement::without}, 1) == "");
  CHECK(faults(automatic{}, p, drafters::hub_tree{small, {2}}, 1) == "");
}

TEST_CASE("automatic: the text of plain decoding when nothing is drawn from a law") {
  testing::table_model target{testing::random_table(5, 2, 3)};
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    decoder d{speculative{target, support::pushed_tree{{2, 2}, 5}, automatic{}}, seed};
    CHECK(support::decode(d, {1, 2}, support::budget(20)) == support::plain(target, {1, 2}, support::budget(20), seed));
    CHECK(d.stats().accepted > 0);
  }
}

}  // namespace

static_assert(proviso::rules::automatic::lossless);
