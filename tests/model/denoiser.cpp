// SPDX-License-Identifier: Apache-2.0
#include <proviso/model/denoiser.hpp>

#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include <proviso/model/any_model.hpp>
#include <proviso/testing/table_denoiser.hpp>

#include "support/catch.hpp"

using namespace proviso;

static_assert(denoiser<testing::markov_denoiser>);
static_assert(masked_model<canvas_model<testing::markov_denoiser>>);
static_assert(!caching_denoiser<testing::markov_denoiser>);

namespace {

struct short_rows {
  std::vector<float> rows = std::vector<float>(4);
  std::size_t vocab_size() const { return 4; }
  token_id mask_token() const { return 3; }
  std::size_t capacity() const { return 20; }
  logits_view<float> score(std::span<const token_id>, std::span<const token_id>) { return {rows.data(), 1, 4}; }
};

void same_row(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == b[i]);
}

}  // namespace

TEST_CASE("a session scores everything held and the block as one sequence") {
  testing::markov_denoiser net{testing::random_table(3, 1, 2)};
  testing::markov_denoiser other{testing::random_table(3, 1, 2)};
  canvas_model model{net};
  CHECK(model.vocab_size() == 4);
  CHECK(model.mask_token() == 3);
  auto session = model.open();
  const std::vector<token_id> text{1, 2};
  const std::vector<token_id> canvas{3, 0, 3};
  CHECK(session.eval(chain_block{text, 0}).rows() == 0);
  CHECK(net.calls() == 0);  // tokens only
  const auto rows = session.eval(chain_block{canvas, 3});
  CHECK(net.calls() == 1);
  const auto expected = other.score(text, canvas);
  same_row(rows.row(0), expected.row(0));
  same_row(rows.row(2), expected.row(2));
  CHECK(session.length() == 5);
  session.rewind(2);
  const auto last = session.eval(chain_block{canvas, 1});
  CHECK(last.rows() == 1);
}

TEST_CASE("rows of one session outlive calls of another") {
  testing::markov_denoiser net{testing::random_table(3, 1, 2)};
  canvas_model model{net};
  auto a = model.open();
  auto b = model.open();
  const std::vector<token_id> canvas{3, 3};
  const auto rows = a.eval(chain_block{canvas, 2});
  const std::vector<float> before{rows.row(1).begin(), rows.row(1).end()};
  b.eval(chain_block{std::vector<token_id>{0, 3, 3}, 3});
  same_row(rows.row(1), before);
}

TEST_CASE("a node that stands in for a token is scored without it") {
  testing::markov_denoiser net{testing::random_table(3, 1, 2)};
  canvas_model model{net};
  auto session = model.open();
  // Text 1; canvas 0 2 m; node 4 is a mask in the place of node 2.
  const std::vector<token_id> tokens{1, 0, 2, 3, 3};
  const std::vector<node_id> parents{-1, 0, 1, 2, 1};
  std::vector<std::uint64_t> visible{0b01111, 0b01111, 0b01111, 0b01111, 0b11011};
  const auto rows = session.eval(masked_block{tree_block{tokens, parents, 4}, visible});
  REQUIRE(rows.rows() == 4);
  testing::markov_denoiser other{testing::random_table(3, 1, 2)};
  const auto plain = other.score(std::vector<token_id>{1}, std::vector<token_id>{0, 2, 3});
  same_row(rows.row(2), plain.row(2));
  const auto without = other.score(std::vector<token_id>{1}, std::vector<token_id>{0, 3, 3});
  same_row(rows.row(3), without.row(1));
  session.keep(std::vector<node_id>{0, 1});
  CHECK(session.length() == 2);
  REQUIRE_THROWS_AS(session.keep(std::vector<node_id>{1}), std::invalid_argument);
  session.rewind(0);
  visible[4] = 0b11111;  // two nodes of one depth
  REQUIRE_THROWS_AS(session.eval(masked_block{tree_block{tokens, parents, 1}, visible}), std::invalid_argument);
}

TEST_CASE("rows of another shape are refused; the capacity passes through") {
  short_rows net;
  canvas_model model{net};
  CHECK(any_session{model.open()}.capacity() == 20);
  auto session = model.open();
  REQUIRE_THROWS_AS(session.eval(chain_block{std::vector<token_id>{3, 3}, 2}), std::logic_error);
}
