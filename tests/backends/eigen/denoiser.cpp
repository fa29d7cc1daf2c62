// SPDX-License-Identifier: Apache-2.0
#include <proviso/backends/eigen/denoiser.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <proviso/model/concepts.hpp>
#include <proviso/model/denoiser.hpp>

#include "random_model.hpp"
#include "support/catch.hpp"

using namespace proviso;

static_assert(denoiser<eigen::denoiser>);
static_assert(caching_denoiser<eigen::denoiser>);
static_assert(masked_session<eigen::canvas_session>);

TEST_CASE("rows of the denoiser agree with the reference model") {
  const std::string folder = "tests/data/models/";
  std::ifstream file(folder + "bidirectional-i8.json");
  const nlohmann::json reference = nlohmann::json::parse(file);
  eigen::denoiser model{folder + "bidirectional-i8.safetensors"};
  CHECK(model.mask_token() == 3);
  CHECK(model.end_token() == token_id{2});
  CHECK(model.vocab_size() == 64);
  for (const auto& c : reference["cases"]) {
    const std::vector<token_id> prefix = c["prefix"];
    const std::vector<token_id> canvas = c["tokens"];
    const std::vector<std::vector<float>> expected = c["logits"];
    REQUIRE(prefix.empty());  // the reference's prefix would be causal
    const auto check = [&](const logits_view<float>& got, std::size_t skipped) {
      REQUIRE(got.rows() == canvas.size() - skipped);
      for (std::size_t i = 0; i < got.rows(); ++i) {
        for (std::size_t j = 0; j < got.cols(); ++j) {
          const float other = expected[i + skipped][j];
          CHECK(std::fabs(got.row(i)[j] - other) < 4e-4F * (1.0F + std::fabs(other)));
        }
      }
    };
    check(model.score({}, canvas), 0);
    // The same tokens, some of them as the prefix.
    const std::size_t half = canvas.size() / 2;
    check(model.score(std::span{canvas}.first(half), std::span{canvas}.subspan(half)), half);
  }
}

TEST_CASE("a long canvas, threads and earlier calls change nothing") {
  auto config = random_model::odd_shape();
  config.bidirectional = true;
  const random_model::temporary_file file("denoiser.safetensors", random_model::content(config, true));
  std::vector<token_id> canvas(200);
  for (std::size_t i = 0; i < canvas.size(); ++i) canvas[i] = static_cast<token_id>(i * 7 % 99);
  eigen::transformer_options two;
  two.threads = 2;
  two.share_above = 0;
  eigen::denoiser a{file.path()};
  eigen::denoiser b{file.path(), two};
  b.score(std::span{canvas}.first(9), std::span{canvas}.first(40));
  const auto first = a.score({}, canvas);
  const auto second = b.score(std::span{canvas}.first(100), std::span{canvas}.subspan(100));
  for (std::size_t i = 0; i < second.rows(); ++i) {
    CHECK(std::equal(second.row(i).begin(), second.row(i).end(), first.row(i + 100).begin()));
  }
}

