// SPDX-License-Identifier: Apache-2.0
#include <proviso/model/any_model.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include <proviso/testing/archetypes.hpp>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;

namespace {

const token_list three_tokens{1, 2, 3};
const std::vector<node_id> two_children{-1, 0, 0};
const std::vector<std::uint64_t> bits{1, 3, 5};

std::vector<float> row_of(const logits_rows& rows, std::size_t i) {
  std::vector<float> scratch(rows.cols());
  const std::span<const float> row = rows.row(i, scratch);
  return {row.begin(), row.end()};
}

}  // namespace

TEST_CASE("any_session forwards to the session and says what it cannot do") {
  testing::table_model rows = whole_text_model(8);
  testing::chain_only chain{rows, 4};
  testing::tree_only tree{rows};

  any_session s{rows.open()};
  CHECK(s.capacity() == unlimited);
  CHECK(s.max_rewind() == unlimited);
  const std::vector<float> expected = row_of(s.eval(chain_block{three_tokens, 1}), 0);
  CHECK(s.length() == 3);
  CHECK(static_cast<testing::table_model::session_type*>(s.get())->length() == 3);
  s.rewind(0);
  CHECK(s.eval(masked_block{tree_block{three_tokens, two_children, 3}, bits}).rows() == 3);
  s.keep(std::vector<node_id>{0, 2});
  CHECK(s.length() == 2);

  any_session c{chain.open()};
  CHECK(row_of(c.eval(chain_block{three_tokens, 1}), 0) == expected);
  CHECK_THROWS_AS(c.eval(tree_block{three_tokens, two_children, 1}), std::invalid_argument);
  CHECK_THROWS_AS(c.eval(masked_block{tree_block{three_tokens, {}, 1}, bits}), std::invalid_argument);
  CHECK_THROWS_AS(c.keep(std::vector<node_id>{0}), std::invalid_argument);
  CHECK(c.length() == 3);

  any_session t{tree.open()};
  CHECK(t.eval(tree_block{three_tokens, two_children, 3}).rows() == 3);
  CHECK_THROWS_AS(t.eval(masked_block{tree_block{three_tokens, two_children, 1}, bits}), std::invalid_argument);

  testing::tiny_capacity tiny{rows, 7};
  testing::short_horizon near{rows, 2};
  CHECK(any_session{tiny.open()}.capacity() == 7);
  CHECK(any_session{near.open()}.max_rewind() == 2);
  CHECK(any_session{near.open()}.says_max_rewind());
  testing::chain_only silent{rows, 2};
  CHECK(!any_session{silent.open()}.says_max_rewind());
}

TEST_CASE("any_session owns its session") {
  testing::table_model rows = whole_text_model(8);
  {
    any_session a{rows.open()};
    any_session b{rows.open()};
    CHECK(rows.counts().open == 2);
    b.eval(chain_block{three_tokens, 1});
    a = std::move(b);
    CHECK(a.length() == 3);
    const any_session c{std::move(a)};
    CHECK(c.length() == 3);
    const any_session nothing;
    CHECK(nothing.get() == nullptr);
  }
  CHECK(rows.counts().open == 0);
}

TEST_CASE("model references are equal when they are the same model") {
  testing::table_model a = whole_text_model(8);
  testing::table_model b = whole_text_model(9);
  CHECK(model_ref{a} == model_ref{a});
  CHECK(!(model_ref{a} == model_ref{b}));
  CHECK(model_ref{b}.vocab_size() == 9);
  // Another type at the same address is another model.
  struct outer {
    testing::table_model inner;
    std::size_t vocab_size() const { return inner.vocab_size(); }
    auto open() { return inner.open(); }
  } nested{whole_text_model(7)};
  CHECK(static_cast<void*>(&nested) == static_cast<void*>(&nested.inner));
  CHECK(!(model_ref{nested} == model_ref{nested.inner}));
}

TEST_CASE("a batch is one call where the model offers it, else one per session") {
  testing::table_model rows = whole_text_model(8);
  testing::chain_only chain{rows, 4};
  for (const bool batched : {true, false}) {
    const model_ref model = batched ? model_ref{rows} : model_ref{chain};
    model_batch batch{model};
    any_session a = model.open();
    any_session b = model.open();
    const std::span<const token_id> first_two = std::span<const token_id>{three_tokens}.first(2);
    any_batch_item items[] = {{&a, chain_block{three_tokens, 1}}, {&b, chain_block{first_two, 2}}};
    rows.reset_counts();
    batch.eval(items);
    CHECK(rows.counts().calls == (batched ? 1U : 2U));
    CHECK(rows.counts().blocks == 2);
    CHECK(items[0].rows.rows() == 1);
    CHECK(items[1].rows.rows() == 2);
    any_session alone = model.open();
    CHECK(row_of(items[1].rows, 1) == row_of(alone.eval(chain_block{first_two, 1}), 0));
    CHECK(batch.model() == model);
    model_batch moved = std::move(batch);
    any_batch_item one{&a, chain_block{three_tokens, 1}};
    moved.eval({&one, 1});
    CHECK(a.length() == 6);
  }
}
