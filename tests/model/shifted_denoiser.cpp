// SPDX-License-Identifier: Apache-2.0
#include <proviso/model/shifted_denoiser.hpp>

#include <stdexcept>
#include <vector>

#include <proviso/testing/table_denoiser.hpp>

#include "support/catch.hpp"

using namespace proviso;

namespace {

/// Row i of the whole sequence holds i, so that rows can be told apart.
struct numbered {
  std::vector<float> rows;
  std::vector<token_id> text, masks;  // asked for last
  std::size_t vocab_size() const { return 3; }
  token_id mask_token() const { return 2; }
  logits_view<float> score(std::span<const token_id> prefix, std::span<const token_id> canvas) {
    text.assign(prefix.begin(), prefix.end());
    masks.assign(canvas.begin(), canvas.end());
    rows.clear();
    for (std::size_t i = 0; i < canvas.size(); ++i) rows.resize(rows.size() + 3, static_cast<float>(prefix.size() + i));
    return {rows.data(), canvas.size(), 3};
  }
};

}  // namespace

static_assert(denoiser<shifted_denoiser<numbered>>);
static_assert(!bounded_denoiser<shifted_denoiser<numbered>>);

TEST_CASE("the row of a position is that of the token before it") {
  numbered net;
  shifted_denoiser shifted{net};
  CHECK(shifted.mask_token() == 2);
  const auto rows = shifted.score(std::vector<token_id>{0, 1}, std::vector<token_id>{2, 0, 2});
  REQUIRE(rows.rows() == 3);
  CHECK(rows.row(0)[0] == 1.0F);
  CHECK(rows.row(2)[0] == 3.0F);
  CHECK(net.text == std::vector<token_id>{0});
  CHECK(net.masks == std::vector<token_id>{1, 2, 0, 2});
  REQUIRE_THROWS_AS(shifted.score({}, std::vector<token_id>{2}), std::invalid_argument);
}
