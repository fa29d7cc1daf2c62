// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/block.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/none.hpp>
#include <proviso/rules/token.hpp>

#include "proving.hpp"
#include "support/catch.hpp"
#include "support/drafting.hpp"
#include "support/numbers.hpp"
#include "support/verifying.hpp"

namespace {

using namespace proviso;
using rules_test::faults;
using support::path_law;

/// The law of a round on sampled chains.
template <class Rule>
support::round_law round_on_chains(Rule&& rule, const path_law& p, const path_law& q, std::size_t length) {
  return support::law_of_round(rule, p,
                               [&](draft& d, random_ref random) { support::draw_chain(d, length, q, random); });
}

/// sum over i of E[P_i] over drafted paths.
double sum_of_caps(const path_law& p, const path_law& q, std::size_t length, const support::path_tokens& path = {},
                   double drawn = 1.0, double cap = 1.0) {
  if (path.size() == length) return 0.0;
  const support::weights pw = p(path);
  const support::weights qw = q(path);
  const law_view target = support::law_of_weights(pw);
  const law_view proposal = support::law_of_weights(qw);
  double sum = 0.0;
  for (token_id x = 0; x < static_cast<token_id>(qw.size()); ++x) {
    if (!(proposal(x) > 0.0)) continue;
    support::path_tokens longer = path;
    longer.push_back(x);
    const double next = (std::min)(1.0, cap * target(x) / proposal(x));
    sum += drawn * proposal(x) * next + sum_of_caps(p, q, length, longer, drawn * proposal(x), next);
  }
  return sum;
}

TEST_CASE("block: the example of the paper accepts 11/9 tokens where token verification accepts 10/9") {
  const path_law p = support::always({1.0, 2.0});
  const path_law q = support::always({2.0, 1.0});
  CHECK(std::abs(support::expected_length(round_on_chains(rules::block{}, p, q, 2)) - 11.0 / 9.0) < 1e-14);
  CHECK(std::abs(support::expected_length(round_on_chains(rules::token{}, p, q, 2)) - 10.0 / 9.0) < 1e-14);
}

TEST_CASE("block: the expected number of accepted tokens is the sum of E[P_i], at least that of token verification") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1, 9)));
  const auto length = static_cast<std::size_t>(GENERATE(1, 2, 3));
  const path_law p = support::random_laws(seed);
  const path_law q = support::random_laws(seed + 100);
  const double block = support::expected_length(round_on_chains(rules::block{}, p, q, length));
  CHECK(std::abs(block - sum_of_caps(p, q, length)) < 1e-12);
  CHECK(block > support::expected_length(round_on_chains(rules::token{}, p, q, length)) - 1e-12);
}

TEST_CASE("block: one drafted token has the law of token verification") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1, 6)));
  const path_law p = support::random_laws(seed, 4);
  const path_law q = support::random_laws(seed + 100, 4);
  const support::round_law a = round_on_chains(rules::block{}, p, q, 1);
  const support::round_law b = round_on_chains(rules::token{}, p, q, 1);
  REQUIRE(a.size() == b.size());
  for (const auto& [emitted, probability] : a) CHECK(std::abs(probability - b.at(emitted)) < 1e-14);
}

TEST_CASE("block: the law of the text is the target's") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2));
  const auto length = static_cast<std::size_t>(GENERATE(1, 2, 3));
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, seed), 2);
  testing::table_model small{support::with_holes(testing::random_table(3, 2, seed + 100), 3)};
  CHECK(faults(rules::block{}, p, drafters::model{small}, length) == "");
  CHECK(faults(rules::block{}, p, support::pushed_tree{std::vector<std::size_t>(length, 1), 3}, length) == "");
}

TEST_CASE("block: equal, near and disjoint laws, temperature 0, no draft") {
  const testing::row_table p = testing::random_table(3, 2, 4);
  testing::table_model same{p};
  testing::table_model near{testing::blended(p, testing::random_table(3, 2, 9), 1e-6)};
  testing::table_model other{testing::random_table(3, 2, 104)};
  CHECK(faults(rules::block{}, p, drafters::model{same}, 2) == "");
  CHECK(faults(rules::block{}, p, drafters::model{near}, 2) == "");
  CHECK(faults(rules::block{}, p, drafters::model{other}, 2, 0.0F) == "");
  CHECK(faults(rules::block{}, p, drafters::none{}, 2) == "");
  testing::table_model first{testing::row_table{3, 0, {0.0F, support::never, support::never}}};
  CHECK(faults(rules::block{}, {3, 0, {support::never, 0.5F, -0.5F}}, drafters::model{first}, 2) == "");
}

