// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <proviso/core/block.hpp>
#include <proviso/core/types.hpp>
#include <proviso/model/any_model.hpp>
#include <proviso/testing/model_checker.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {
namespace detail {

/// The checks of `check_model` on what a model may offer beyond chains: trees and the path kept of them, masks, and
/// one call on many sessions.
class block_checks {
 public:
  block_checks(model_checker& c, bool trees, bool masks, bool batches)
      : c_{c}, trees_{trees}, masks_{masks}, batches_{batches} {}

  void operator()() {
    if (trees_) {
      c_.run("tree", [&] { tree(); });
      c_.run("keep", [&] { keep(); });
    } else {
      c_.skip("tree", "the session has no eval(tree_block) with keep(path)");
      c_.skip("keep", "the session has no eval(tree_block) with keep(path)");
    }
    if (masks_) {
      c_.run("mask", [&] { mask(); });
    } else {
      c_.skip("mask", "the session has no eval(masked_block)");
    }
    if (batches_) {
      c_.run("batch", [&] { batch(); });
    } else {
      c_.skip("batch", "the model has no eval(std::span<batch_item>)");
    }
  }

 private:
  struct shape {
    std::vector<node_id> parents;
    std::vector<node_id> path;  // something to keep
  };
  static std::vector<shape> shapes() {
    return {{{-1, 0, 0, 1, 2, 2, 1}, {0, 2, 5}}, {{-1, 0, 1, 0, 3, 4}, {0, 3, 4, 5}}, {{-1, -1, 0, 1, 1}, {1, 4}}};
  }
  /// The text of node `n`: `prefix`, its ancestors, itself.
  static std::vector<token_id> path_text(std::span<const token_id> prefix, std::span<const token_id> tokens,
                                         const shape& tree, node_id n) {
    std::vector<token_id> up;
    for (; n != prefix_node; n = tree.parents[static_cast<std::size_t>(n)])
      up.push_back(tokens[static_cast<std::size_t>(n)]);
    std::vector<token_id> all(prefix.begin(), prefix.end());
    all.insert(all.end(), up.rbegin(), up.rend());
    return all;
  }

  void tree() {
    std::uint32_t lane = 10;
    for (const shape& tree : shapes()) {
      const std::size_t size = tree.parents.size();
      const std::vector<token_id> tokens = c_.random_tokens(size, ++lane);
      for (const std::size_t held : {std::size_t{0}, c_.text().size() / 2}) {
        for (const std::size_t w : {size, std::size_t{3}}) {
          any_session s = c_.open();
          if (held > 0) c_.eval(s, chain_block{c_.part(0, held), 0});
          const model_checker::matrix got = c_.eval(s, tree_block{tokens, tree.parents, w});
          for (std::size_t r = 0; r < w; ++r) {
            const std::size_t node = size - w + r;
            const std::vector<token_id> along = path_text(c_.part(0, held), tokens, tree, static_cast<node_id>(node));
            c_.same(c_.reference(along), along.size() - 1, got, r, 1,
                    "tree " + std::to_string(lane - 10) + " on " + std::to_string(held) + " tokens, node " +
                        std::to_string(node));
          }
        }
      }
    }
  }

  void keep() {
    std::uint32_t lane = 20;
    for (const shape& tree : shapes()) {
      const std::size_t size = tree.parents.size();
      const std::size_t held = c_.text().size() / 2;
      any_session s = c_.open();
      c_.eval(s, chain_block{c_.part(0, held), 0});
      std::vector<token_id> now(c_.text().begin(), c_.text().begin() + static_cast<std::ptrdiff_t>(held));
      for (int twice = 0; twice < 2; ++twice) {
        if (c_.capacity() != unlimited && c_.capacity() < now.size() + size + 2) break;
        const std::vector<token_id> tokens = c_.random_tokens(size, ++lane);
        c_.eval(s, tree_block{tokens, tree.parents, size});
        s.keep(tree.path);
        for (const node_id n : tree.path) now.push_back(tokens[static_cast<std::size_t>(n)]);
        c_.require(s.length() == now.size(), "length() is " + std::to_string(s.length()) +
                                                 " after keep(path), expected " + std::to_string(now.size()));
        const std::vector<token_id> next = c_.random_tokens(2, ++lane);
        now.insert(now.end(), next.begin(), next.end());
        const model_checker::matrix got = c_.eval(s, chain_block{next, 2});
        c_.same(c_.reference(now), now.size() - 2, got, 0, 2,
                "after keep(path) in tree " + std::to_string(lane / 4 - 4));
      }
      if (c_.longest_rewind() < size - 1) continue;
      // A path that is a prefix of the block is kept by a rewind.
      const std::vector<token_id> tokens = c_.random_tokens(size, ++lane);
      any_session t = c_.open();
      c_.eval(t, chain_block{c_.part(0, held), 0});
      c_.eval(t, tree_block{tokens, tree.parents, size});
      t.rewind(held + 1);
      now.assign(c_.text().begin(), c_.text().begin() + static_cast<std::ptrdiff_t>(held));
      now.push_back(tokens[0]);
      now.push_back(tokens[1]);
      const model_checker::matrix got = c_.eval(t, chain_block{std::span<const token_id>{tokens}.subspan(1, 1), 1});
      c_.same(c_.reference(now), now.size() - 1, got, 0, 1, "after a tree of which only the root stayed");
    }
  }

