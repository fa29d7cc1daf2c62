// SPDX-License-Identifier: Apache-2.0
#include <proviso/drive/answer.hpp>

#include <vector>

#include <proviso/testing/archetypes.hpp>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;

TEST_CASE("an answer keeps, rewinds, then evaluates") {
  testing::table_model model = whole_text_model(8);
  model_slot slot{model};
  any_session s = open_session(slot);
  const token_list tokens{1, 2, 3, 4};
  const std::vector<node_id> parents{-1, 0, 0, 2};
  const std::vector<node_id> path{0, 2, 3};

  CHECK(answer(s, slot.prepare(tree_block{tokens, parents, 4})).rows() == 4);
  slot.keep(path);
  slot.rewind(2);
  const token_list next{5};
  const logits_rows rows = answer(s, slot.prepare(chain_block{next, 1}));
  REQUIRE(rows.rows() == 1);
  CHECK(s.length() == 3);
  testing::table_model::session_type fresh = model.open();
  const token_list text{1, 3, 5};
  const auto expected = fresh.eval(chain_block{text, 1});
  for (std::size_t i = 0; i < 8; ++i) CHECK(rows.row(0, {})[i] == expected.row(0)[i]);

  model.reset_counts();
  slot.rewind(1);
  CHECK(answer(s, slot.prepare({})).rows() == 0);
  CHECK(s.length() == 1);
  CHECK(model.counts().calls == 0);
}

TEST_CASE("an opened session tells the slot its bounds, and that it is empty") {
  testing::table_model rows = whole_text_model(8);
  testing::tiny_capacity tiny{rows, 7};
  testing::short_horizon near{rows, 2};
  model_slot a{tiny};
  model_slot b{near};
  const token_list tokens{1, 2};
  a.prepare(chain_block{tokens, 1});
  const any_session s = open_session(a);
  const any_session t = open_session(b);
  CHECK(a.capacity() == 7);
  CHECK(a.max_rewind() == unlimited);
  CHECK(a.length() == 0);
  CHECK(b.max_rewind() == 2);
}
