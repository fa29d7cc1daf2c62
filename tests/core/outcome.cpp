// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/outcome.hpp>

#include <vector>

#include "support/catch.hpp"

using namespace proviso;

TEST_CASE("an outcome's tip is its last node, or the root") {
  const std::vector<node_id> path{1, 4};
  CHECK(outcome{path, 0, origin::bonus}.tip() == 4);
  CHECK(outcome{{}, 0, origin::fresh}.tip() == draft::root());
}

TEST_CASE("find_child finds the first sibling with a token and no probe") {
  draft d;
  d.reset(0, 0, 8);
  d.probe(0, 5);
  const node_id a = d.push(0, 4);
  const node_id b = d.push(0, 5);
  d.push(0, 5);
  CHECK(find_child(d, 0, 4) == a);
  CHECK(find_child(d, 0, 5) == b);
  CHECK(find_child(d, 0, 6) == prefix_node);
  CHECK(find_child(d, a, 4) == prefix_node);
}

TEST_CASE("the token after a draft is a correction, a bonus, or fresh") {
  draft d;
  d.reset(0, 0, 8);
  CHECK(ending(d, draft::root()) == origin::fresh);
  d.probe(0, 5);
  CHECK(ending(d, draft::root()) == origin::fresh);
  const node_id a = d.push(0, 4);
  CHECK(ending(d, draft::root()) == origin::corrected);
  CHECK(ending(d, a) == origin::bonus);
}

TEST_CASE("target_laws asks its source") {
  std::vector<node_id> asked;
  auto law = [&](node_id n) {
    asked.push_back(n);
    return law_view::point(static_cast<token_id>(n + 10));
  };
  const target_laws p{law};
  CHECK(p(3).token(0) == 13);
  CHECK(asked == std::vector<node_id>{3});
}
