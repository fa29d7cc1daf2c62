// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/presence_penalty.hpp>

#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/temperature.hpp>
#include <proviso/transforms/top_k.hpp>

#include "rows.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

namespace {

using proviso::transforms::chain;
using proviso::transforms::presence_penalty;
using proviso::transforms::temperature;
using proviso::transforms::top_k;
using namespace rows;

/// The row after the penalty, counted token by token.
std::vector<float> presence_reference(std::vector<float> row, const tokens& text, float amount,
                                      std::size_t window = 1000, std::size_t skip = 0) {
  std::vector<std::size_t> count(row.size(), 0);
  for (std::size_t i = skip; i < text.size(); ++i) {
    if (i + window >= text.size()) ++count[static_cast<std::size_t>(text[i])];
  }
  for (std::size_t x = 0; x < row.size(); ++x) {
    const std::size_t c = count[x];
    if (c > 0) row[x] -= amount;
  }
  return row;
}

TEST_CASE("presence_penalty: the formula, wherever committed text ends and the draft begins") {
  for (const float amount : {0.7F, -0.4F}) {
    const auto expected = softmax(presence_reference(sample_row, sample_text, amount));
    for (std::size_t committed = 0; committed <= sample_text.size(); ++committed) {
      const auto border = sample_text.begin() + static_cast<std::ptrdiff_t>(committed);
      CHECK(
          same(law_of(presence_penalty{amount}, sample_row, {sample_text.begin(), border}, {border, sample_text.end()}),
               expected));
    }
  }
}

TEST_CASE("presence_penalty: counts are taken anew for every row, and once") {
  const auto expected = softmax(presence_reference(sample_row, sample_text, 0.7F));
  for (int repeat = 0; repeat < 3; ++repeat)
    CHECK(same(law_of(presence_penalty{0.7F}, sample_row, sample_text), expected));
}

TEST_CASE("presence_penalty: window and skip") {
  for (std::size_t committed : {0U, 3U, 7U}) {
    const auto border = sample_text.begin() + static_cast<std::ptrdiff_t>(committed);
    const tokens prefix{sample_text.begin(), border};
    const tokens path{border, sample_text.end()};
    for (std::size_t window = 1; window <= 8; ++window) {
      for (std::size_t skip = 0; skip <= 8; ++skip) {
        CHECK(same(law_of(presence_penalty{1.1F, window, skip}, sample_row, prefix, path),
                   softmax(presence_reference(sample_row, sample_text, 1.1F, window, skip))));
      }
    }
  }
}

TEST_CASE("presence_penalty: acts at the temperature applied so far") {
  const auto penalised_first = softmax(presence_reference(sample_row, sample_text, 0.7F), 0.5);
  CHECK(same(law_of(chain{presence_penalty{0.7F}, temperature{0.5F}}, sample_row, sample_text), penalised_first));
  std::vector<float> scaled = sample_row;
  for (float& x : scaled) x /= 0.5F;
  CHECK(same(law_of(chain{temperature{0.5F}, presence_penalty{0.7F}}, sample_row, sample_text),
             softmax(presence_reference(scaled, sample_text, 0.7F))));
}

TEST_CASE("presence_penalty: tokens that were dropped stay dropped, tokens outside the row are ignored") {
  const auto p = law_of(chain{top_k{2}, presence_penalty{-5.0F}}, sample_row, {1, 1, 4, 99});
  CHECK(p[1] == 0.0);
  CHECK(p[0] > 0.0);
  CHECK(p[4] > 0.9);
}

TEST_CASE("presence_penalty: bad configurations and rows are refused") {
  using support::infinity;
  for (const float x : {infinity, -infinity, std::nanf("")}) {
    CHECK_THROWS_AS(presence_penalty{x}, std::invalid_argument);
  }
  CHECK_THROWS_AS((presence_penalty{0.5F, 0}), std::invalid_argument);
  CHECK(refuses_faults(presence_penalty{0.5F}));
}

TEST_CASE("presence_penalty: by default the first token of the text counts") {
  CHECK(same(law_of(presence_penalty{0.7F}, sample_row, {1}, {}), softmax(presence_reference(sample_row, {1}, 0.7F))));
}

TEST_CASE("presence_penalty: drafted and plain decoding share every law") {
  CHECK(same_when_drafted(presence_penalty{0.6F}));
  CHECK(same_when_drafted(presence_penalty{0.6F, 7, 5}));
}

}  // namespace
