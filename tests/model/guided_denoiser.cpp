// SPDX-License-Identifier: Apache-2.0
#include <proviso/model/guided_denoiser.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace proviso;

namespace {

using support::never;

/// Other logits when the prefix is masked.
template <class T>
struct two_faced {
  std::vector<T> rows;
  std::size_t calls = 0;
  std::size_t vocab_size() const { return 4; }
  token_id mask_token() const { return 3; }
  logits_view<T> score(std::span<const token_id> prefix, std::span<const token_id> canvas) {
    ++calls;
    bool blind = true;
    for (const token_id t : prefix) blind = blind && t == 3;
    rows.clear();
    for (std::size_t i = 0; i < canvas.size(); ++i) {
      const std::vector<T> row = blind ? std::vector<T>{0, 1, never, 0} : std::vector<T>{2, never, 1, 0};
      rows.insert(rows.end(), row.begin(), row.end());
    }
    return {rows.data(), canvas.size(), 4};
  }
};

}  // namespace

static_assert(denoiser<guided_denoiser<two_faced<float>>>);

TEST_CASE("guidance moves the logits away from those without the prefix") {
  two_faced<float> net;
  guided_denoiser guided{net, 1.5F};
  const auto rows = guided.score(std::vector<token_id>{0, 1}, std::vector<token_id>{3, 3});
  CHECK(net.calls == 2);
  REQUIRE(rows.rows() == 2);
  CHECK(rows.row(1)[0] == 5.0F);   // 0 + 2.5 (2 - 0)
  CHECK(rows.row(1)[1] == never);  // impossible with the prefix
  CHECK(rows.row(1)[2] == 1.0F);   // impossible without it
}

TEST_CASE("guidance of scale 0, and without a prefix, is the model") {
  two_faced<float> net;
  guided_denoiser none{net, 0.0F};
  CHECK(none.score(std::vector<token_id>{0}, std::vector<token_id>{3}).row(0)[0] == 2.0F);
  guided_denoiser guided{net, 2.0F};
  CHECK(guided.score({}, std::vector<token_id>{3}).row(0)[1] == 1.0F);
  CHECK(net.calls == 2);
  REQUIRE_THROWS_AS(guided_denoiser(net, -1.0F), std::invalid_argument);
  REQUIRE_THROWS_AS(guided_denoiser(net, std::numeric_limits<float>::infinity()), std::invalid_argument);
}

TEST_CASE("guidance reads rows of any scalar") {
  two_faced<double> net;
  guided_denoiser guided{net, 1.5F};
  const auto rows = guided.score(std::vector<token_id>{0, 1}, std::vector<token_id>{3, 3});
  CHECK(rows.row(1)[0] == 5.0F);
  CHECK(rows.row(1)[2] == 1.0F);
}
