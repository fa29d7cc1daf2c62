// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/ban.hpp>

#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/temperature.hpp>
#include <proviso/transforms/top_k.hpp>

#include "rows.hpp"
#include "support/catch.hpp"

namespace {

using proviso::transforms::ban;
using proviso::transforms::chain;
using proviso::transforms::temperature;
using proviso::transforms::top_k;
using namespace rows;

TEST_CASE("ban: listed tokens, or all others, have probability 0") {
  each([](const std::vector<float>& row) {
    tokens list;
    std::vector<bool> listed(row.size(), false);
    for (std::size_t x = row.size(); x-- > 0;) {  // not in ascending order
      if (uniform(3, x) < 0.3) {
        list.push_back(static_cast<token_id>(x));
        listed[x] = true;
      }
    }
    std::vector<bool> others = listed;
    others.flip();
    const std::vector<float> w = weights(row);
    const auto possible = [&](const std::vector<bool>& kept) {
      for (std::size_t x = 0; x < row.size(); ++x) {
        if (kept[x] && w[x] > 1e-20F) return true;
      }
      return false;
    };
    if (possible(others)) CHECK(same(law_of(ban{list}, row), normalised(w, others), 1e-5));
    if (possible(listed)) CHECK(same(law_of(ban::all_except(list), row), normalised(w, listed), 1e-5));
  });
}

TEST_CASE("ban: tokens far below the top keep their law when the top is banned") {
  const std::vector<float> row{500.0F, 1.0F, 1.0F, -700.0F};
  CHECK(law_of(ban{{0}}, row) == std::vector<double>{0.0, 0.5, 0.5, 0.0});
  CHECK(law_of(ban::all_except({3}), row)[3] == 1.0);
}

TEST_CASE("ban: an empty list of bans does nothing; greedy takes the best of what is left") {
  const std::vector<float> row{1.0F, 3.0F, 2.0F};
  CHECK(same(law_of(ban{{}}, row), softmax(row)));
  CHECK(law_of(chain{ban{{1}}, temperature{0.0F}}, row)[2] == 1.0);
  CHECK(law_of(chain{temperature{0.0F}, ban{{1}}}, row)[2] == 1.0);
}

TEST_CASE("ban: after a truncation") {
  const std::vector<float> row{1.0F, 3.0F, 2.0F, 0.0F};
  CHECK(law_of(chain{top_k{2}, ban{{1}}}, row)[2] == 1.0);
  CHECK(law_of(chain{top_k{2}, ban::all_except({0, 2})}, row)[2] == 1.0);
  CHECK_THROWS_AS(law_of(chain{top_k{1}, ban{{1}}}, row), std::domain_error);
  CHECK_THROWS_AS(law_of(chain{top_k{1}, ban::all_except({2, 3})}, row), std::domain_error);
}

TEST_CASE("ban: bad configurations and rows are refused") {
  CHECK_THROWS_AS((ban{{4, 2, 4}}), std::invalid_argument);
  for (const tokens& list : {tokens{2, 2}, tokens{2, 2, 5}, tokens{2, 5, 5}, tokens{5, 2, 2}}) {
    CHECK_THROWS_AS(ban{list}, std::invalid_argument);
    CHECK_THROWS_AS(ban::all_except(list), std::invalid_argument);
  }
  CHECK_THROWS_AS((ban{{4, -1}}), std::invalid_argument);
  CHECK_THROWS_AS((ban{{-1}}), std::invalid_argument);
  CHECK(law_of(ban{{2}}, std::vector<float>{0.0F, 0.0F, 0.0F})[2] == 0.0);
  CHECK(law_of(ban::all_except({2}), std::vector<float>{0.0F, 0.0F, 0.0F})[2] == 1.0);
  CHECK_THROWS_AS(ban::all_except({}), std::invalid_argument);
  CHECK_THROWS_AS(law_of(ban{{1, 3}}, std::vector<float>{0.0F, 0.0F, 0.0F}), std::invalid_argument);
  CHECK_THROWS_AS(law_of(ban::all_except({3}), std::vector<float>{0.0F, 0.0F, 0.0F}), std::invalid_argument);
  CHECK_THROWS_AS(law_of(ban{{0, 1}}, std::vector<float>{0.0F, 0.0F, never}), std::domain_error);
}

TEST_CASE("ban: drafted and plain decoding share every law") {
  CHECK(same_when_drafted(ban{{1, 7}}));
  CHECK(same_when_drafted(ban::all_except({0, 2, 4, 6, 8, 9})));
}

}  // namespace
