// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/hub_tree.hpp>

#include <cstddef>
#include <vector>

#include <proviso/rules/greedy_hub.hpp>

#include "support/growing.hpp"

namespace {

using namespace proviso;
using namespace support;

}  // namespace

TEST_CASE("hub_tree: pushes the most probable tokens and draws one from the law without them") {
  testing::table_model target = whole_text_model(6, 2.0F);
  testing::table_model small = whole_text_model(6, 1.0F);
  std::size_t looked = 0;
  const auto look = [&](const context& c, const draft& d) {
    for (std::size_t i = 0; i < d.size(); ++i) {
      const auto at = static_cast<node_id>(i);
      const std::vector<node_id> below = children(d, at);
      if (below.empty()) continue;
      ++looked;
      REQUIRE(below.size() == (d.depth(at) == 0 ? 3 : d.depth(at) == 1 ? 2 : 1));
      std::vector<double> q = fresh_law(small, c.text(), d, at);
      const tokens top = largest(q, below.size() - 1);
      for (std::size_t k = 0; k < top.size(); ++k) {
        CHECK(d.kind(below[k]) == draft::role::pushed);
        CHECK(d.token(below[k]) == top[k]);
        q[static_cast<std::size_t>(top[k])] = 0.0;
      }
      double rest = 0.0;
      for (const double x : q) rest += x;
      for (double& x : q) x /= rest;
      CHECK(d.kind(below.back()) == draft::role::sampled);
      CHECK(difference(d.q(below.back()), q) < 1e-6);
    }
  };
  decoder d{speculative{target, observed{drafters::hub_tree{small, {3, 2, 1}}, look}, support::match_of_drawn{}}, 5};
  CHECK(decode(d, {1, 2}, budget(50)) == plain(target, {1, 2}, budget(50), 5));
  CHECK(looked > 100);
}

TEST_CASE("hub_tree: the text has exactly the target's law") {
  const testing::row_table p = testing::random_table(3, 1, 3);
  testing::table_model target{p};
  testing::table_model small{with_holes(testing::random_table(3, 1, 4), 2)};  // a law of two tokens here and there
  for (const std::size_t top : {1U, 2U, 3U}) {
    auto make = [&] { return speculative{target, drafters::hub_tree{small, {top, 2}}, rules::greedy_hub{}}; };
    CHECK(distance(law_of(make, {0, 2}, 3), exact_law(p, {0, 2}, 3)) < 1e-6);
  }
}

TEST_CASE("hub_tree: at temperature 0 all children are pushed") {
  testing::table_model target{testing::random_table(6, 2, 1)};
  testing::table_model small{testing::random_table(6, 2, 2)};
  std::size_t looked = 0;
  const auto look = [&](const context& c, const draft& d) {
    const std::vector<node_id> below = children(d, draft::root());
    if (c.limit() == 0) return;
    REQUIRE(below.size() == 3);
    const tokens top = largest(fresh_law(small, c.text(), d, draft::root()), 3);
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(d.kind(below[k]) == draft::role::pushed);
      CHECK(d.token(below[k]) == top[k]);
    }
    ++looked;
  };
  decoder d{speculative{target, observed{drafters::hub_tree{small, {3, 2}}, look}, rules::greedy_hub{},
                        transforms::temperature{0.0F}}};
  CHECK(decode(d, {1, 2}, budget(40)) == plain(target, {1, 2}, budget(40), 0, 0.0F));
  CHECK(looked > 5);
}
