// SPDX-License-Identifier: Apache-2.0
#include <proviso/model/chain_emulation.hpp>

#include <stdexcept>
#include <vector>

#include <proviso/drafters/sampled_tree.hpp>
#include <proviso/model/replaying_session.hpp>
#include <proviso/testing/archetypes.hpp>
#include <proviso/testing/check_model.hpp>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;

namespace {

using nodes = std::vector<node_id>;

/// 0 is the root; 1 and 2 follow it; 3 and 4 follow 1; 5 follows 2.
const token_list tree_tokens{5, 1, 2, 3, 4, 6};
const nodes tree_parents{-1, 0, 0, 1, 1, 2};

std::vector<float> rows_of(const logits_view<float>& view) {
  std::vector<float> all;
  for (std::size_t i = 0; i < view.rows(); ++i) all.insert(all.end(), view.row(i).begin(), view.row(i).end());
  return all;
}

}  // namespace

TEST_CASE("chains only become trees: rows, keep and rewind are those of the contract") {
  testing::table_model rows = whole_text_model(9);
  testing::chain_only smallest{rows, 8};
  testing::stale_logits stale{rows};
  testing::nan_padded padded{rows};
  testing::tiny_capacity bounded{rows, 30};
  STATIC_REQUIRE(!tree_model<testing::chain_only>);
  STATIC_REQUIRE(tree_model<chain_emulation<testing::chain_only>>);
  STATIC_REQUIRE(!bounded_session<chain_emulation_session<testing::chain_only::session_type>>);
  STATIC_REQUIRE(bounded_session<chain_emulation_session<testing::tiny_capacity::session_type>>);
  STATIC_REQUIRE(horizon_session<chain_emulation_session<testing::short_horizon::session_type>>);

  chain_emulation a{smallest};
  chain_emulation b{stale};
  chain_emulation c{padded};
  chain_emulation d{bounded};
  for (const testing::check_report& report :
       {testing::check_model(a), testing::check_model(b), testing::check_model(c), testing::check_model(d)}) {
    INFO(report.text());
    CHECK(report.passed());
    CHECK(!report.find("tree")->skipped);
    CHECK(!report.find("keep")->skipped);
  }
}

TEST_CASE("every wanted node and its ancestors are evaluated once, and keeping the first path costs nothing") {
  testing::table_model table = whole_text_model(9);
  testing::chain_only chains{table, 8};
  chain_emulation model{chains};
  auto s = model.open();
  const token_list text{1, 2, 3};
  s.eval(chain_block{text, 0});
  table.reset_counts();

  s.eval(tree_block{tree_tokens, tree_parents, 6});
  CHECK(table.counts().tokens == 6);
  CHECK(table.counts().calls == 3);  // as many as leaves
  CHECK(table.counts().rows == 6);

  s.keep(nodes{0, 1, 3});
  const token_list next{7};
  s.eval(chain_block{next, 1});
  CHECK(table.counts().tokens == 7);
  CHECK(s.length() == 7);

  table.reset_counts();
  s.eval(tree_block{tree_tokens, tree_parents, 6});
  s.keep(nodes{0, 2, 5});
  s.eval(chain_block{next, 1});
  CHECK(table.counts().tokens == 6 + 2 + 1);  // two nodes of the path again, with the next block
  CHECK(table.counts().calls == 3 + 1);

  table.reset_counts();
  CHECK(s.eval(tree_block{tree_tokens, tree_parents, 1}).rows() == 1);
  CHECK(table.counts().tokens == 3);  // 0, 2, 5
  s.rewind(s.length() - 6);
  table.reset_counts();
  CHECK(s.eval(tree_block{tree_tokens, tree_parents, 0}).rows() == 0);
  CHECK(table.counts().tokens == 0);
  s.keep(nodes{0, 1, 4});
  const logits_view<float> last = s.eval(chain_block{next, 1});
  CHECK(table.counts().tokens == 4);
  const token_list all{1, 2, 3, 5, 1, 3, 7, 5, 2, 6, 7, 5, 1, 4, 7};
  testing::table_model::session_type fresh = table.open();
  CHECK(rows_of(last) == rows_of(fresh.eval(chain_block{all, 1})));
}

