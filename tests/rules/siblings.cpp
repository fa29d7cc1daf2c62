// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/siblings.hpp>

#include <proviso/rules/match.hpp>
#include <proviso/rules/token.hpp>

#include "support/catch.hpp"
#include "support/verifying.hpp"

namespace {

using namespace proviso;
using support::children;
using support::near;
using support::tree;
using support::verify;

TEST_CASE("siblings: the law of every tree is the target's") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3));
  const support::path_law p = support::random_laws(seed);
  const support::path_law q = support::random_laws(seed + 100);
  for (const children kind : {children::with, children::without, children::pushed, children::mixed}) {
    for (const auto& widths : {std::vector<std::size_t>{1, 1}, {2}, {3}, {2, 2}}) {
      const support::verified v = verify(rules::siblings{}, tree{widths, kind, q}, p, widths.size());
      CHECK(v.error < 1e-12);
    }
  }
}

TEST_CASE("siblings: acceptance of one, two and three siblings") {
  const support::weights p{0.1, 0.5, 0.4};
  const support::weights q{0.5, 0.25, 0.25};
  const auto law_p = [&](support::path) { return p; };
  const auto law_q = [&](support::path) { return q; };
  const auto accepted = [&](std::size_t count, children kind) {
    return verify(rules::siblings{}, tree{{count}, kind, law_q}, law_p, 1).accepted;
  };
  CHECK(near(accepted(1, children::with), 0.6));
  CHECK(near(accepted(1, children::without), 0.6));
  // refused with 0.4, always token 0; then r = (0, 0.625, 0.375) is tested with q, or with (0, 0.5, 0.5)
  CHECK(near(accepted(2, children::with), 0.6 + 0.4 * 0.5));
  CHECK(near(accepted(2, children::without), 0.6 + 0.4 * 0.875));
  CHECK(near(accepted(3, children::without), 1.0));
}

TEST_CASE("siblings: pushed children are accepted with their mass, as under match; chains as under token") {
  const support::path_law p = support::random_laws(7);
  const support::path_law q = support::random_laws(8);
  const tree pushed{{2, 2}, children::pushed, q};
  CHECK(near(verify(rules::siblings{}, pushed, p, 2).accepted, verify(rules::match{}, pushed, p, 2).accepted));
  const tree chain{{1, 1, 1}, children::with, q};
  CHECK(near(verify(rules::siblings{}, chain, p, 3).accepted, verify(rules::token{}, chain, p, 3).accepted));
}

TEST_CASE("siblings: the same token pushed twice counts once") {
  const auto p = [](support::path) { return support::weights{0.25, 0.75}; };
  const auto twice = [](draft& d, random_ref) {
    d.push(draft::root(), 0);
    d.push(draft::root(), 0);
  };
  const support::verified v = verify(rules::siblings{}, twice, p, 1);
  CHECK(near(v.accepted, 0.25));
  CHECK(v.error < 1e-12);
}

TEST_CASE("siblings: laws without replacement that are nearly a point") {
  const support::path_law p = support::random_laws(9, 4);
  const auto q = [](support::path) { return support::weights{1.0 - 3e-12, 1e-12, 2e-12, 0.0}; };
  for (const std::size_t count : {2U, 3U, 4U}) {  // the support has three tokens
    const support::verified v = verify(rules::siblings{}, tree{{count}, children::without, q}, p, 1);
    CHECK(v.error < 1e-12);
  }
}

TEST_CASE("siblings: equal laws never refuse, disjoint ones always") {
  const support::path_law p = support::random_laws(10);
  const tree same{{2, 2}, children::with, p};  // in float
  CHECK(near(verify(rules::siblings{}, same, p, 2).accepted, 2.0, 1e-6));
  const auto left = [](support::path) { return support::weights{0.5, 0.5, 0.0, 0.0}; };
  const auto right = [](support::path) { return support::weights{0.0, 0.0, 0.75, 0.25}; };
  for (const children kind : {children::with, children::without}) {
    const support::verified v = verify(rules::siblings{}, tree{{3}, kind, left}, right, 1);
    CHECK(v.accepted == 0.0);
    CHECK(v.error < 1e-12);
  }
}

TEST_CASE("siblings: one law per level that is reached") {
  const support::path_law p = support::random_laws(11);
  const support::path_law q = support::random_laws(12);
  CHECK(verify(rules::siblings{}, tree{{2, 2}, children::without, q}, p, 2).most_rows == 3);
  const auto nothing = [](draft&, random_ref) {};
  CHECK(verify(rules::siblings{}, nothing, p, 2).most_rows == 1);
}

}  // namespace

static_assert(proviso::rules::siblings::lossless);
