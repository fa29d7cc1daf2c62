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

#include "random_model.hpp"
#include "support/catch.hpp"

using namespace proviso;

static_assert(denoiser<eigen::denoiser>);

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
  eigen::denoiser a{file.path()};
  eigen::denoiser b{file.path(), two};
  b.score(std::span{canvas}.first(9), std::span{canvas}.first(40));
  const auto first = a.score({}, canvas);
  const auto second = b.score(std::span{canvas}.first(100), std::span{canvas}.subspan(100));
  for (std::size_t i = 0; i < second.rows(); ++i) {
    CHECK(std::equal(second.row(i).begin(), second.row(i).end(), first.row(i + 100).begin()));
  }
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
