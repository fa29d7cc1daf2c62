// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/top_k_tree.hpp>

#include <cstddef>
#include <vector>

#include <proviso/rules/greedy.hpp>
#include <proviso/transforms/ban.hpp>
#include <proviso/transforms/chain.hpp>

#include "support/growing.hpp"

namespace {

using namespace proviso;
using namespace support;

TEST_CASE("top_k_tree: the default shape is {2, 2, 1}") {
  testing::table_model target{testing::random_table(7, 1, 3)};
  testing::table_model small{testing::random_table(7, 1, 4)};
  decoder d{
      speculative{target, drafters::top_k_tree{small}, rules::match{}, transforms::temperature{}, lengths::fixed{8}}};
  limits bounds;
  bounds.max_tokens = 20;
  d.start(std::vector<token_id>{1, 2}, bounds);
  while (d.stats().rounds == 0) d.step();
  CHECK(d.stats().drafted == 2 + 4 + 4);
  CHECK(d.stats().drafted_at[2] == 1);
  CHECK(d.stats().drafted_at[3] == 0);
}

}  // namespace

TEST_CASE("top_k_tree: pushes the most probable tokens of every node, in order; temperature 0 does not change them") {
  testing::table_model target = whole_text_model(6, 2.0F);
  testing::table_model small = whole_text_model(6, 1.0F);
  for (const float temperature : {1.0F, 0.0F}) {
    std::size_t looked = 0;
    const auto look = [&](const context& c, const draft& d) {
      if (c.limit() >= 3) CHECK(d.size() == 1 + 3 + 6 + 6);
      for (std::size_t i = 0; i < d.size(); ++i) {
        const auto at = static_cast<node_id>(i);
        const std::vector<node_id> below = children(d, at);
        if (below.empty()) continue;
        ++looked;
        const tokens top = largest(fresh_law(small, c.text(), d, at), d.depth(at) == 0 ? 3 : d.depth(at) == 1 ? 2 : 1);
        REQUIRE(below.size() == top.size());
        for (std::size_t k = 0; k < top.size(); ++k) {
          CHECK(d.kind(below[k]) == draft::role::pushed);
          CHECK(d.token(below[k]) == top[k]);
        }
      }
    };
    decoder d{speculative{target, observed{drafters::top_k_tree{small, {3, 2, 1}}, look}, rules::match{},
                          transforms::temperature{temperature}},
              5};
    CHECK(decode(d, {1, 2}, budget(50)) == plain(target, {1, 2}, budget(50), 5, temperature));
    CHECK(looked > 100);
  }
}

TEST_CASE("top_k_tree: greedy decoding accepts a second guess") {
  testing::table_model target{testing::random_table(6, 2, 1)};
  testing::table_model small{testing::blended(testing::random_table(6, 2, 1), testing::random_table(6, 2, 2), 0.6)};
  const auto accepted = [&](drafters::branching shape) {
    decoder d{speculative{target, drafters::top_k_tree{small, shape}, rules::greedy{}, transforms::temperature{0.0F}}};
    CHECK(decode(d, {1, 2}, budget(200)) == plain(target, {1, 2}, budget(200), 0, 0.0F));
    return d.stats().tokens_per_call();
  };
  CHECK(accepted({3, 3}) > accepted({1, 1}));
}

TEST_CASE("top_k_tree: tokens that the target's transforms exclude are not drafted") {
  testing::table_model target{testing::random_table(4, 2, 1)};
  testing::table_model small{testing::random_table(4, 2, 2)};
  for (const float temperature : {1.0F, 0.0F}) {
    const transforms::chain shape{transforms::ban{{1, 3}}, transforms::temperature{temperature}};
    const auto look = [&](const context& c, const draft& d) {
      if (c.limit() > 1) CHECK(d.size() == 1 + 2 + 4);
      for (std::size_t i = 1; i < d.size(); ++i) CHECK(d.token(static_cast<node_id>(i)) % 2 == 0);
    };
    decoder d{speculative{target, observed{drafters::top_k_tree{small, {3, 3}}, look}, rules::match{}, shape}, 3};
    decode(d, {1, 2}, budget(20));
  }
}
