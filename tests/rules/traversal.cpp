// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/traversal.hpp>

#include <proviso/rules/block.hpp>
#include <proviso/rules/siblings.hpp>
#include <proviso/testing/prove_subtree_acceptance.hpp>

#include "support/catch.hpp"
#include "support/verifying.hpp"

namespace {

using namespace proviso;
using support::children;
using support::near;
using support::tree;
using support::verify;

constexpr children kinds[] = {children::with, children::without, children::pushed, children::mixed};

TEST_CASE("traversal: the law is the target's, and no fewer tokens stand than from the root down") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3));
  const support::path_law p = support::random_laws(seed);
  const support::path_law q = support::random_laws(seed + 100);
  for (const children kind : kinds) {
    for (const auto& widths : {std::vector<std::size_t>{1, 1}, {3}, {2, 2}, {1, 2}, {2, 1, 1}}) {
      const tree drafted{widths, kind, q};
      const support::verified v = verify(rules::traversal{}, drafted, p, widths.size());
      CHECK(v.error < 1e-12);
      CHECK(v.accepted > verify(rules::siblings{}, drafted, p, widths.size()).accepted - 1e-12);
    }
  }
}

TEST_CASE("traversal: on a tree more tokens stand than from the root down") {
  const support::path_law p = support::random_laws(1);
  const tree drafted{{2, 2}, children::without, support::random_laws(101)};
  CHECK(verify(rules::traversal{}, drafted, p, 2).accepted > verify(rules::siblings{}, drafted, p, 2).accepted + 1e-3);
}

TEST_CASE("traversal: on a chain it is block verification") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(4, 5));
  const support::path_law p = support::random_laws(seed);
  const tree chain{{1, 1, 1}, children::with, support::random_laws(seed + 100)};
  const support::verified v = verify(rules::traversal{}, chain, p, 3);
  CHECK(v.error < 1e-12);
  CHECK(near(v.accepted, verify(rules::block{}, chain, p, 3).accepted));
}

TEST_CASE("traversal: golden values of block verification") {
  const auto p = [](support::path) { return support::weights{1.0 / 3, 2.0 / 3}; };
  const auto q = [](support::path) { return support::weights{2.0 / 3, 1.0 / 3}; };
  const tree chain{{1, 1}, children::with, q};
  CHECK(near(verify(rules::traversal{}, chain, p, 2).accepted, 11.0 / 9, 1e-7));  // the draft holds laws in float
  CHECK(near(verify(rules::siblings{}, chain, p, 2).accepted, 10.0 / 9, 1e-7));
}

TEST_CASE("traversal: something below a node stands with the probability that the node was entered with") {
  for (const children kind : kinds) {
    testing::subtree_setup s;
    s.build = tree{{kind == children::mixed ? 3U : 2U, 2}, kind, support::random_laws(106)};
    s.target = support::random_laws(6);
    s.rule = rules::traversal{};
    const testing::proof_report report = prove_subtree_acceptance(s);
    INFO(report.text());
    CHECK(report.passed());
  }
}

TEST_CASE("traversal: laws that are points, equal, disjoint, nearly points without replacement") {
  const support::path_law p = support::random_laws(13);
  const auto point = [](support::path) { return support::weights{0.0, 1.0, 0.0}; };
  const auto peaked = [](support::path) { return support::weights{1.0 - 3e-12, 1e-12, 2e-12}; };
  const auto other = [](support::path) { return support::weights{0.5, 0.0, 0.5}; };
  for (const children kind : kinds) {
    CHECK(verify(rules::traversal{}, tree{{2, 2}, kind, p}, point, 2).error < 1e-12);
    CHECK(verify(rules::traversal{}, tree{{2, 2}, kind, point}, p, 2).error < 1e-12);
    CHECK(verify(rules::traversal{}, tree{{3, 1}, kind, peaked}, p, 2).error < 1e-12);
    CHECK(verify(rules::traversal{}, tree{{2, 2}, kind, point}, other, 2).error < 1e-12);
  }
  const tree same{{2, 2}, children::with, p};  // in float
  CHECK(near(verify(rules::traversal{}, same, p, 2).accepted, 2.0, 1e-6));
}

TEST_CASE("traversal: no law is asked for below a node that cannot stand") {
  const auto p = [](support::path before) {
    return before.empty() ? support::weights{0.0, 1.0} : support::weights{0.5, 0.5};
  };
  std::vector<node_id> asked;
  const auto watched = [&](const draft& d, const target_laws& laws, random_ref random) {
    auto law_after = [&](node_id n) {
      asked.push_back(n);
      return laws(n);
    };
    return rules::traversal{}(d, target_laws{law_after}, random);
  };
  const auto build = [](draft& d, random_ref) {
    const node_id impossible = d.push(draft::root(), 0);
    d.push(impossible, 1);
  };
  CHECK(verify(watched, build, p, 2).error < 1e-12);
  for (const node_id n : asked) CHECK(n == draft::root());
  const auto nothing = [](draft&, random_ref) {};
  CHECK(verify(rules::traversal{}, nothing, p, 2).most_rows == 1);
}

}  // namespace

static_assert(proviso::rules::traversal::lossless);
