// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/greedy.hpp>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/none.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/top_k.hpp>

#include "support/catch.hpp"
#include "support/drafting.hpp"
#include "support/numbers.hpp"
#include "support/sentences.hpp"

namespace {

using namespace proviso;
using support::distance;
using support::exact_law;
using support::law_of;

const support::tokens greedy_prompt{0, 1};

template <class Drafter>
double greedy_error(const testing::row_table& p, const Drafter& drafter, std::size_t length, float temperature = 0.0F,
                    std::size_t count = 6) {
  testing::table_model target{p};
  auto make = [&] {
    return speculative{target, drafter, rules::greedy{}, transforms::temperature{temperature}, lengths::fixed{length}};
  };
  return distance(law_of(make, greedy_prompt, count), exact_law(p, greedy_prompt, count, 0.0));
}

TEST_CASE("greedy: the text is the target's most probable one for any drafter") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1, 9)));
  const testing::row_table p = testing::random_table(3, 2, seed);
  const testing::row_table q = testing::random_table(3, 2, seed + 100);
  testing::table_model small{q};
  CHECK(greedy_error(p, drafters::model{small}, 3) == 0.0);
  CHECK(greedy_error(p, support::pushed_tree{{1, 1, 1}, 3}, 3) == 0.0);
  CHECK(greedy_error(p, drafters::none{}, 3) == 0.0);
  CHECK(greedy_error(p, support::pushed_tree{{2, 2}, 3}, 6) == 0.0);
  CHECK(greedy_error(p, support::pushed_tree{{3, 1}, 2}, 6) == 0.0);
  CHECK(greedy_error(p, support::sampled_tree{q, 2, replacement::with}, 4, 0.0F, 4) < 1e-12);
  CHECK(greedy_error(p, support::sampled_tree{q, 3, replacement::without}, 6, 0.0F, 3) < 1e-12);
}

TEST_CASE("greedy: a law that is not a point is refused, whether anything is drafted or not") {
  testing::table_model target{testing::random_table(3, 2, 11)};
  const auto decode = [&](auto drafter, auto shape) {
    decoder d{speculative{target, std::move(drafter), rules::greedy{}, shape}};
    d.run(greedy_prompt, [](generated_token) {}, {.max_tokens = 4});
  };
  const transforms::temperature warm{0.7F};
  CHECK_THROWS_AS(decode(support::pushed_tree{{2, 2}, 3}, warm), std::invalid_argument);
  CHECK_THROWS_AS(decode(drafters::none{}, warm), std::invalid_argument);
  CHECK(support::has(support::sentence<std::invalid_argument>([&] { decode(drafters::none{}, warm); }),
                     "proviso: rules::greedy: the target's law is not a point"));
  CHECK_NOTHROW(decode(drafters::none{}, transforms::chain{warm, transforms::top_k{1}}));
}

TEST_CASE("greedy: ties go to the lowest id, and rows with one finite entry are followed") {
  CHECK(greedy_error({3, 0, {0.25F, 1.5F, 1.5F}}, support::pushed_tree{{3, 3}, 3}, 12) == 0.0);
  CHECK(greedy_error({3, 0, {support::never, support::never, -4.0F}}, support::pushed_tree{{3, 3}, 3}, 12) == 0.0);
}

}  // namespace

static_assert(proviso::rules::greedy::lossless);
