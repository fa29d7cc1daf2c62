// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/chain.hpp>

#include <proviso/transforms/ban.hpp>
#include <proviso/transforms/frequency_penalty.hpp>
#include <proviso/transforms/logit_bias.hpp>
#include <proviso/transforms/min_p.hpp>
#include <proviso/transforms/presence_penalty.hpp>
#include <proviso/transforms/repetition_penalty.hpp>
#include <proviso/transforms/temperature.hpp>
#include <proviso/transforms/top_k.hpp>
#include <proviso/transforms/top_p.hpp>
#include <proviso/transforms/typical.hpp>

#include "rows.hpp"
#include "support/catch.hpp"

namespace {

using namespace proviso::transforms;
using namespace rows;

const auto everything = [](float t) {
  return chain{ban{{11}},
               logit_bias{{{2, 0.5F}, {3, -0.5F}}},
               repetition_penalty{1.2F, 20},
               frequency_penalty{0.1F, 30, 5},
               presence_penalty{0.2F},
               temperature{t},
               top_k{8},
               typical{0.97},
               top_p{0.95},
               min_p{0.02}};
};

TEST_CASE("chain: applies its steps in order") {
  const std::vector<float> row{2.0F, 1.0F, 0.0F, -1.0F};
  CHECK(same(law_of(chain{top_k{2}, temperature{2.0F}}, row),
             normalised(weights(row, 2.0F), {true, true, false, false})));
  // at T = 1 the first token holds 0.64 of the mass, at T = 4 only 0.35
  CHECK(law_of(chain{top_p{0.6}, temperature{4.0F}}, row)[0] == 1.0);
  CHECK(law_of(chain{temperature{4.0F}, top_p{0.6}}, row)[1] > 0.0);
}

TEST_CASE("chain: no step, one step, a chain inside a chain") {
  const std::vector<float> row{2.0F, 1.0F, 0.0F};
  CHECK(same(law_of(chain{}, row), softmax(row)));
  CHECK(same(law_of(chain{temperature{0.5F}}, row), softmax(row, 0.5)));
  CHECK(same(law_of(chain{chain{temperature{0.5F}, top_k{3}}, temperature{2.0F}}, row), softmax(row)));
}

TEST_CASE("chain: truncations of truncations") {
  each([](const std::vector<float>& row) {
    const auto p = law_of(chain{top_k{50}, top_p{0.9}, min_p{0.05}}, row);
    const auto k = law_of(top_k{50}, row);
    double total = 0.0;
    std::size_t kept = 0;
    bool inside = true;
    for (std::size_t i = 0; i < row.size(); ++i) {
      total += p[i];
      kept += p[i] > 0.0 ? 1U : 0U;
      inside = inside && (p[i] == 0.0 || k[i] > 0.0);
    }
    CHECK(std::abs(total - 1.0) < 1e-12);
    CHECK((kept >= 1 && kept <= 50));
    CHECK(inside);
    CHECK(same(law_of(chain{top_p{0.9}, top_p{1.0}}, row), law_of(top_p{0.9}, row)));
    CHECK(same(law_of(chain{top_k{7}, top_k{300}}, row), law_of(top_k{7}, row)));
    CHECK(same(law_of(chain{top_k{300}, top_k{7}}, row), law_of(top_k{7}, row)));
  });
}

TEST_CASE("chain: a law does not depend on the rows before it") {
  const auto shape = chain{repetition_penalty{1.3F}, temperature{0.8F}, top_k{60}, typical{0.9}, top_p{0.9}};
  each([&](const std::vector<float>& row) {
    law_builder fresh;
    law_buffer buffer;
    fresh.begin(row, buffer);
    const tokens text{0, 0};
    shape(fresh, text_position{text, {}});
    const law_view law = fresh.finish();
    const auto again = law_of(shape, row, text);
    bool equal = true;
    for (std::size_t x = 0; x < row.size(); ++x) equal = equal && law(static_cast<token_id>(x)) == again[x];
    CHECK(equal);
  });
}

TEST_CASE("chain: drafted and plain decoding share every law, with every transform at once") {
  CHECK(same_when_drafted(everything(0.9F)));
  CHECK(same_when_drafted(everything(0.0F)));
}

TEST_CASE("chain: a warm builder keeps its memory") {
  law_builder builder;
  law_buffer buffer;
  const auto shape = everything(0.9F);
  tokens text;
  for (std::size_t i = 0; i < 300; ++i) text.push_back(static_cast<token_id>(i * i % 1000));
  const float* weights_at = nullptr;
  const token_id* ids_at = nullptr;
  for (std::size_t i = 0; i < 40; ++i) {
    const auto row = kinds(1000, 100 + i)[i % 2];
    builder.begin(row, buffer);
    shape(builder, text_position{std::span<const token_id>{text}.first(100 + 5 * i), {}});
    const law_view law = builder.finish();
    REQUIRE(law.kind() == law_view::form::sparse);
    if (i == 0) {
      weights_at = law.weights().data();
      ids_at = law.ids().data();
    }
    CHECK(law.weights().data() == weights_at);
    CHECK(law.ids().data() == ids_at);
  }
}

}  // namespace
