// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/model_slot.hpp>

#include <cstddef>
#include <vector>

#include <proviso/testing/table_model.hpp>

#include "support/catch.hpp"

using namespace proviso;

namespace {

std::vector<token_id> held(const model_slot& slot) { return {slot.tokens().begin(), slot.tokens().end()}; }
void feed(model_slot& slot, const std::vector<token_id>& tokens) { slot.prepare(chain_block{tokens, 1}); }

}  // namespace

TEST_CASE("a slot knows what its session holds and asks for nothing that was not changed") {
  testing::table_model model{testing::random_table(16, 1, 1)};
  model_slot slot{model};
  slot.number(3);
  CHECK(slot.model() == model_ref{model});
  CHECK(slot.capacity() == unlimited);

  const std::vector<token_id> text{1, 2, 3};
  request r = slot.prepare(chain_block{text, 2});
  CHECK(r.model == 3);
  CHECK(!r.gather);
  CHECK(r.length == unlimited);
  CHECK(r.block.nodes.tokens.data() == text.data());
  CHECK(held(slot) == text);

  slot.rewind(5);
  CHECK(!slot.pending());
  slot.rewind(1);
  CHECK(slot.pending());
  CHECK(slot.length() == 1);
  r = slot.prepare(chain_block{text, 1});
  CHECK(r.length == 1);
  CHECK(!slot.pending());
  CHECK(held(slot) == std::vector<token_id>{1, 1, 2, 3});
}

TEST_CASE("keep of a straight path is a rewind, of any other path a gather") {
  testing::table_model model{testing::random_table(16, 1, 1)};
  model_slot slot{model};
  feed(slot, {1, 2});
  const std::vector<token_id> tokens{5, 6, 7, 8, 9};
  const std::vector<node_id> parents{-1, 0, 0, 2, 1};

  slot.prepare(tree_block{tokens, parents, 5});
  slot.keep(std::vector<node_id>{0, 1});
  CHECK(held(slot) == std::vector<token_id>{1, 2, 5, 6});
  request r = slot.prepare(chain_block{});
  CHECK(!r.gather);
  CHECK(r.length == 4);

  slot.prepare(tree_block{tokens, parents, 5});
  slot.keep(std::vector<node_id>{0, 2, 3});
  CHECK(held(slot) == std::vector<token_id>{1, 2, 5, 6, 5, 7, 8});
  CHECK(slot.pending());
  const std::vector<token_id> next{4};
  r = slot.prepare(chain_block{next, 1});
  CHECK(r.gather);
  CHECK(std::vector<node_id>(r.path.begin(), r.path.end()) == std::vector<node_id>{0, 2, 3});
  CHECK(r.length == 7);
  CHECK(!slot.prepare(chain_block{next, 1}).gather);

  slot.keep(std::vector<node_id>{});
  CHECK(slot.length() == 8);
}

TEST_CASE("match keeps the common prefix when only a draft is taken back") {
  testing::table_model model{testing::random_table(16, 1, 1)};
  model_slot slot{model};
  std::vector<token_id> text{1, 2, 3, 4};
  CHECK(slot.match(text) == 0);
  feed(slot, text);
  feed(slot, {5, 6, 7});  // a draft
  text.insert(text.end(), {5, 9});
  CHECK(slot.match(text) == 5);
  CHECK(slot.prepare(chain_block{}).length == 5);

  // A new text that goes on from what is held.
  text.push_back(3);
  slot.distrust();
  CHECK(slot.match(text) == 5);
  CHECK(!slot.pending());
  feed(slot, {9, 3});

  SECTION("a new text that ends one token earlier is within the promise of rewind") {
    slot.distrust();
    CHECK(slot.match(std::span<const token_id>{text}.first(6)) == 6);
    CHECK(slot.prepare(chain_block{}).length == 6);
  }
  SECTION("a text that differs earlier restarts from nothing") {
    slot.distrust();
    text[3] = 8;
    CHECK(slot.match(text) == 0);
    CHECK(slot.prepare(chain_block{}).length == 0);
  }
  SECTION("without distrust the part that was matched is not compared again") { CHECK(slot.match(text) == 7); }
}

TEST_CASE("match never goes back further than the session can") {
  testing::table_model model{testing::random_table(16, 1, 1)};
  model_slot slot{model};
  slot.bounds(unlimited, 2);
  const std::vector<token_id> text{1, 2, 3};
  slot.match(text);
  feed(slot, text);
  SECTION("two tokens") {
    feed(slot, {4, 5});
    CHECK(slot.match(text) == 3);
  }
  SECTION("three tokens") {
    feed(slot, {4, 5, 6});
    CHECK(slot.match(text) == 0);
    CHECK(slot.length() == 0);
  }
}

