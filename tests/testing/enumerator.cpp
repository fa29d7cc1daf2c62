// SPDX-License-Identifier: Apache-2.0
#include <proviso/testing/enumerator.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include <proviso/core/numeric.hpp>

#include "support/catch.hpp"
#include "support/numbers.hpp"
#include "support/sentences.hpp"

namespace {

using namespace proviso;
using support::has;
using support::near;
using support::sentence;
using testing::enumerator;
using weights = std::vector<float>;

law_view law_of(const weights& w) { return law_view::dense(w, numeric::sum(w)); }
constexpr draw_key at(std::uint32_t node) { return {purpose::draft, 0, node, 0}; }

TEST_CASE("enumerator: flips and picks branch with their probabilities") {
  const weights w{1.0F, 0.0F, 3.0F};
  std::map<std::pair<bool, token_id>, double> seen;
  enumerator all;
  all.run([&] {
    const bool heads = all.flip(1.0, 4.0, at(0));
    const token_id x = heads ? all.pick(law_of(w), at(1)) : 7;
    CHECK(seen.count({heads, x}) == 0);
    seen[{heads, x}] = all.probability();
  });
  CHECK(all.outcomes() == 3);
  REQUIRE(seen.size() == 3);
  CHECK(near(seen[{false, 7}], 0.75));
  CHECK(near(seen[{true, 0}], 0.0625));
  CHECK(near(seen[{true, 2}], 0.1875));
}

TEST_CASE("enumerator: certain flips have one branch") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  enumerator all;
  all.run([&] {
    CHECK(all.flip(2.0, 1.0, at(0)));
    CHECK(all.flip(1.0, 1.0, at(1)));
    CHECK(all.flip(1.0, 0.0, at(2)));
    CHECK(!all.flip(0.0, 1.0, at(3)));
    CHECK(!all.flip(0.0, 0.0, at(4)));
    CHECK(!all.flip(nan, 1.0, at(5)));
    CHECK(!all.flip(0.5, nan, at(6)));
  });
  CHECK(all.outcomes() == 1);
  CHECK(all.probability() == 1.0);
}

TEST_CASE("enumerator: a key may not be drawn twice") {
  const weights w{1.0F, 1.0F};
  enumerator all;
  CHECK(has(sentence<std::logic_error>([&] {
              all.run([&] {
                all.pick(law_of(w), {purpose::residual, 2, 5, 0});
                all.flip(0.5, 1.0, {purpose::residual, 2, 5, 0});
              });
            }),
            "share a key (residual, root 2, node 5)"));
  CHECK(has(sentence<std::logic_error>([&] {
              all.run([&] {
                all.race(law_of(w), {purpose::token, 9, 0, 0});
                all.pick(law_of(w), {purpose::token, 9, 0, 0});
              });
            }),
            "share a key (token, position 9)"));
  all.run([&] {  // and the enumerator can be used again
    all.flip(0.5, 1.0, at(0));
    all.flip(0.5, 1.0, {purpose::draft, 0, 0, 1});
    all.flip(0.5, 1.0, {purpose::draft, 1, 0, 0});
    all.flip(0.5, 1.0, {purpose::selection, 0, 0, 0});
  });
  CHECK(all.outcomes() == 16);
}

TEST_CASE("enumerator: a program that does not repeat is found out") {
  enumerator all;
  int runs = 0;
  CHECK(has(sentence<std::logic_error>([&] {
              all.run([&] {
                all.flip(0.5, 1.0, at(0));
                if (runs++ == 0) all.flip(0.5, 1.0, at(1));
              });
            }),
            "something else on the same choices"));
  CHECK(has(sentence<std::logic_error>([&] {
              all.run([&] {
                all.flip(runs++ % 2 == 0 ? 0.5 : 0.25, 1.0, at(0));
                all.flip(0.5, 1.0, at(1));
              });
            }),
            "something else on the same choices"));
}

TEST_CASE("enumerator: weights that are no law, and too many outcomes") {
  enumerator all;
  const weights none{0.0F, 0.0F};
  const weights negative{2.0F, -1.0F};
  CHECK(has(sentence<std::logic_error>([&] { all.run([&] { all.pick(law_of(none), at(3)); }); }), "node 3"));
  REQUIRE_THROWS_AS(all.run([&] { all.race(law_of(negative), at(0)); }), std::logic_error);
  enumerator few{3};
  few.run([&] { few.pick(law_of({1.0F, 1.0F, 1.0F}), at(0)); });
  CHECK(
      has(sentence<std::length_error>([&] { few.run([&] {
                                              few.pick(law_of({1, 1, 1, 1}), at(0));
                                            }); }), "3 outcomes"));
}

TEST_CASE("enumerator: a race has the law that it is run with") {
  for (const weights& w : {weights{1.0F, 3.0F}, weights{0.2F, 0.5F, 0.3F}, weights{5.0F, 0.0F, 1.0F},
                           weights{1e-3F, 1.0F, 1e3F}, weights{0.0F, 2.0F, 0.0F}}) {
    const law_view p = law_of(w);
    std::vector<double> seen(w.size(), 0.0);
    enumerator all;
    all.run([&] {
      const auto x = static_cast<std::size_t>(all.race(p, at(0)));
      seen[x] += all.probability();
    });
    for (std::size_t x = 0; x < w.size(); ++x) CHECK(near(seen[x], p(static_cast<token_id>(x))));
  }
}

