// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {

/// Tokens that continue the session one after another; logits are wanted for the last `want` of them.
///
/// Requirements: `want <= tokens.size()`; every token is inside the vocabulary.
struct chain_block {
  std::span<const token_id> tokens;
  std::size_t want = 1;
};

/// A tree of tokens. `parents[i] < i` is the node that token `i` follows, or `prefix_node`.
///
/// A node attends to the session's tokens, its ancestors and itself; its position is `length() + depth`, where a
/// child of `prefix_node` has depth 0. Empty `parents` means a chain: node `i` follows node `i - 1`.
struct tree_block {
  std::span<const token_id> tokens;
  std::span<const node_id> parents;
  std::size_t want = 1;

  constexpr tree_block() = default;
  constexpr tree_block(std::span<const token_id> block_tokens, std::span<const node_id> block_parents,
                       std::size_t wanted) noexcept
      : tokens{block_tokens}, parents{block_parents}, want{wanted} {}
  constexpr tree_block(chain_block chain) noexcept  // NOLINT(google-explicit-constructor): weaker converts
      : tokens{chain.tokens}, want{chain.want} {}

  constexpr bool is_chain() const noexcept { return parents.empty(); }
  constexpr node_id parent(std::size_t node) const noexcept {
    return parents.empty() ? static_cast<node_id>(node) - 1 : parents[node];
  }
};

/// A tree whose attention inside the block is given explicitly.
///
/// `visible` holds one bit per (row, column) pair of nodes, row-major, each row padded to whole 64-bit words:
/// bit `c % 64` of word `row * words_per_row() + c / 64` says that node `row` attends to node `c`. Empty `visible`
/// means: ancestors and the node itself. The session's own tokens are always visible; positions are depths.
///
/// `reuse` is a hint for canvases, exact to ignore: the last `reuse` nodes are what the session evaluated at their
/// places before it was rewound, and their rows are not read. A session may take what it computed then.
struct masked_block {
  tree_block nodes;
  std::span<const std::uint64_t> visible;
  std::size_t reuse = 0;

  constexpr masked_block() = default;
  constexpr masked_block(tree_block tree, std::span<const std::uint64_t> bits = {}) noexcept  // NOLINT
      : nodes{tree}, visible{bits} {}
  constexpr masked_block(chain_block chain) noexcept : nodes{chain} {}  // NOLINT: weaker blocks convert

  constexpr std::size_t size() const noexcept { return nodes.tokens.size(); }
  constexpr std::size_t words_per_row() const noexcept { return (size() + 63) / 64; }
  constexpr bool sees(std::size_t row, std::size_t column) const noexcept {
    return ((visible[row * words_per_row() + column / 64] >> (column % 64)) & 1U) != 0;
  }
};

}  // namespace v0
}  // namespace proviso
