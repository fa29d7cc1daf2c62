// SPDX-License-Identifier: Apache-2.0
#include <proviso/combine/weighted.hpp>

#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/numbers.hpp"

namespace {

using namespace proviso;
using support::near;
using ids = std::vector<token_id>;
using floats = std::vector<float>;

TEST_CASE("weighted: the mean of probabilities, whatever the totals") {
  const floats a{1.0F, 3.0F, 0.0F};
  const floats b{4.0F, 0.0F, 4.0F};
  const std::vector<law_view> laws{law_view::dense(a, 4.0), law_view::dense(b, 8.0)};
  law_buffer out;
  const law_view v = combine::weighted{0.25, 0.75}(laws, out);
  CHECK(near(v(0), 0.25 * 0.25 + 0.75 * 0.5));
  CHECK(near(v(1), 0.25 * 0.75));
  CHECK(near(v(2), 0.75 * 0.5));
  CHECK(near(v.total(), 1.0));
}

TEST_CASE("weighted: lists, points and rows in any mixture") {
  const floats even{1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F};
  const ids two{1, 6};
  const ids three{0, 1, 7};
  const floats of_two{1.0F, 3.0F};
  const floats of_three{2.0F, 1.0F, 1.0F};
  const std::vector<double> wide{0.0, 5.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0};
  const std::vector<law_view> kinds{law_view::dense(even, 8.0),
                                    law_view::sparse(two, of_two, 4.0),
                                    law_view::sparse(three, of_three, 4.0),
                                    law_view::point(6),
                                    law_view::point(2),
                                    law_view::dense(wide, 10.0)};
  law_buffer out;
  for (const law_view& a : kinds) {
    for (const law_view& b : kinds) {
      for (const law_view& c : kinds) {
        const std::vector<law_view> laws{a, b, c};
        const law_view v = combine::weighted{0.5, 0.3, 0.2}(laws, out);
        double total = 0.0;
        for (token_id x = 0; x < 8; ++x) {
          REQUIRE(near(v(x), 0.5 * a(x) + 0.3 * b(x) + 0.2 * c(x)));
          total += v(x);
        }
        REQUIRE(near(total, 1.0));
        for (std::size_t i = 1; i < v.size(); ++i) REQUIRE(v.token(i - 1) < v.token(i));
        REQUIRE(v.is_dense() == (a.is_dense() || b.is_dense() || c.is_dense()));
      }
    }
  }
  const std::vector<law_view> same{law_view::point(3), law_view::point(3)};
  CHECK(combine::weighted{0.5, 0.5}(same, out).is_point());
}

TEST_CASE("weighted: a model of weight 0 has no say") {
  const floats a{1.0F, 3.0F};
  const floats b{5.0F, 0.0F};
  const std::vector<law_view> laws{law_view::dense(a, 4.0), law_view::dense(b, 5.0)};
  law_buffer out;
  const law_view v = combine::weighted{1.0, 0.0}(laws, out);
  CHECK(near(v(0), 0.25));
  CHECK(near(v(1), 0.75));
  const std::vector<law_view> points{law_view::point(1), law_view::point(0)};
  const law_view p = combine::weighted{0.0, 1.0}(points, out);
  CHECK(p.is_point());
  CHECK(p.token(0) == 0);
}

TEST_CASE("weighted: senseless weights are errors") {
  REQUIRE_THROWS_AS((combine::weighted{0.5, 0.6}), std::invalid_argument);
  REQUIRE_THROWS_AS((combine::weighted{1.5, -0.5}), std::invalid_argument);
  REQUIRE_THROWS_AS(combine::weighted{std::vector<double>{}}, std::invalid_argument);
  REQUIRE_THROWS_AS((combine::weighted{0.5, 0.5}.check(3)), std::invalid_argument);
}

}  // namespace
