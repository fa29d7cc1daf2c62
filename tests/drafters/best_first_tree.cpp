// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/best_first_tree.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <proviso/drafters/top_k_tree.hpp>

#include "support/growing.hpp"

namespace {

using namespace proviso;
using namespace support;

/// All paths of at most `depth` tokens after `text`, with the product of their probabilities.
std::vector<std::pair<double, tokens>> all_paths(testing::table_model& model, std::span<const token_id> text,
                                                 std::size_t depth) {
  std::vector<std::pair<double, tokens>> found;
  std::vector<std::pair<double, tokens>> level{{1.0, {}}};
  for (std::size_t i = 0; i < depth; ++i) {
    std::vector<std::pair<double, tokens>> below;
    for (const auto& [product, path] : level) {
      tokens all{text.begin(), text.end()};
      all.insert(all.end(), path.begin(), path.end());
      testing::table_model::session_type session = model.open();
      const std::vector<double> q = softmax(session.eval(chain_block{all, 1}).row(0));
      for (std::size_t x = 0; x < q.size(); ++x) {
        below.push_back({product * q[x], path});
        below.back().second.push_back(static_cast<token_id>(x));
      }
    }
    found.insert(found.end(), below.begin(), below.end());
    level = std::move(below);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  return found;
}

}  // namespace

TEST_CASE("best_first_tree: is the best tree of its size and depth, at any temperature") {
  testing::table_model target = whole_text_model(4, 3.0F);
  testing::table_model small = whole_text_model(4, 3.0F);
  for (const float temperature : {1.0F, 0.0F}) {
    for (const std::size_t size : {1U, 5U, 20U}) {
      std::size_t looked = 0;
      std::size_t deepest = 0;
      const auto look = [&](const context& c, const draft& d) {
        if (c.limit() == 0) return;
        const auto best = all_paths(small, c.text(), c.limit());
        REQUIRE(d.size() == 1 + (std::min)(size, best.size()));
        for (std::size_t i = 1; i < d.size(); ++i) {
          const auto node = static_cast<node_id>(i);
          tokens path;
          d.path(node, path);
          const auto same = [&](const auto& other) { return other.second == path; };
          const double product = std::find_if(best.begin(), best.end(), same)->first;
          CHECK(std::abs(product - best[i - 1].first) < 1e-6);
          CHECK(d.kind(node) == draft::role::pushed);
          deepest = (std::max)(deepest, d.depth(node));
        }
        ++looked;
      };
      decoder d{speculative{target, observed{drafters::best_first_tree{small, size, size}, look}, rules::match{},
                            transforms::temperature{temperature}, lengths::fixed{3}},
                5};
      CHECK(decode(d, {1, 2}, budget(15)) == plain(target, {1, 2}, budget(15), 5, temperature));
      CHECK(looked > 3);
      CHECK((size == 1 || deepest > 1));
    }
  }
}

TEST_CASE("best_first_tree: one evaluation per level, of at most `width` nodes and their ancestors") {
  testing::table_model target{testing::random_table(6, 2, 1)};
  testing::table_model small{testing::random_table(6, 2, 2, 0.5F)};  // flat laws: wide trees
  decoder d{speculative{target, drafters::best_first_tree{small, 30, 2}, rules::match{}}};
  d.start(tokens{1, 2}, budget(40));
  d.step();
  CHECK(d.stats().drafted == 6 + 4 * 6);  // the root, and two nodes on each of two levels, have been looked below
  CHECK(small.counts().rows == 1 + 2 + 2 + 2);
  CHECK(small.counts().calls == 4);
  CHECK(small.counts().tokens <= 2 + 2 + 4 + 6);
}

TEST_CASE("best_first_tree: a certain model drafts a chain, which costs what a chain costs") {
  std::vector<float> row(6, 0.0F);
  row[3] = 200.0F;
  testing::table_model target{testing::row_table{6, 0, row}};
  testing::table_model small{testing::row_table{6, 0, row}};
  decoder d{speculative{target, drafters::best_first_tree{small, 4}, rules::match{}}};
  d.start(tokens{1, 2}, budget(40));
  d.step();
  CHECK(d.output().size() == 5);
  CHECK(small.counts().calls == 4);
  CHECK(small.counts().tokens == 2 + 1 + 1 + 1);
  CHECK(target.counts().keeps == 0);
}

TEST_CASE("best_first_tree: expects more than a tree of fixed shape and the same size") {
  testing::table_model target{testing::random_table(8, 2, 1, 3.0F)};
  testing::table_model small{
      testing::blended(testing::random_table(8, 2, 1, 3.0F), testing::random_table(8, 2, 2), 0.2)};
  decoder shaped{speculative{target, drafters::top_k_tree{small, {2, 2, 1}}, rules::match{}}, 1};
  decoder best{speculative{target, drafters::best_first_tree{small, 10}, rules::match{}}, 1};
  CHECK(decode(shaped, {1, 2}, budget(1500)) == decode(best, {1, 2}, budget(1500)));
  CHECK(best.stats().drafted_per_call() <= shaped.stats().drafted_per_call());
  CHECK(best.stats().tokens_per_call() > shaped.stats().tokens_per_call());
}

TEST_CASE("best_first_tree: misuse is an error") {
  testing::table_model small{testing::random_table(6, 2, 2)};
  CHECK_THROWS_AS((drafters::best_first_tree{small, 0}), std::invalid_argument);
  CHECK_THROWS_AS((drafters::best_first_tree{small, 4, 0}), std::invalid_argument);
}