TEST_CASE("block: equal laws are never refused, laws an ulp apart almost never") {
  const path_law p = support::always({1.0, 3.0, 3.0});
  const path_law ulp = support::always({1.0, std::nextafter(3.0F, 4.0F), 3.0});
  for (const auto& [emitted, probability] : round_on_chains(rules::block{}, p, p, 3)) CHECK(emitted.first.size() == 3);
  CHECK(support::expected_length(round_on_chains(rules::block{}, p, ulp, 3)) > 3.0 - 1e-5);
}

/// A round in which the acceptance flips are scripted and the drafted tokens are the most probable ones of q.
struct scripted_round {
  support::scripted source;
  std::size_t accepted = 0;
  std::size_t rows = 0;
  scripted_round(const path_law& p, const path_law& q, std::size_t length, std::vector<bool> answers) {
    support::scripted drawing;
    draft d;
    support::draw_chain(d, length, q, random_ref{drawing});
    source.answers = std::move(answers);
    support::lone_target target{d, p};
    rules::block rule;
    accepted = rule(d, target_laws{target}, random_ref{source}).path.size();
    rows = target.asked();
  }
};

TEST_CASE("block: only what the decision needs is asked for") {
  const path_law p = support::always({3.0, 1.0});
  const path_law q = support::always({1.0, 0.0});
  const path_law wrong = support::always({0.0, 1.0});
  SECTION("all stand: one flip, the rows of the tests and that of the bonus") {
    const scripted_round r{p, q, 3, {true}};
    CHECK(r.accepted == 3);
    CHECK(r.source.flips == 1);
    CHECK(r.rows == 4);
  }
  SECTION("the scan stops at the first row from the end that stands; the bonus row is not asked for") {
    const scripted_round r{p, q, 3, {false, true}};
    CHECK(r.accepted == 2);
    CHECK(r.source.flips == 2);
    CHECK(r.rows == 3);
  }
  SECTION("after a token of probability 0 no row is asked for") {
    const scripted_round r{p, wrong, 3, {true}};
    CHECK(scripted_round(q, wrong, 3, {true}).rows == 1);
    CHECK(scripted_round(q, wrong, 3, {true}).source.flips == 0);
    CHECK(r.rows == 4);
  }
  SECTION("nothing drafted") {
    const scripted_round r{p, q, 0, {true}};
    CHECK(r.rows == 1);
    CHECK(r.source.flips == 0);
  }
}

TEST_CASE("block: thresholds and residual are those of the formulas") {
  const double third = 1.0 / 3.0;
  const path_law p = support::always({1.0, 2.0});
  const path_law q = support::always({2.0, 1.0});
  // Drafted 0 0: P_1 = 1/2, P_2 = 1/4; S_1 = [2/6 - 1/3]+ + [1/6 - 2/3]+ = 0.
  const scripted_round refused{p, q, 2, {false, false}};
  REQUIRE(refused.source.odds.size() == 2);
  CHECK(std::abs(refused.source.odds[0].first / refused.source.odds[0].second - 0.25) < 1e-15);
  CHECK(std::abs(refused.source.odds[1].first) < 1e-15);
  CHECK(refused.source.picked.back() == std::vector<double>{0.0, 1.0});
  // p = (1/3, 1/3, 1/3), q = (2/3, 0, 1/3), drafted 0 0: P_1 = 1/2; [P_1 p - q]+ = (0, 1/6, 0), h_1 = (1/6) / (2/3).
  const scripted_round kept{support::always({1.0, 1.0, 1.0}), support::always({2.0, 0.0, 1.0}), 2, {false, true}};
  CHECK(kept.accepted == 1);
  CHECK(std::abs(kept.source.odds[1].first / kept.source.odds[1].second - 0.25) < 1e-15);
  CHECK(kept.source.picked.back() == std::vector<double>{0.0, 1.0, 0.0});
  // q one-hot: P_1 = 1/3, S_1 = P_1 (1 - p(x)); at the root [p - q]+ = (0, 1/3, 1/3).
  const scripted_round first{support::always({1.0, 1.0, 1.0}), support::always({3.0, 0.0, 0.0}), 2, {false, false}};
  CHECK(first.accepted == 0);
  CHECK(std::abs(first.source.odds[1].first - third * (1.0 - third)) < 1e-15);
  CHECK(first.source.picked.back() == std::vector<double>{0.0, 0.5, 0.5});
}

TEST_CASE("block: a draft that branches is refused with a sentence") {
  testing::table_model target{testing::random_table(3, 1, 1)};
  decoder d{speculative{target, support::pushed_tree{{1, 2}, 3}, rules::block{}}};
  REQUIRE_THROWS_AS(d.run(support::tokens{1, 2}, [](generated_token) {}), std::invalid_argument);
  CHECK(d.why() == stop_reason::failed);
}

}  // namespace

static_assert(proviso::rules::block::lossless);