TEST_CASE("enumerator: two races on a key agree as often as the coupling says, and keep their laws") {
  const weights first{0.1F, 0.5F, 0.4F};
  for (const weights& second : {weights{0.5F, 0.4F, 0.1F}, weights{0.1F, 0.45F, 0.45F}, weights{0.0F, 0.7F, 0.3F},
                                weights{0.3F, 0.7F}, weights{1.0F, 0.0F, 0.0F}, first}) {
    const law_view p = law_of(first);
    const law_view q = law_of(second);
    double agree = 0.0;
    double total = 0.0;
    std::vector<double> a(3, 0.0);
    std::vector<double> b(3, 0.0);
    enumerator all;
    all.run([&] {
      const auto x = static_cast<std::size_t>(all.race(p, at(0)));
      const auto y = static_cast<std::size_t>(all.race(q, at(0)));
      total += all.probability();
      a[x] += all.probability();
      b[y] += all.probability();
      agree += x == y ? all.probability() : 0.0;
    });
    double expected = 0.0;
    for (token_id x = 0; x < 3; ++x) {
      double sum = 0.0;
      for (token_id y = 0; y < 3; ++y) sum += (std::max)(p(y) / p(x), q(y) / q(x));
      if (q(x) > 0.0) expected += 1.0 / sum;
    }
    CHECK(near(total, 1.0));
    CHECK(near(agree, expected));
    for (std::size_t x = 0; x < 3; ++x) {
      CHECK(near(a[x], p(static_cast<token_id>(x))));
      CHECK(near(b[x], q(static_cast<token_id>(x))));
    }
  }
}

TEST_CASE("enumerator: three races on a key, other keys independent") {
  const weights p{0.1F, 0.5F, 0.4F};
  const weights q{0.5F, 0.4F, 0.1F};
  const weights r{0.3F, 0.3F, 0.4F};
  double total = 0.0;
  std::vector<double> third(3, 0.0);
  std::map<std::pair<token_id, token_id>, double> pairs;
  enumerator all;
  all.run([&] {
    const token_id x = all.race(law_of(p), at(0));
    all.race(law_of(q), at(0));
    const token_id z = all.race(law_of(r), at(0));
    const token_id apart = all.race(law_of(p), at(1));
    CHECK(all.race(law_of(p), at(0)) == x);  // nothing is left to draw
    total += all.probability();
    third[static_cast<std::size_t>(z)] += all.probability();
    pairs[{x, apart}] += all.probability();
  });
  CHECK(near(total, 1.0));
  for (token_id x = 0; x < 3; ++x) {
    CHECK(near(third[static_cast<std::size_t>(x)], law_of(r)(x)));
    for (token_id y = 0; y < 3; ++y) CHECK(near(pairs[{x, y}], law_of(p)(x) * law_of(p)(y)));
  }
}

TEST_CASE("enumerator: races agree with exponentials drawn 200000 times") {
  const weights p{0.1F, 0.5F, 0.4F};
  const weights q{0.5F, 0.4F, 0.1F};
  std::map<std::pair<token_id, token_id>, double> exact;
  enumerator all;
  all.run([&] {
    const token_id x = all.race(law_of(p), at(0));
    const token_id y = all.race(law_of(q), at(0));
    exact[{x, y}] += all.probability();
  });
  std::map<std::pair<token_id, token_id>, double> seen;
  const philox source{5};
  constexpr std::uint32_t draws = 200000;
  for (std::uint32_t i = 0; i < draws; ++i) {
    std::array<double, 3> e{};
    for (std::uint32_t x = 0; x < 3; ++x) e[x] = -std::log1p(-source.uniform({purpose::draft, i, x, 0}));
    const auto winner = [&](const weights& w) {
      std::size_t best = 0;
      for (std::size_t x = 1; x < 3; ++x) best = e[x] / w[x] < e[best] / w[best] ? x : best;
      return static_cast<token_id>(best);
    };
    seen[{winner(p), winner(q)}] += 1.0 / draws;
  }
  for (const auto& [pair, share] : exact) CHECK(near(share, seen[pair], 0.006));  // five standard deviations
}

TEST_CASE("enumerator: any three tokens may race, a fourth is refused with a sentence") {
  const std::vector<token_id> ids{5, 40, 41};
  const weights w{1.0F, 2.0F, 1.0F};
  const law_view sparse = law_view::sparse(ids, w, 4.0);
  std::map<token_id, double> seen;
  enumerator all;
  all.run([&] {
    CHECK(all.race(law_view::point(9), at(0)) == 9);
    const token_id x = all.race(sparse, at(0));
    seen[x] += all.probability();
  });
  CHECK(near(seen[40], 0.5));
  CHECK(has(sentence<std::invalid_argument>([&] { all.run([&] {
                                                    all.race(law_of({1, 1, 1, 1}), at(0));
                                                  }); }),
            "vocabulary of 2 or 3"));
  REQUIRE_THROWS_AS(all.run([&] {
    all.race(sparse, at(0));
    all.race(law_of(w), at(0));
  }),
                    std::invalid_argument);
}

}  // namespace