TEST_CASE("a session that says how far it goes back is believed, to the token") {
  testing::table_model model{testing::random_table(16, 1, 1)};
  const std::vector<token_id> text{1, 2, 3, 4, 5, 6, 7};
  const std::vector<token_id> other{1, 2, 3, 9};  // four tokens back
  for (const std::size_t most : {std::size_t{3}, std::size_t{4}, unlimited}) {
    model_slot slot{model};
    slot.bounds(unlimited, most);
    slot.match(text);
    feed(slot, text);
    slot.distrust();
    CHECK(slot.match(other) == (most < 4 ? 0U : 3U));
  }
  model_slot silent{model};
  silent.bounds(unlimited, unlimited, false);
  silent.match(text);
  feed(silent, text);
  silent.distrust();
  CHECK(silent.match(other) == 0);
}

TEST_CASE("changes stay pending until they were carried out, and count as what the session holds") {
  testing::table_model model{testing::random_table(16, 1, 1)};
  model_slot slot{model};
  slot.bounds(unlimited, 4);
  const std::vector<token_id> text{1, 2, 3, 4, 5};
  feed(slot, text);
  feed(slot, {6, 7, 8});
  slot.rewind(5);
  CHECK(slot.trim().length == 5);
  CHECK(slot.pending());  // asking is not carrying out
  slot.distrust();
  SECTION("they go along with the next request") {
    CHECK(slot.match(text) == 5);
    CHECK(slot.prepare(chain_block{text, 1}).length == 5);
    CHECK(!slot.pending());
  }
  SECTION("within what the session can do") { CHECK(slot.match(std::span<const token_id>{text}.first(4)) == 4); }
  SECTION("and not beyond") { CHECK(slot.match(std::span<const token_id>{text}.first(3)) == 0); }
  SECTION("once carried out they are forgotten") {
    slot.trimmed();
    CHECK(!slot.pending());
    CHECK(slot.prepare(chain_block{text, 1}).length == unlimited);
  }
  SECTION("a session that promises nothing goes back no further") {
    slot.bounds(unlimited, unlimited, false);
    slot.distrust();
    CHECK(slot.match(std::span<const token_id>{text}.first(4)) == 0);
  }
}

TEST_CASE("at the end of a text a slot forgets what stands behind it, but not an older text") {
  testing::table_model model{testing::random_table(16, 1, 1)};
  model_slot slot{model};
  slot.bounds(unlimited, 3);
  const std::vector<token_id> text{1, 2, 3, 4, 5};
  slot.match(text);
  feed(slot, text);
  SECTION("as far as the session goes back") {
    slot.end_text(2);
    CHECK(slot.length() == 2);
    CHECK(slot.trim().length == 2);
  }
  SECTION("or to nothing") {
    slot.end_text(1);
    CHECK(slot.length() == 0);
  }
  SECTION("counted from what the session really holds") {
    slot.rewind(3);
    slot.end_text(1);
    CHECK(slot.length() == 0);
  }
  SECTION("of another text nothing is known") {
    slot.distrust();
    slot.end_text(2);
    CHECK(slot.length() == 5);
    CHECK(!slot.pending());
    slot.match(text);
    slot.end_text(2);
    CHECK(slot.length() == 2);
  }
  SECTION("a withdrawn request leaves nothing") {
    slot.lost() = true;
    slot.end_text(4);
    CHECK(slot.length() == 0);
    CHECK(slot.pending());
  }
}

TEST_CASE("what was rewound or gathered is compared again") {
  testing::table_model model{testing::random_table(16, 1, 1)};
  model_slot slot{model};
  const std::vector<token_id> text{1, 2, 3, 4};
  slot.match(text);
  feed(slot, text);
  slot.match(text);
  slot.rewind(3);
  feed(slot, {9});
  CHECK(slot.match(text) == 3);
}

TEST_CASE("what a gather left before its path is compared again, as far as it was not") {
  testing::table_model model{testing::random_table(16, 1, 1)};
  model_slot slot{model};
  const std::vector<token_id> text{1, 2};
  slot.match(text);
  feed(slot, text);
  slot.match(text);
  feed(slot, {8, 9});  // not of the text
  const std::vector<token_id> tokens{5, 6, 7};
  const std::vector<node_id> parents{-1, 0, 0};
  slot.prepare(tree_block{tokens, parents, 3});
  slot.keep(std::vector<node_id>{0, 2});
  CHECK(held(slot) == std::vector<token_id>{1, 2, 8, 9, 5, 7});
  CHECK(slot.match(std::vector<token_id>{1, 2, 3, 9, 5, 7}) <= 2);
}

TEST_CASE("restart and a withdrawn request forget everything") {
  testing::table_model model{testing::random_table(16, 1, 1)};
  model_slot slot{model};
  const std::vector<token_id> text{1, 2, 3};
  feed(slot, text);
  SECTION("restart") {
    slot.restart();
    CHECK(slot.length() == 0);
    CHECK(slot.prepare(chain_block{text, 1}).length == 0);
  }
  SECTION("withdrawn") {
    slot.lost() = true;
    CHECK(slot.match(text) == 0);
    CHECK(!slot.lost());
    CHECK(slot.prepare(chain_block{text, 1}).length == 0);
  }
}
