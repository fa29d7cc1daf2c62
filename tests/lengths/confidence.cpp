// SPDX-License-Identifier: Apache-2.0
#include <proviso/lengths/confidence.hpp>

#include <stdexcept>
#include <utility>
#include <vector>

#include <proviso/drafters/any.hpp>
#include <proviso/drafters/diffusion.hpp>
#include <proviso/drafters/hub_tree.hpp>
#include <proviso/drafters/masks.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/parallel.hpp>
#include <proviso/drafters/sampled_tree.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/testing/table_denoiser.hpp>

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

TEST_CASE("confidence: at temperature 0 every drafter shows the law of temperature 1") {
  // 0.51 is the largest probability.
  testing::table_model flat{testing::row_table{4, 0, {1.0F, 0.0F, 0.5F, -20.0F}}};
  testing::markov_denoiser net{testing::row_table{3, 1, {1.0F, 0.0F, 0.5F, 1.0F, 0.0F, 0.5F, 1.0F, 0.0F, 0.5F}}};
  canvas_model canvases{net};
  const auto drafted = [&](drafters::any drafter, double threshold) {
    decoder d{speculative{flat, std::move(drafter), rules::match{}, transforms::temperature{0.0F},
                          lengths::confidence{2, threshold}}};
    support::decode(d, {1, 2}, support::budget(12));
    return d.stats().drafted;
  };
  const auto check = [&](const char* name, const auto& drafter) {
    INFO(name);
    CHECK(drafted(drafter, 0.4) > 0);
    CHECK(drafted(drafter, 0.6) == 0);
  };
  check("model", drafters::model{flat});
  check("parallel", drafters::parallel{flat, {3}});
  check("masks", drafters::masks{{3, 3}});
  check("sampled_tree", drafters::sampled_tree{flat, {2, 1}});
  check("hub_tree", drafters::hub_tree{flat, {2}});
  check("diffusion", drafters::diffusion{canvases});
}

TEST_CASE("confidence: senseless arguments are refused") {
  REQUIRE_THROWS_AS((lengths::confidence{0, 0.5}), std::invalid_argument);
  REQUIRE_THROWS_AS((lengths::confidence{4, 1.5}), std::invalid_argument);
}

}  // namespace