  void mask() {
    std::uint32_t lane = 40;
    for (const shape& tree : shapes()) {
      const std::size_t size = tree.parents.size();
      std::vector<token_id> tokens = c_.random_tokens(size, ++lane);
      std::vector<std::uint64_t> visible(size, 0);  // one word per row: size <= 64
      for (std::size_t i = 0; i < size; ++i) {
        const node_id parent = tree.parents[i];
        visible[i] = std::uint64_t{1} << i;
        if (parent != prefix_node) visible[i] |= visible[static_cast<std::size_t>(parent)];
      }
      const std::size_t held = c_.text().size() / 2;
      const auto rows_of = [&](std::span<const std::uint64_t> bits) {
        any_session s = c_.open();
        c_.eval(s, chain_block{c_.part(0, held), 0});
        return c_.eval(s, masked_block{tree_block{tokens, tree.parents, size}, bits});
      };
      c_.same(rows_of({}), 0, rows_of(visible), 0, size, "the ancestors as an explicit mask");
      // What a node does not see does not matter: hide all others from the last node (through one that it sees, it
      // could still learn of the rest), then change node 0.
      visible[size - 1] = std::uint64_t{1} << (size - 1);
      const model_checker::matrix before = rows_of(visible);
      const token_id first = tokens[0];
      for (std::uint32_t i = 0; i < 64 && tokens[0] == first; ++i) tokens[0] = c_.random_tokens(1, 100 + i)[0];
      c_.same(before, size - 1, rows_of(visible), size - 1, 1,
              "a node's row after a change of a node that it does not see");
    }
  }

  void batch() {
    constexpr std::size_t count = 4;
    std::vector<any_session> alone;
    std::vector<any_session> together;
    for (std::size_t i = 0; i < count; ++i) {
      alone.push_back(c_.open());
      together.push_back(c_.open());
    }
    model_batch all{c_.model()};
    const shape tree = shapes()[0];
    for (std::size_t tick = 0; tick < 4; ++tick) {
      std::vector<std::vector<token_id>> tokens;
      std::vector<any_batch_item> items;
      std::vector<std::size_t> who;
      for (std::size_t k = 0; k < count; ++k) {
        const std::size_t i = tick % 2 == 0 ? k : count - 1 - k;
        if (tick == 2 && i == 1) continue;  // a session may sit out
        const bool branch = trees_ && tick == 3 && i % 2 == 1;
        tokens.push_back(c_.random_tokens(branch ? tree.parents.size() : (tick == 0 ? 4 + i : 1 + (i + tick) % 3),
                                          static_cast<std::uint32_t>(200 + tick * count + i)));
        who.push_back(i);
      }
      for (std::size_t k = 0; k < who.size(); ++k) {
        const bool branch = trees_ && tick == 3 && who[k] % 2 == 1;
        const std::size_t w = tick == 0 && who[k] == 3 ? 0 : tokens[k].size();
        const masked_block block =
            branch ? masked_block{tree_block{tokens[k], tree.parents, w}} : masked_block{chain_block{tokens[k], w}};
        items.push_back({&together[who[k]], block});
      }
      std::vector<std::size_t> before;
      for (const std::size_t i : who) before.push_back(together[i].length());
      all.eval(items);
      for (std::size_t k = 0; k < who.size(); ++k) {
        const model_checker::matrix got = c_.taken(items[k].rows, items[k].block, before[k], together[who[k]].length());
        const model_checker::matrix expected = c_.eval(alone[who[k]], items[k].block);
        c_.same(expected, 0, got, 0, expected.rows,
                "call " + std::to_string(tick) + ", session " + std::to_string(who[k]) + " of the batch");
      }
    }
  }

  model_checker& c_;
  bool trees_;
  bool masks_;
  bool batches_;
};

}  // namespace detail
}  // namespace testing
}  // namespace v0
}  // namespace proviso
