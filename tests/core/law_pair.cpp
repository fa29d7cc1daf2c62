// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/law_pair.hpp>

#include <vector>

#include "support/catch.hpp"

namespace {

using namespace proviso;

TEST_CASE("law_pair: probabilities stand at the tokens of the first law, for all forms") {
  const std::vector<token_id> ids{1, 3};
  const std::vector<float> narrow{1.0F, 2.0F, 1.0F, 4.0F};
  const std::vector<double> wide{0.5, 0.0, 0.25, 0.25};
  const std::vector<float> two{3.0F, 1.0F};
  const std::vector<law_view> laws{law_view::dense(narrow, 8.0), law_view::dense(wide, 1.0),
                                   law_view::sparse(ids, two, 4.0), law_view::point(3),
                                   law_view::dense(std::span<const float>{narrow}.first(2), 3.0)};
  law_pair pair;
  for (const law_view& p : laws) {
    for (const law_view& q : laws) {
      pair.align(p, q);
      REQUIRE((pair.p().size() == p.size() && pair.q().size() == p.size()));
      for (std::size_t i = 0; i < p.size(); ++i) {
        CHECK(pair.p()[i] == p(p.token(i)));
        CHECK(pair.q()[i] == q(p.token(i)));
      }
    }
  }
}

TEST_CASE("law_pair: sums over whole lanes and the rest") {
  law_pair pair;
  for (const std::size_t size : {1U, 7U, 8U, 9U, 24U, 29U}) {
    const std::vector<double> p(size, 1.0 / 32);
    const std::vector<double> q(size, 1.0 / 64);
    pair.align(law_view::dense(p, 1.0), law_view::dense(q, 1.0));
    CHECK(pair.sum([](double a, double b) { return a + b; }) == static_cast<double>(size) * 3.0 / 64);
  }
}

}  // namespace
