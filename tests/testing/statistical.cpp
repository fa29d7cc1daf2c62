// SPDX-License-Identifier: Apache-2.0
#include <proviso/testing/statistical.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include <proviso/core/draft.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/testing/enumerator.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/catch.hpp"

namespace {

using namespace proviso;
using namespace proviso::testing;
using counts = std::vector<std::uint64_t>;
using probabilities = std::vector<double>;

bool relatively_near(double a, double b, double relative = 1e-12) { return std::abs(a - b) <= relative * std::abs(b); }

TEST_CASE("statistical: the incomplete gamma function at known values") {
  for (const double x : {1e-9, 1e-3, 0.3, 1.0, 1.7, 2.5, 10.0, 60.0, 300.0}) {
    CHECK(relatively_near(upper_gamma(1.0, x), std::exp(-x)));
    CHECK(relatively_near(upper_gamma(0.5, x), std::erfc(std::sqrt(x))));
    CHECK(relatively_near(upper_gamma(2.0, x), (1.0 + x) * std::exp(-x)));
    double sum = 0.0;  // Q(n, x) is the chance of fewer than n events at rate x
    double term = std::exp(-x);
    for (int n = 0; n < 12; ++n, term *= x / n) sum += term;
    CHECK(relatively_near(upper_gamma(12.0, x), sum));
  }
  CHECK(upper_gamma(3.0, 0.0) == 1.0);
  CHECK(upper_gamma(3.0, std::numeric_limits<double>::infinity()) == 0.0);
  // 95 % points of chi-squared with 1, 5, 15 and 100 degrees of freedom, from tables
  CHECK(relatively_near(upper_gamma(0.5, 3.8414588 / 2), 0.05, 1e-6));
  CHECK(relatively_near(upper_gamma(2.5, 11.0704977 / 2), 0.05, 1e-6));
  CHECK(relatively_near(upper_gamma(7.5, 24.9957901 / 2), 0.05, 1e-6));
  CHECK(relatively_near(upper_gamma(50.0, 124.342113 / 2), 0.05, 1e-6));
}

TEST_CASE("statistical: G of a small example by hand") {
  const counts seen{30, 50, 20};
  const probabilities p{0.25, 0.5, 0.25};
  const g_result g = g_test(seen, p);
  CHECK(relatively_near(g.statistic, 2.0 * (30.0 * std::log(1.2) + 20.0 * std::log(0.8))));
  CHECK(g.degrees == 2);
  CHECK(relatively_near(g.p_value, std::exp(-g.statistic / 2.0)));
  CHECK(g_test(counts{25, 50, 25}, p).statistic == 0.0);
  CHECK(g_test(counts{25, 50, 25}, p).p_value == 1.0);
}

TEST_CASE("statistical: bins of small expectation are joined") {
  const counts seen{960, 1, 2, 30, 7};
  const probabilities p{0.96, 0.001, 0.002, 0.03, 0.007};
  CHECK(g_test(seen, p).degrees == 2);  // 960 | 30 | 1 + 2 + 7
  CHECK(g_test(seen, p).statistic == 0.0);
  CHECK(g_test(seen, p, 20.0).degrees == 1);  // what is left joins the next one
  CHECK(g_test(seen, p, 1e6).degrees == 0);
  CHECK(g_test(seen, p, 1e6).p_value == 1.0);
  CHECK(g_test(seen, p, 0.5).degrees == 4);
}

TEST_CASE("statistical: a token of probability 0 refutes the law, however rare") {
  const g_result g = g_test(counts{999999, 1, 0}, probabilities{1.0, 0.0, 0.0});
  CHECK(g.p_value == 0.0);
  CHECK(std::isinf(g.statistic));
  CHECK(g_test(counts{1000000, 0, 0}, probabilities{1.0, 0.0, 0.0}).p_value == 1.0);
}

TEST_CASE("statistical: senseless calls get a sentence") {
  REQUIRE_THROWS_AS(g_test(counts{1, 2}, probabilities{0.5, 0.25, 0.25}), std::invalid_argument);
  REQUIRE_THROWS_AS(g_test(counts{1, 2}, probabilities{0.5, 0.4}), std::invalid_argument);
  REQUIRE_THROWS_AS(g_test_two(counts{1, 2}, counts{0, 0}), std::invalid_argument);
  REQUIRE_THROWS_AS(g_test_two(counts{1, 2}, counts{1, 2, 3}), std::invalid_argument);
}

TEST_CASE("statistical: two samples") {
  CHECK(g_test_two(counts{100, 200, 300}, counts{200, 400, 600}).statistic < 1e-9);
  const g_result g = g_test_two(counts{60, 40}, counts{40, 60});
  CHECK(relatively_near(g.statistic, 4.0 * (60.0 * std::log(1.2) + 40.0 * std::log(0.8))));
  CHECK(g.degrees == 1);
  CHECK(g_test_two(counts{5000, 0, 5000}, counts{0, 5000, 5000}).p_value < 1e-100);
}

TEST_CASE("statistical: p-values of a true law are uniform") {
  const probabilities p{0.4, 0.3, 0.2, 0.05, 0.05};
  int small = 0;
  constexpr int tests = 2000;
  for (int t = 0; t < tests; ++t) {
    const philox source{7, static_cast<std::uint32_t>(t)};
    counts seen(p.size());
    for (std::uint32_t i = 0; i < 300; ++i) {
      const token_id x = source.pick(law_view::dense(std::span<const double>{p}, 1.0), {purpose::token, i, 0, 0});
      ++seen[static_cast<std::size_t>(x)];
    }
    small += g_test(seen, p).p_value < 0.1 ? 1 : 0;
  }
  CHECK(std::abs(small / static_cast<double>(tests) - 0.1) < 0.035);  // five standard deviations
}

TEST_CASE("statistical: bins by rank") {
  const probabilities p{0.05, 0.5, 0.05, 0.2, 0.1, 0.1};
  const std::vector<std::size_t> bin = bins_by_rank(p, 4);
  CHECK(bin == std::vector<std::size_t>{3, 0, 3, 1, 2, 3});
  probabilities many(5000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = 1.0 / 5000.0;
  const std::vector<std::size_t> even = bins_by_rank(many, 16);
  std::vector<double> mass(16, 0.0);
  for (const std::size_t b : even) mass[b] += 1.0 / 5000.0;
  for (const double m : mass) CHECK(std::abs(m - 1.0 / 16.0) < 1e-3);
  CHECK(bins_by_rank(p, 1) == std::vector<std::size_t>(6, 0));
}

/// Draws by races; when `share` is set, the correction runs on the noise of the drafted token.
template <class Source>
struct racing {
  Source* inner;
  bool share;

  bool flip(double p, double q, const draw_key& key) const { return inner->flip(p, q, key); }
  token_id pick(const law_view& w, draw_key key) const {
    if (share && key.what == purpose::residual) key.what = purpose::draft;
    return inner->race(w, key);
  }
  token_id race(const law_view& w, const draw_key& key) const { return inner->race(w, key); }
};

const probabilities lone_p{0.1, 0.5, 0.4};
const probabilities lone_q{0.5, 0.4, 0.1};

/// Rounds with one drafted token.
template <class Source>
struct lone_rounds {
  racing<Source> source;
  draft d;
  rules::token verify;

  token_id first_token(std::uint32_t round) {
    auto law_after = [](node_id) { return law_view::dense(std::span<const double>{lone_p}, 1.0); };
    const random_ref random = random_ref{source}.at_root(round);
    d.reset(0, round * 2, 1);
    const node_id x = d.sample(draft::root(), law_view::dense(std::span<const double>{lone_q}, 1.0), random);
    const outcome o = verify(d, target_laws{law_after}, random);
    return o.path.empty() ? o.next : d.token(x);
  }
};

TEST_CASE("statistical: noise shared by draft and correction shows with 200000 draws in narrow bins") {
  for (const bool share : {false, true}) {
    probabilities exact(3, 0.0);
    enumerator all;
    lone_rounds<enumerator> enumerated{{&all, share}, {}, {}};
    all.run([&] {
      const token_id x = enumerated.first_token(0);
      exact[static_cast<std::size_t>(x)] += all.probability();
    });
    const probabilities expected = share ? probabilities{0.1, 47.0 / 105.0, 19.0 / 42.0} : lone_p;
    for (std::size_t x = 0; x < 3; ++x) CHECK(std::abs(exact[x] - expected[x]) < 1e-8);  // drafts record floats

    const philox source{3};
    lone_rounds<const philox> drawn{{&source, share}, {}, {}};
    counts seen(3);
    for (std::uint32_t i = 0; i < 200000; ++i) ++seen[static_cast<std::size_t>(drawn.first_token(i))];
    INFO(g_test(seen, lone_p).text());
    CHECK((g_test(seen, lone_p).p_value < 1e-100) == share);
    CHECK(g_test(seen, exact).p_value > 1e-3);
  }
}

/// Token verification whose correction is drawn from p.
struct correction_from_target {
  static constexpr bool lossless = true;
  outcome operator()(const draft& d, const target_laws& after, random_ref random) {
    path.clear();
    node_id at = draft::root();
    for (node_id x = d.first_child(at); x != prefix_node; x = d.first_child(at)) {
      if (!random.flip(after(at)(d.token(x)), d.q(x)(d.token(x)), purpose::acceptance, x)) {
        return {path, random.pick(after(at), purpose::residual, x), origin::corrected};
      }
      path.push_back(at = x);
    }
    return {path, random.pick_token(after(at), d.next_position(at)), ending(d, at)};
  }
  std::vector<node_id> path;
};

TEST_CASE("statistical: texts of two algorithms") {
  table_model target{random_table(40, 1, 1)};
  table_model small{random_table(40, 1, 2)};
  const auto plain = [&] { return autoregressive{target}; };
  comparison_options options;
  options.texts = 8000;
  const comparison_report right = compare_texts(
      plain,
      [&] {
        return speculative{target, drafters::model{small}, rules::token{}};
      },
      options);
  INFO(right.text());
  CHECK(right.p_value() > 1e-3);
  REQUIRE(right.positions.size() == 3);
  CHECK(right.positions[0].degrees == 15);
  CHECK(right.texts.degrees == 15);

  const comparison_report wrong = compare_texts(
      plain,
      [&] {
        return speculative{target, drafters::model{small}, correction_from_target{}};
      },
      options);
  CHECK(wrong.p_value() < 1e-9);
  CHECK(wrong.text().find("token 1: G = ") == 0);
  options.bins = 1;
  REQUIRE_THROWS_AS(compare_texts(plain, plain, options), std::invalid_argument);
}

}  // namespace
