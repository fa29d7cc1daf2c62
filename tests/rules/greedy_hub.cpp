// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/greedy_hub.hpp>

#include <algorithm>
#include <stdexcept>

#include <proviso/rules/match.hpp>
#include <proviso/rules/siblings.hpp>
#include <proviso/rules/token.hpp>

#include "support/catch.hpp"
#include "support/verifying.hpp"

namespace {

using namespace proviso;
using support::children;
using support::near;
using support::tree;
using support::verify;
using support::weights;

/// Below every node of two levels: the `pushed` most probable tokens of `q`, and one drawn from `q` without them,
/// or from all of it.
struct hub {
  support::path_law q;
  std::size_t pushed = 1;
  bool overlaps = false;

  void operator()(draft& d, random_ref random) const {
    std::vector<token_id> before;
    for (node_id at = draft::root(); at < static_cast<node_id>(d.size()) && d.depth(at) < 2; ++at) {
      d.path(at, before);
      weights rest = q(before);
      double total = 1.0;
      for (std::size_t i = 0; i < pushed; ++i) {
        const auto top = std::max_element(rest.begin(), rest.end());
        d.push(at, static_cast<token_id>(top - rest.begin()));
        total -= overlaps ? 0.0 : *top;
        if (!overlaps) *top = 0.0;
      }
      if (total > 1e-9) d.sample(at, law_view::dense(std::span<const double>{rest}, total), random);  // else used up
    }
  }
};

TEST_CASE("greedy_hub: the law is the target's, whatever the drawn sibling's law") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3));
  const support::path_law p = support::random_laws(seed);
  const support::path_law q = support::random_laws(seed + 100);
  CHECK(verify(rules::greedy_hub{}, hub{q, 1}, p, 2).error < 1e-12);
  CHECK(verify(rules::greedy_hub{}, hub{q, 2}, p, 2).error < 1e-12);
  CHECK(verify(rules::greedy_hub{}, hub{q, 1, true}, p, 2).error < 1e-12);
  CHECK(verify(rules::greedy_hub{}, tree{{1, 1}, children::with, q}, p, 2).error < 1e-12);
  CHECK(verify(rules::greedy_hub{}, tree{{3, 2}, children::pushed, q}, p, 2).error < 1e-12);
}

TEST_CASE("greedy_hub: a sibling stands with probability p(S) + sum of min(p, q)") {
  const auto one_level = [](draft& d, random_ref random) {
    const weights q{0.0, 0.0, 0.5, 0.25, 0.25};
    d.push(draft::root(), 1);
    d.push(draft::root(), 0);
    d.sample(draft::root(), support::law_of_weights(q), random);
  };
  const auto p = [](support::path) { return weights{0.2, 0.3, 0.1, 0.35, 0.05}; };
  const support::verified v = verify(rules::greedy_hub{}, one_level, p, 1);
  CHECK(v.error < 1e-12);
  CHECK(near(v.accepted, 0.5 + 0.1 + 0.25 + 0.05));
  CHECK(v.accepted > verify(rules::siblings{}, one_level, p, 1).accepted - 1e-12);
}

TEST_CASE("greedy_hub: a correction that is a pushed sibling goes on below it") {
  const auto build = [](draft& d, random_ref random) {
    const node_id pushed = d.push(draft::root(), 0);
    d.sample(draft::root(), support::law_of_weights({0.0, 1.0}), random);
    d.push(pushed, 1);
  };
  const auto p = [](support::path before) { return before.empty() ? weights{0.75, 0.25} : weights{0.5, 0.5}; };
  const support::verified v = verify(rules::greedy_hub{}, build, p, 2);
  CHECK(v.error < 1e-12);
  CHECK(near(v.accepted, 0.75 * 1.5 + 0.25));
}

TEST_CASE("greedy_hub: pushed trees as under match, chains as under token") {
  const support::path_law p = support::random_laws(7);
  const support::path_law q = support::random_laws(8);
  const tree pushed{{2, 2}, children::pushed, q};
  CHECK(near(verify(rules::greedy_hub{}, pushed, p, 2).accepted, verify(rules::match{}, pushed, p, 2).accepted));
  const tree chain{{1, 1}, children::with, q};
  CHECK(near(verify(rules::greedy_hub{}, chain, p, 2).accepted, verify(rules::token{}, chain, p, 2).accepted));
}

TEST_CASE("greedy_hub: one law per level; a second drawn sibling is refused with a sentence") {
  const support::path_law p = support::random_laws(9);
  const support::path_law q = support::random_laws(10);
  CHECK(verify(rules::greedy_hub{}, hub{q, 1}, p, 2).most_rows == 3);
  REQUIRE_THROWS_AS(verify(rules::greedy_hub{}, tree{{2}, children::with, q}, p, 1), std::invalid_argument);
}

}  // namespace

static_assert(proviso::rules::greedy_hub::lossless);
