// SPDX-License-Identifier: Apache-2.0
#include <proviso/lengths/confidence.hpp>

#include <stdexcept>
#include <vector>

#include <proviso/drafters/model.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"

namespace {

using namespace proviso;

TEST_CASE("confidence: the threshold is met or not by the largest probability, weights need no sum of one") {
  const std::vector<float> weights{1.0F, 3.0F, 2.0F, 2.0F};
  const law_view q = law_view::dense(std::span<const float>{weights}, 8.0);
  CHECK(lengths::confidence{4, 0.375}.proceed(0, q));
  CHECK(!lengths::confidence{4, 0.3751}.proceed(0, q));
  CHECK(lengths::confidence{4, 1.0}.proceed(3, law_view::point(2)));
}

TEST_CASE("confidence: drafts end where the drafter is not sure, and never beyond the limit") {
  // After token 0 the drafter is sure of 1, after 1 of 2, after 2 of nothing.
  testing::table_model target{testing::random_table(3, 1, 1)};
  testing::table_model draft_model{3, [](std::span<const token_id> text, std::span<float> row) {
                                     for (float& x : row) x = 0.0F;
                                     if (text.back() < 2) row[static_cast<std::size_t>(text.back()) + 1] = 20.0F;
                                   }};
  const auto drafted = [&](token_id last, std::size_t most) {
    decoder d{speculative{target, drafters::model{draft_model}, rules::token{}, transforms::temperature{},
                          lengths::confidence{most, 0.5}}};
    d.start(support::token_list{last}, support::budget(20));
    d.step();
    return d.stats().drafted;
  };
  CHECK(drafted(0, 6) == 2);
  CHECK(drafted(1, 6) == 1);
  CHECK(drafted(2, 6) == 0);
  CHECK(drafted(0, 1) == 1);
}

TEST_CASE("confidence: senseless arguments are refused") {
  REQUIRE_THROWS_AS((lengths::confidence{0, 0.5}), std::invalid_argument);
  REQUIRE_THROWS_AS((lengths::confidence{4, 1.5}), std::invalid_argument);
}

}  // namespace