TEST_CASE("a rewind into a tree leaves its first nodes when they are a path") {
  testing::table_model table = whole_text_model(9);
  testing::chain_only chains{table, 8};
  chain_emulation model{chains};
  auto s = model.open();
  s.eval(tree_block{tree_tokens, tree_parents, 2});
  s.rewind(3);  // nodes 0, 1, 2: a tree
  const token_list next{7};
  CHECK_THROWS_AS(s.eval(chain_block{next, 1}), std::invalid_argument);
  s.rewind(2);  // nodes 0, 1
  const logits_view<float> row = s.eval(chain_block{next, 1});
  testing::table_model::session_type fresh = table.open();
  CHECK(rows_of(row) == rows_of(fresh.eval(chain_block{token_list{5, 1, 7}, 1})));
}

TEST_CASE("misuse is an error and changes nothing") {
  testing::table_model table = whole_text_model(9);
  testing::short_horizon near{table, 2};
  chain_emulation model{near};
  auto s = model.open();
  CHECK(s.max_rewind() == 2);
  const token_list text{1, 2, 3};
  s.eval(chain_block{text, 1});
  CHECK_THROWS_AS(s.eval(tree_block{tree_tokens, tree_parents, 6}), std::invalid_argument);  // paths of 3 tokens
  CHECK_THROWS_AS(s.eval(tree_block{text, nodes{-1, 1, 0}, 1}), std::invalid_argument);
  CHECK_THROWS_AS(s.eval(tree_block{text, nodes{-1, -2, 0}, 1}), std::invalid_argument);
  CHECK_THROWS_AS(s.eval(tree_block{text, nodes{-1, -1}, 1}), std::invalid_argument);
  CHECK_THROWS_AS(s.eval(tree_block{text, nodes{-1, 0, 0}, 4}), std::invalid_argument);
  CHECK_THROWS_AS(s.rewind(4), std::invalid_argument);
  CHECK(s.length() == 3);
  s.eval(tree_block{text, nodes{-1, 0, 0}, 3});
  CHECK_THROWS_AS(s.keep(nodes{1}), std::invalid_argument);
  CHECK_THROWS_AS(s.keep(nodes{0, 3}), std::invalid_argument);
  CHECK_THROWS_AS(s.keep(nodes{0, 2, 1}), std::invalid_argument);
  CHECK_THROWS_AS(s.eval(chain_block{text, 1}), std::invalid_argument);  // on top of a tree
  s.keep(nodes{0, 2});
  CHECK(s.length() == 5);
  testing::table_model::session_type used = table.open();
  used.eval(chain_block{text, 1});
  CHECK_THROWS_AS(chain_emulation_session<testing::table_model::session_type>{std::move(used)}, std::invalid_argument);
}

TEST_CASE("a session without rewind evaluates trees behind replaying_session") {
  testing::table_model table = whole_text_model(9);
  struct forward {
    testing::table_model::session_type inner;
    token_list saved{};
    std::size_t length() const { return inner.length(); }
    logits_view<float> eval(const chain_block& block) { return inner.eval(block); }
    token_list checkpoint() const { return {inner.tokens().begin(), inner.tokens().end()}; }
    void restore(const token_list& tokens) {
      inner.rewind(0);
      inner.eval(chain_block{tokens, 0});
    }
  };
  struct forward_model {
    testing::table_model* rows;
    std::size_t vocab_size() const { return rows->vocab_size(); }
    forward open() { return forward{rows->open()}; }
  };
  forward_model recurrent{&table};
  replaying_model chains{recurrent};
  chain_emulation trees{chains};
  const testing::check_report report = testing::check_model(trees);
  INFO(report.text());
  CHECK(report.passed());
}

TEST_CASE("a tree draft on models of chains gives the text of plain decoding") {
  testing::table_model table = whole_text_model(6);
  testing::table_model other{testing::random_table(6, 2, 4)};
  testing::chain_only big{table, 16};
  testing::chain_only small{table, 16};
  testing::chain_only wrong{other, 16};
  chain_emulation target{big};
  chain_emulation good{small};
  chain_emulation bad{wrong};
  const token_list prompt{1, 2, 3};
  for (const float temperature : {1.0F, 0.0F}) {
    const token_list expected = plain(table, prompt, budget(40), 3, temperature);
    for (auto* drafting : {&good, &bad}) {
      decoder d{speculative{target, drafters::sampled_tree{*drafting, {2, 2, 1}}, rules::match{},
                            transforms::temperature{temperature}},
                3};
      CHECK(decode(d, prompt, budget(40)) == expected);
      CHECK(d.stats().accepted > 0);
      CHECK((d.stats().corrected > 0 || drafting == &good));
    }
  }
}
