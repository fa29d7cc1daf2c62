// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/sampled_tree.hpp>

#include <cstddef>
#include <vector>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/rules/any.hpp>
#include <proviso/rules/coupled.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/selected_path.hpp>
#include <proviso/rules/siblings.hpp>
#include <proviso/rules/traversal.hpp>
#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/top_k.hpp>

#include "support/growing.hpp"

namespace {

using namespace proviso;
using namespace support;

TEST_CASE("sampled_tree: the default shape is {2, 2, 1}") {
  testing::table_model target{testing::random_table(7, 1, 3)};
  testing::table_model small{testing::random_table(7, 1, 4)};
  decoder d{speculative{target, drafters::sampled_tree{small}, rules::traversal{}, transforms::temperature{},
                        lengths::fixed{8}}};
  d.start(std::vector<token_id>{1, 2}, budget(20));
  while (d.stats().rounds == 0) d.step();
  CHECK(d.stats().drafted == 2 + 4 + 4);
  CHECK(d.stats().drafted_at[2] == 1);
  CHECK(d.stats().drafted_at[3] == 0);
}

}  // namespace

TEST_CASE("sampled_tree: has its shape, siblings in their manner, and the laws of a chain along every path") {
  testing::table_model target = whole_text_model(6, 2.0F);
  testing::table_model small = whole_text_model(6, 1.0F);
  for (const replacement mode : {replacement::with, replacement::without}) {
    std::size_t rounds = 0;
    std::size_t equal = 0;
    const auto look = [&](const context& c, const draft& d) {
      if (c.limit() < 3) return;
      ++rounds;
      CHECK(d.size() == 1 + 3 + 6 + 6);
      for (std::size_t i = 0; i < d.size(); ++i) {
        const auto at = static_cast<node_id>(i);
        const std::vector<node_id> below = children(d, at);
        CHECK(below.size() == (d.depth(at) == 0 ? 3 : d.depth(at) == 1 ? 2 : d.depth(at) == 2 ? 1 : 0));
        if (below.empty()) continue;
        CHECK(difference(d.q(below[0]), fresh_law(small, c.text(), d, at)) < 1e-6);
        for (std::size_t a = 0; a < below.size(); ++a) {
          CHECK(d.kind(below[a]) == draft::role::sampled);
          CHECK(d.drawn(below[a]) == mode);
          for (std::size_t b = 0; b < a; ++b) equal += d.token(below[a]) == d.token(below[b]) ? 1U : 0U;
        }
      }
    };
    decoder d{
        speculative{target, observed{drafters::sampled_tree{small, {3, 2, 1}, mode}, look}, support::match_of_drawn{}},
        5};
    CHECK(decode(d, {1, 2}, budget(50)) == plain(target, {1, 2}, budget(50), 5));
    CHECK(rounds > 10);
    CHECK((equal > 0) == (mode == replacement::with));
  }
}

TEST_CASE("sampled_tree: the text has exactly the target's law under rules of trees") {
  const testing::row_table p = testing::random_table(3, 1, 3);
  testing::table_model target{p};
  testing::table_model small{testing::random_table(3, 1, 4)};
  const tokens prompt{0, 2};
  for (const replacement mode : {replacement::with, replacement::without}) {
    const auto exact = [&](auto rule) {
      auto make = [&] { return speculative{target, drafters::sampled_tree{small, {2, 1}, mode}, rules::any{rule}}; };
      return distance(law_of(make, prompt, 3), exact_law(p, prompt, 3));
    };
    CHECK(exact(support::match_of_drawn{}) < 1e-6);
    CHECK(exact(rules::siblings{}) < 1e-6);
    CHECK(exact(rules::traversal{}) < 1e-6);
    if (mode == replacement::with) CHECK(exact(rules::selected_path{}) < 1e-6);  // two independent chains
  }
}

TEST_CASE("sampled_tree: a law with few tokens gives fewer distinct siblings, and the text keeps its law") {
  const testing::row_table p = testing::random_table(4, 1, 5);
  testing::table_model target{p};
  testing::table_model small{testing::random_table(4, 1, 6)};
  const transforms::chain shape{transforms::top_k{2}};
  std::size_t most = 0;
  const auto look = [&](const context&, const draft& d) { most = (std::max)(most, d.size()); };
  decoder d{speculative{target, observed{drafters::sampled_tree{small, {3, 3}}, look}, rules::traversal{}, shape}, 2};
  decode(d, {1}, budget(30));
  CHECK(most == 1 + 2 + 4);

  auto make = [&] { return speculative{target, drafters::sampled_tree{small, {3, 1}}, rules::traversal{}, shape}; };
  auto alone = [&] { return autoregressive{target, shape}; };
  CHECK(distance(law_of(make, {0, 2}, 3), law_of(alone, {0, 2}, 3)) < 1e-6);
}

TEST_CASE("sampled_tree: at temperature 0 it is a chain, and never evaluated twice") {
  testing::table_model target{testing::random_table(6, 2, 1)};
  testing::table_model small{testing::random_table(6, 2, 1)};
  decoder d{
      speculative{target, drafters::sampled_tree{small, {2, 2, 2}}, rules::siblings{}, transforms::temperature{0.0F}}};
  d.start(tokens{1, 2}, budget(40));
  d.step();
  CHECK(d.stats().drafted == 3);
  CHECK(d.stats().accepted == 3);
  CHECK(small.counts().tokens == 2 + 1 + 1);
  while (!d.done()) d.step();
  CHECK(tokens_of(d.output()) == plain(target, {1, 2}, budget(40), 0, 0.0F));
  CHECK(d.stats().corrected == 0);
}

TEST_CASE("sampled_tree: draws as usual under a rule that shares the target's noise") {
  testing::table_model target{testing::random_table(5, 2, 1)};
  testing::table_model small{testing::random_table(5, 2, 2)};
  decoder plain_race{autoregressive{target, transforms::temperature{}, draw::race}, 9};
  decoder d{speculative{target, drafters::sampled_tree{small, {2, 2}}, rules::coupled{}}, 9};
  CHECK(decode(d, {1, 2}, budget(40)) == decode(plain_race, {1, 2}, budget(40)));
  CHECK(d.stats().accepted > 0);
}
