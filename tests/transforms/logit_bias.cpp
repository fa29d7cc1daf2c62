// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/logit_bias.hpp>

#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/temperature.hpp>
#include <proviso/transforms/top_k.hpp>

#include "rows.hpp"
#include "support/catch.hpp"

namespace {

using proviso::transforms::chain;
using proviso::transforms::logit_bias;
using proviso::transforms::temperature;
using proviso::transforms::top_k;
using namespace rows;

const std::vector<float> short_row{1.0F, -2.0F, 0.5F, never};

TEST_CASE("logit_bias: adds to the logits, before and after a temperature") {
  const logit_bias bias{{{2, 1.5F}, {0, -0.5F}}};
  CHECK(same(law_of(bias, short_row), softmax(std::vector<float>{0.5F, -2.0F, 2.0F, never})));
  CHECK(same(law_of(chain{bias, temperature{0.5F}}, short_row),
             softmax(std::vector<float>{0.5F, -2.0F, 2.0F, never}, 0.5)));
  CHECK(same(law_of(chain{temperature{0.5F}, bias}, short_row), softmax(std::vector<float>{1.5F, -4.0F, 2.5F, never})));
}

TEST_CASE("logit_bias: -infinity bans, and what has probability 0 keeps it") {
  CHECK(law_of(logit_bias{{{0, never}}}, short_row)[0] == 0.0);
  CHECK(law_of(logit_bias{{{3, 100.0F}}}, short_row)[3] == 0.0);
  CHECK(law_of(chain{top_k{1}, logit_bias{{{1, 100.0F}}}}, short_row)[0] == 1.0);
  CHECK(same(law_of(logit_bias{{}}, short_row), softmax(short_row)));
}

TEST_CASE("logit_bias: bad configurations and rows are refused") {
  CHECK_THROWS_AS((logit_bias{{{1, 1.0F}, {2, 1.0F}, {1, 2.0F}}}), std::invalid_argument);
  CHECK_THROWS_AS((logit_bias{{{2, 1.0F}, {2, 1.0F}}}), std::invalid_argument);
  CHECK_THROWS_AS((logit_bias{{{0, 1.0F}, {2, 1.0F}, {2, 1.0F}}}), std::invalid_argument);
  CHECK_THROWS_AS((logit_bias{{{-1, 1.0F}}}), std::invalid_argument);
  CHECK(law_of(logit_bias{{{2, 9.0F}}}, short_row)[2] > 0.9);
  CHECK_THROWS_AS((logit_bias{{{1, std::nanf("")}}}), std::invalid_argument);
  CHECK_THROWS_AS((logit_bias{{{1, -never}}}), std::invalid_argument);
  CHECK_THROWS_AS(law_of(logit_bias{{{4, 1.0F}}}, short_row), std::invalid_argument);
  CHECK(refuses_faults(logit_bias{{{1, 0.5F}}}));
}

TEST_CASE("logit_bias: drafted and plain decoding share every law") {
  CHECK(same_when_drafted(logit_bias{{{1, 1.5F}, {5, -2.0F}}}));
}

}  // namespace