TEST_CASE("canvas sessions give the rows of score, and keep what they hold") {
  auto config = random_model::odd_shape();
  config.bidirectional = true;
  const random_model::temporary_file file("canvas.safetensors", random_model::content(config, true));
  eigen::denoiser model{file.path()};
  std::vector<token_id> all(150);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<token_id>(i * 7 % 99);
  const auto tail = [&](std::size_t from) { return std::span<const token_id>{all}.subspan(from); };
  const auto expect = [](std::span<const float> got, std::span<const float> row) {
    REQUIRE(got.size() == row.size());
    CHECK(std::equal(got.begin(), got.end(), row.begin()));
  };
  auto session = model.open_canvas();
  CHECK(session.capacity() == model.capacity());
  CHECK(session.eval(chain_block{all, 150}).rows() == 150);
  CHECK(session.length() == 150);

  // Nothing has changed: what is computed again is what it was, after a rewind and with the end reused.
  for (const std::size_t reuse : {0U, 60U}) {
    session.rewind(70);
    masked_block window{chain_block{tail(70), 80}};
    window.reuse = reuse;
    const auto rows = session.eval(window);
    const auto whole = model.score({}, all);
    for (std::size_t i = 0; i < 80 - reuse; ++i) expect(rows.row(i), whole.row(70 + i));
  }
  // A change in the window: with the end reused, its rows are those of an end that has not seen the change.
  all[75] = 1;
  session.rewind(70);
  masked_block window{chain_block{tail(70), 80}};
  window.reuse = 60;
  const std::vector<float> stale = [&] {
    const auto rows = session.eval(window);
    return std::vector<float>(rows.row(3).begin(), rows.row(3).end());
  }();
  session.rewind(70);
  const auto fresh = session.eval(chain_block{tail(70), 80});
  float apart = 0.0F;
  for (std::size_t x = 0; x < stale.size(); ++x) apart = std::max(apart, std::fabs(stale[x] - fresh.row(3)[x]));
  CHECK(apart > 0.0F);
  CHECK(apart < 1.0F);
  // A session that was rewound further has nothing to reuse and computes all.
  auto other = model.open_canvas();
  other.eval(chain_block{tail(0).first(70), 0});
  const auto computed = other.eval(window);
  auto third = model.open_canvas();
  third.eval(chain_block{tail(0).first(70), 0});
  const auto plain = third.eval(chain_block{tail(70), 80});
  for (std::size_t i = 0; i < 80; ++i) expect(computed.row(i), plain.row(i));
}

TEST_CASE("a mask in the place of a token sees everything but the token") {
  eigen::denoiser model{"tests/data/models/bidirectional-i8.safetensors"};
  const token_id mask = model.mask_token();
  const std::vector<token_id> text{5, 9, mask, 12, 7};
  std::vector<token_id> tokens = text;
  tokens.push_back(mask);  // in the place of 12
  const std::vector<node_id> parents{-1, 0, 1, 2, 3, 2};
  const std::vector<std::uint64_t> visible{0b011111, 0b011111, 0b011111, 0b011111, 0b011111, 0b110111};
  auto session = model.open_canvas();
  const auto rows = session.eval(masked_block{tree_block{tokens, parents, 4}, visible});
  CHECK(session.length() == 5);
  const auto alike = [](std::span<const float> a, std::span<const float> b) {
    for (std::size_t x = 0; x < a.size(); ++x) CHECK(std::fabs(a[x] - b[x]) < 1e-4F * (1.0F + std::fabs(b[x])));
  };
  const auto plain = model.score({}, text);
  alike(rows.row(0), plain.row(2));
  alike(rows.row(2), plain.row(4));
  bool same = true;  // at the place of 12, the token and the mask give other rows
  for (std::size_t x = 0; x < rows.cols(); ++x) same = same && rows.row(3)[x] == plain.row(3)[x];
  CHECK(!same);
  session.keep(std::vector<node_id>{0, 1, 2});
  CHECK(session.length() == 3);
  REQUIRE_THROWS_AS(session.keep(std::vector<node_id>{1}), std::invalid_argument);
}

TEST_CASE("wrong models and calls are refused") {
  REQUIRE_THROWS_AS(eigen::denoiser("tests/data/models/tied-i8.safetensors"), std::invalid_argument);
  auto config = random_model::odd_shape();
  config.bidirectional = true;
  config.mask_token_ids.clear();
  const random_model::temporary_file maskless("maskless.safetensors", random_model::content(config, true));
  REQUIRE_THROWS_AS(eigen::denoiser(maskless.path()), std::invalid_argument);
  eigen::denoiser model{"tests/data/models/bidirectional-i8.safetensors"};
  const std::vector<token_id> outside{64};
  const std::vector<token_id> long_canvas(129);
  REQUIRE_THROWS_AS(model.score({}, outside), std::invalid_argument);
  REQUIRE_THROWS_AS(model.score({}, long_canvas), std::length_error);
  CHECK(model.score({}, {}).rows() == 0);
}
