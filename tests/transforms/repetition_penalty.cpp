// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/repetition_penalty.hpp>

#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/temperature.hpp>
#include <proviso/transforms/top_k.hpp>

#include "rows.hpp"
#include "support/catch.hpp"

namespace {

using proviso::transforms::chain;
using proviso::transforms::repetition_penalty;
using proviso::transforms::temperature;
using proviso::transforms::top_k;
using namespace rows;

std::vector<float> repetition_reference(std::vector<float> row, const tokens& text, float penalty,
                                        std::size_t window = 1000, std::size_t skip = 0) {
  std::vector<bool> seen(row.size(), false);
  for (std::size_t i = skip; i < text.size(); ++i) {
    if (i + window >= text.size()) seen[static_cast<std::size_t>(text[i])] = true;
  }
  for (std::size_t x = 0; x < row.size(); ++x) {
    if (seen[x]) row[x] = row[x] > 0.0F ? row[x] / penalty : row[x] * penalty;
  }
  return row;
}

TEST_CASE("repetition_penalty: divides positive and multiplies negative logits, once, wherever the draft begins") {
  for (const float penalty : {1.3F, 0.8F}) {
    const auto expected = softmax(repetition_reference(sample_row, sample_text, penalty));
    for (std::size_t committed = 0; committed <= sample_text.size(); ++committed) {
      const auto border = sample_text.begin() + static_cast<std::ptrdiff_t>(committed);
      CHECK(same(
          law_of(repetition_penalty{penalty}, sample_row, {sample_text.begin(), border}, {border, sample_text.end()}),
          expected));
    }
  }
}

TEST_CASE("repetition_penalty: window and skip") {
  for (std::size_t window = 1; window <= 8; ++window) {
    for (std::size_t skip = 0; skip <= 8; ++skip) {
      CHECK(same(law_of(repetition_penalty{1.5F, window, skip}, sample_row, {4, 4, 1, 0}, {4, 1, 5}),
                 softmax(repetition_reference(sample_row, sample_text, 1.5F, window, skip))));
    }
  }
}

TEST_CASE("repetition_penalty: does not depend on the place of the temperature") {
  const auto expected = softmax(repetition_reference(sample_row, sample_text, 1.3F), 0.5);
  CHECK(same(law_of(chain{repetition_penalty{1.3F}, temperature{0.5F}}, sample_row, sample_text), expected));
  CHECK(same(law_of(chain{temperature{0.5F}, repetition_penalty{1.3F}}, sample_row, sample_text), expected));
}

TEST_CASE("repetition_penalty: tokens that were dropped stay dropped, tokens outside the row are ignored") {
  const auto p = law_of(chain{top_k{2}, repetition_penalty{0.5F}}, sample_row, {2, 2, 4, 99});
  CHECK(p[2] == 0.0);
  CHECK(p[0] > 0.0);
  CHECK(p[4] > 0.9);
}

TEST_CASE("repetition_penalty: the row of the model is not written to") {
  std::vector<float> mine = sample_row;
  law_of(repetition_penalty{2.0F}, mine, sample_text);
  CHECK(mine == sample_row);
}

TEST_CASE("repetition_penalty: bad configurations and rows are refused") {
  for (const float x : {0.0F, -1.0F, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    CHECK_THROWS_AS(repetition_penalty{x}, std::invalid_argument);
  }
  CHECK_THROWS_AS((repetition_penalty{1.2F, 0}), std::invalid_argument);
  CHECK(refuses_faults(repetition_penalty{1.2F}));
}

TEST_CASE("repetition_penalty: drafted and plain decoding share every law") {
  CHECK(same_when_drafted(repetition_penalty{1.4F}));
  CHECK(same_when_drafted(repetition_penalty{1.4F, 6, 5}));
}

TEST_CASE("repetition_penalty: by default the first token of the text counts") {
  CHECK(same(law_of(repetition_penalty{1.3F}, sample_row, {4}), softmax(repetition_reference(sample_row, {4}, 1.3F))));
  CHECK(law_of(repetition_penalty{1.3F}, sample_row, {4})[4] < softmax(sample_row)[4]);
}

}  // namespace
