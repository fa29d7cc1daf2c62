// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/block.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"

using namespace proviso;

TEST_CASE("weaker blocks convert to stronger ones, never back") {
  STATIC_REQUIRE(std::is_convertible_v<chain_block, tree_block>);
  STATIC_REQUIRE(std::is_convertible_v<chain_block, masked_block>);
  STATIC_REQUIRE(std::is_convertible_v<tree_block, masked_block>);
  STATIC_REQUIRE(!std::is_convertible_v<tree_block, chain_block>);
  STATIC_REQUIRE(!std::is_convertible_v<masked_block, tree_block>);

  const std::vector<token_id> tokens{4, 5, 6};
  const tree_block chain = chain_block{tokens, 2};
  CHECK(chain.is_chain());
  CHECK(chain.want == 2);
  CHECK(chain.parent(0) == prefix_node);
  CHECK(chain.parent(2) == 1);
  const masked_block masked = chain_block{tokens, 2};
  CHECK(masked.size() == 3);
  CHECK(masked.visible.empty());
  CHECK(masked.nodes.want == 2);
}

TEST_CASE("a tree names its parents") {
  const std::vector<token_id> tokens{4, 5, 6};
  const std::vector<node_id> parents{-1, 0, 0};
  const tree_block tree{tokens, parents, 3};
  CHECK(!tree.is_chain());
  CHECK(tree.parent(2) == 0);
  const tree_block none;
  CHECK(none.tokens.empty());
}

TEST_CASE("visibility is one bit per pair, rows padded to words") {
  const std::vector<token_id> tokens(70, 1);
  std::vector<std::uint64_t> bits(140, 0);
  bits[2 * 69 + 1] = std::uint64_t{1} << 5U;  // row 69, column 69
  bits[2 * 3] = std::uint64_t{1} << 63U;      // row 3, column 63
  const masked_block block{tree_block{tokens, {}, 1}, bits};
  CHECK(block.words_per_row() == 2);
  CHECK(block.sees(69, 69));
  CHECK(block.sees(3, 63));
  CHECK(!block.sees(3, 62));
  CHECK(!block.sees(69, 5));
}
