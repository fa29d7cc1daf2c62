// SPDX-License-Identifier: Apache-2.0
#include <proviso/testing/archetypes.hpp>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;

namespace {
const token_list six_tokens{1, 2, 3, 4, 5, 6};
}

TEST_CASE("chain_only goes back a draft and a token, or to the start") {
  testing::table_model rows = whole_text_model(8);
  testing::chain_only model{rows, 2};
  testing::chain_only::session_type s = model.open();
  s.eval(chain_block{six_tokens, 1});
  CHECK_THROWS_AS(s.rewind(2), std::logic_error);
  s.rewind(3);
  CHECK(s.length() == 3);
  s.rewind(0);
  CHECK(s.length() == 0);
}

TEST_CASE("nan_padded surrounds its rows with NaN") {
  testing::table_model rows = whole_text_model(8);
  testing::nan_padded model{rows};
  testing::nan_padded::session_type s = model.open();
  const logits_view<float> view = s.eval(chain_block{six_tokens, 2});
  testing::table_model::session_type plain_session = rows.open();
  const logits_view<float> expected = plain_session.eval(chain_block{six_tokens, 2});
  for (std::size_t r = 0; r < 2; ++r) {
    for (std::size_t c = 0; c < 8; ++c) CHECK(view.row(r)[c] == expected.row(r)[c]);
    CHECK(std::isnan(view.data()[r * view.stride() + 8]));
    CHECK(std::isnan(view.data()[(2 + r) * view.stride()]));
  }
  CHECK(std::isnan(*(view.data() - 1)));
  CHECK(std::isnan(*(view.data() - view.stride())));
}

TEST_CASE("stale_logits overwrites the view that it gave out before") {
  testing::table_model rows = whole_text_model(8);
  testing::stale_logits model{rows};
  testing::stale_logits::session_type s = model.open();
  const logits_view<float> first = s.eval(chain_block{six_tokens, 1});
  CHECK(!std::isnan(first.row(0)[0]));
  const logits_view<float> second = s.eval(chain_block{six_tokens, 1});
  CHECK(std::isnan(first.row(0)[0]));
  CHECK(!std::isnan(second.row(0)[0]));
  s.rewind(3);
  CHECK(std::isnan(second.row(0)[7]));
}

TEST_CASE("throws_on throws once and leaves the session as it was") {
  testing::table_model rows = whole_text_model(8);
  testing::throws_on model{rows, 2};
  testing::throws_on::session_type s = model.open();
  s.eval(chain_block{six_tokens, 1});
  CHECK_THROWS_AS(s.eval(chain_block{six_tokens, 1}), testing::evaluation_failed);
  CHECK(s.length() == 6);
  s.eval(chain_block{six_tokens, 1});
  CHECK(s.length() == 12);
  CHECK(model.made() == 3);
}

TEST_CASE("tiny_capacity and short_horizon refuse what they do not promise") {
  testing::table_model rows = whole_text_model(8);
  testing::tiny_capacity tiny{rows, 7};
  testing::tiny_capacity::session_type s = tiny.open();
  s.eval(chain_block{six_tokens, 1});
  CHECK_THROWS_AS(s.eval(chain_block{six_tokens, 1}), std::length_error);
  s.eval(chain_block{std::span<const token_id>{six_tokens}.first(1), 1});
  CHECK(s.length() == s.capacity());

  testing::short_horizon near{rows, 2};
  testing::short_horizon::session_type t = near.open();
  t.eval(chain_block{six_tokens, 1});
  CHECK_THROWS_AS(t.rewind(3), std::logic_error);
  t.rewind(4);
  t.rewind(0);
}

TEST_CASE("a half is a float cut to two bytes") {
  CHECK(sizeof(testing::half) == 2);
  CHECK(static_cast<float>(testing::half{1.5F}) == 1.5F);
  CHECK(static_cast<float>(testing::half{-0.0078125F}) == -0.0078125F);
  CHECK(static_cast<float>(testing::half{1.001F}) == 1.0F);
  testing::table_model rows = whole_text_model(8);
  testing::half_rows model{rows};
  testing::half_rows::session_type s = model.open();
  testing::table_model::session_type t = rows.open();
  const auto cut = s.eval(chain_block{six_tokens, 1});
  const auto whole = t.eval(chain_block{six_tokens, 1});
  for (std::size_t i = 0; i < 8; ++i) CHECK(std::abs(static_cast<float>(cut.row(0)[i]) - whole.row(0)[i]) < 0.02F);
}
