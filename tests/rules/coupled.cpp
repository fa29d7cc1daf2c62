// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/coupled.hpp>

#include <algorithm>
#include <cmath>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/drafters/none.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"

namespace {

using namespace proviso;

support::token_list plain_race(testing::table_model& target, std::uint64_t seed, float temperature) {
  decoder d{autoregressive{target, transforms::temperature{temperature}, draw::race}, seed};
  return support::decode(d, {1, 2, 3}, support::budget(40));
}

template <class Drafter>
decoder coupled(testing::table_model& target, Drafter drafter, std::uint64_t seed, float temperature) {
  return decoder{speculative{target, std::move(drafter), rules::coupled{}, transforms::temperature{temperature},
                             lengths::fixed{4}},
                 seed};
}

TEST_CASE("coupled: the text of plain decoding by races with the same seed, whatever drafts") {
  testing::table_model target = support::whole_text_model(50, 5.0F);
  testing::table_model near = support::whole_text_model(50, 4.0F);
  testing::table_model other{testing::random_table(50, 1, 3)};
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (const float temperature : {0.0F, 0.7F, 1.0F}) {
      const support::token_list text = plain_race(target, seed, temperature);
      decoder a = coupled(target, drafters::model{near}, seed, temperature);
      decoder b = coupled(target, drafters::model{other}, seed, temperature);
      decoder c = coupled(target, drafters::none{}, seed, temperature);
      CHECK(support::decode(a, {1, 2, 3}, support::budget(40)) == text);
      CHECK(support::decode(b, {1, 2, 3}, support::budget(40)) == text);
      CHECK(support::decode(c, {1, 2, 3}, support::budget(40)) == text);
    }
  }
}

TEST_CASE("coupled: accepts as often as its formula says, and more than independent draws would") {
  const testing::row_table p = testing::random_table(8, 0, 1);
  const testing::row_table q = testing::random_table(8, 0, 2, 1.0F);
  testing::table_model target{p};
  testing::table_model small{q};
  const auto law = [](const testing::row_table& t) {
    std::vector<double> w;
    double total = 0.0;
    for (const float l : t.logits()) total += w.emplace_back(std::exp(static_cast<double>(l)));
    for (double& x : w) x /= total;
    return w;
  };
  const std::vector<double> a = law(p);
  const std::vector<double> b = law(q);
  double expected = 0.0;
  double independent = 0.0;
  for (std::size_t x = 0; x < 8; ++x) {
    double sum = 0.0;
    for (std::size_t y = 0; y < 8; ++y) sum += std::max(a[y] / a[x], b[y] / b[x]);
    expected += 1.0 / sum;
    independent += a[x] * b[x];
  }
  decoder d{speculative{target, drafters::model{small}, rules::coupled{}, transforms::temperature{}, lengths::fixed{1}},
            5};
  support::decode(d, {1}, support::budget(20000));
  const double rate = d.stats().acceptance_rate();
  const double sigma = std::sqrt(expected * (1.0 - expected) / static_cast<double>(d.stats().drafted));
  CHECK(std::abs(rate - expected) < 5.0 * sigma);
  CHECK(rate > independent + 5.0 * sigma);
}

}  // namespace

static_assert(proviso::rules::coupled::lossless);
