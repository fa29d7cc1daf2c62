// SPDX-License-Identifier: Apache-2.0
#include <proviso/testing/table_model.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;
using testing::blended;
using testing::random_table;
using testing::row_table;

namespace {

std::vector<double> law(std::span<const float> row) {
  std::vector<double> p;
  double total = 0.0;
  for (const float x : row) total += std::exp(static_cast<double>(x));
  for (const float x : row) p.push_back(std::exp(static_cast<double>(x)) / total);
  return p;
}
double distance(const std::vector<double>& p, const std::vector<double>& q) {
  double sum = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) sum += std::abs(p[i] - q[i]);
  return 0.5 * sum;
}
std::vector<float> copy(std::span<const float> row) { return {row.begin(), row.end()}; }

}  // namespace

TEST_CASE("a table gives the row of the last tokens") {
  std::vector<float> logits(27);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i);
  const row_table table{3, 2, logits};
  CHECK(table.row(token_list{2, 0, 1, 2})[0] == 15.0F);  // row 2 + 3 * 1
  CHECK(table.row(token_list{2})[1] == 7.0F);            // as after token 0
  CHECK(table.row(token_list{})[2] == 2.0F);
  CHECK(row_table{3, 0, {1, 2, 3}}.row(token_list{2})[2] == 3.0F);
  CHECK_THROWS_AS((row_table{3, 1, logits}), std::invalid_argument);
}

TEST_CASE("random tables depend on their seed and are the same everywhere") {
  const row_table a = random_table(4, 2, 1, 3.0F);
  CHECK(copy(a.logits()) == copy(random_table(4, 2, 1, 3.0F).logits()));
  CHECK(copy(a.logits()) != copy(random_table(4, 2, 2, 3.0F).logits()));
  CHECK(a.logits().size() == 64);
  for (const float x : a.logits()) CHECK(std::abs(x) <= 3.0F);
}

TEST_CASE("a blended table lies eps times the noise away") {
  const row_table p = random_table(5, 1, 1);
  const row_table noise = random_table(5, 1, 2);
  for (const double eps : {0.0, 0.25, 1.0}) {
    const row_table q = blended(p, noise, eps);
    for (token_id t = 0; t < 5; ++t) {
      const token_list context{t};
      const double expected = eps * distance(law(p.row(context)), law(noise.row(context)));
      CHECK(std::abs(distance(law(p.row(context)), law(q.row(context))) - expected) < 1e-6);
    }
  }
  CHECK_THROWS_AS(blended(p, random_table(4, 1, 2), 0.5), std::invalid_argument);
}

TEST_CASE("calls, blocks, tokens and rows are counted") {
  testing::table_model model{random_table(5, 1, 1)};
  testing::table_model::session_type a = model.open();
  testing::table_model::session_type b = model.open();
  const token_list text{1, 2, 3};
  a.eval(chain_block{text, 2});
  batch_item<testing::table_model::session_type> items[] = {{&a, chain_block{text, 1}}, {&b, chain_block{text, 0}}};
  model.eval(items);
  a.rewind(4);
  CHECK(model.counts().calls == 2);
  CHECK(model.counts().blocks == 3);
  CHECK(model.counts().tokens == 9);
  CHECK(model.counts().rows == 3);
  CHECK(model.counts().rewinds == 1);
  CHECK(model.counts().open == 2);
  model.reset_counts();
  CHECK(model.counts().calls == 0);
  CHECK(model.counts().open == 2);
}

TEST_CASE("in a masked block a node sees what its bits say, itself last") {
  std::vector<token_list> seen;
  testing::table_model model{9, [&](std::span<const token_id> context, std::span<float>) {
                               seen.emplace_back(context.begin(), context.end());
                             }};
  testing::table_model::session_type s = model.open();
  const token_list text{7};
  s.eval(chain_block{text, 0});
  const token_list tokens{1, 2, 3};
  const std::vector<node_id> parents{-1, 0, 0};
  const std::vector<std::uint64_t> bits{0b101, 0b011, 0b100};  // node 0 sees node 2 as well, node 2 only itself
  s.eval(masked_block{tree_block{tokens, parents, 3}, bits});
  CHECK(seen == std::vector<token_list>{{7, 3, 1}, {7, 1, 2}, {7, 3}});
  seen.clear();
  s.rewind(1);
  s.eval(tree_block{tokens, parents, 3});
  CHECK(seen == std::vector<token_list>{{7, 1}, {7, 1, 2}, {7, 1, 3}});
  s.keep(std::vector<node_id>{0, 2});
  CHECK(token_list(s.tokens().begin(), s.tokens().end()) == token_list{7, 1, 3});
}

TEST_CASE("a caller that breaks the contract is told") {
  testing::table_model model{random_table(5, 1, 1), 8, 3};
  testing::table_model::session_type s = model.open();
  const token_list text{1, 2, 3, 4, 0};
  const token_list outside{5};
  const std::vector<node_id> forward{-1, 2, 0, 1, 1};
  CHECK_THROWS_AS(s.eval(chain_block{text, 6}), std::logic_error);
  CHECK_THROWS_AS(s.eval(chain_block{outside, 1}), std::logic_error);
  s = model.open();
  CHECK_THROWS_AS(s.eval(tree_block{text, forward, 1}), std::logic_error);
  s = model.open();
  s.eval(chain_block{text, 1});
  CHECK_THROWS_AS(s.eval(chain_block{text, 1}), std::length_error);
  CHECK_THROWS_AS(s.rewind(6), std::logic_error);
  CHECK_THROWS_AS(s.rewind(1), std::logic_error);
  s.rewind(2);
  s.rewind(0);
  const std::vector<node_id> parents{-1, 0, 0, 1, 1};
  s.eval(tree_block{text, parents, 5});
  CHECK_THROWS_AS(s.eval(chain_block{std::span<const token_id>{text}.first(1), 1}), std::logic_error);  // a tree is held
  CHECK_THROWS_AS(s.keep(std::vector<node_id>{0, 3}), std::logic_error);
  CHECK_THROWS_AS(s.keep(std::vector<node_id>{5}), std::logic_error);
}
