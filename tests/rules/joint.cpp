// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/joint.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/none.hpp>
#include <proviso/testing/prove_lossless.hpp>

#include "support/catch.hpp"
#include "support/drafting.hpp"
#include "support/verifying.hpp"

namespace {

using namespace proviso;
using support::path_law;

/// Forgets what it owes after every round.
class forgetful {
 public:
  static constexpr bool lossless = false;
  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    rule_.start();
    return rule_(d, p, random);
  }

 private:
  rules::joint rule_;
};

template <class Rule, class Drafter>
testing::proof_report prove(const testing::row_table& p, const Drafter& drafter, std::size_t length, std::size_t tokens,
                            float temperature = 1.0F) {
  testing::table_model target{p};
  testing::proof_options options;
  options.prompt = {1, 0};
  options.tokens = tokens;
  options.conditional = testing::conditionals::whole_text;
  const transforms::temperature shape{temperature};
  return testing::prove_lossless(
      [&] {
        return speculative{target, drafter, Rule{}, shape, lengths::fixed{length}};
      },
      testing::table_law(p, shape), options);
}

template <class Drafter>
std::string joint_faults(const testing::row_table& p, const Drafter& drafter, std::size_t length, std::size_t tokens,
                         float temperature = 1.0F) {
  const testing::proof_report report = prove<rules::joint>(p, drafter, length, tokens, temperature);
  return report.passed() ? "" : report.text();
}

/// sum over prefixes up to `length` of min(P, Q).
double sum_of_minima(const path_law& p, const path_law& q, std::size_t length, const support::path_tokens& path = {},
                     double joint_p = 1.0, double joint_q = 1.0) {
  if (path.size() == length) return 0.0;
  const support::weights pw = p(path);
  const support::weights qw = q(path);
  double sum = 0.0;
  for (token_id x = 0; x < static_cast<token_id>(qw.size()); ++x) {
    support::path_tokens longer = path;
    longer.push_back(x);
    const double next_p = joint_p * support::law_of_weights(pw)(x);
    const double next_q = joint_q * support::law_of_weights(qw)(x);
    sum += (std::min)(next_p, next_q) + sum_of_minima(p, q, length, longer, next_p, next_q);
  }
  return sum;
}

double accepted_in_first_round(const path_law& p, const path_law& q, std::size_t length) {
  rules::joint rule;
  const auto fill = [&](draft& d, random_ref random) {
    rule.start();
    support::draw_chain(d, length, q, random);
  };
  return support::expected_length(support::law_of_round(std::ref(rule), p, fill));
}

TEST_CASE("joint: a round that owes nothing accepts the sum of min(P, Q) tokens") {
  const path_law p = support::always({1.0, 2.0});
  const path_law q = support::always({2.0, 1.0});
  CHECK(std::abs(accepted_in_first_round(p, q, 2) - 12.0 / 9.0) < 1e-14);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const path_law a = support::random_laws(seed);
    const path_law b = support::random_laws(seed + 100);
    CHECK(std::abs(accepted_in_first_round(a, b, 3) - sum_of_minima(a, b, 3)) < 1e-12);
  }
}

TEST_CASE("joint: the law of the text is the target's, over rounds that owe to several drafts") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3));
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, seed), 2);
  testing::table_model small{support::with_holes(testing::random_table(3, 2, seed + 100), 3)};
  CHECK(joint_faults(p, drafters::model{small}, 1, 3) == "");
  CHECK(joint_faults(p, drafters::model{small}, 2, 5) == "");
  testing::table_model two{testing::random_table(2, 2, seed + 200)};
  CHECK(joint_faults(testing::random_table(2, 2, seed), drafters::model{two}, 3, 6) == "");
}

TEST_CASE("joint: forgetting what is owed biases the text") {
  const testing::row_table p = testing::random_table(3, 2, 1);
  testing::table_model small{testing::random_table(3, 2, 101)};
  CHECK(prove<rules::joint>(p, drafters::model{small}, 2, 5).passed());
  CHECK(!prove<forgetful>(p, drafters::model{small}, 2, 5).passed());
}

TEST_CASE("joint: equal and near laws, temperature 0, no draft") {
  const testing::row_table p = testing::random_table(3, 2, 4);
  testing::table_model same{p};
  testing::table_model near{testing::blended(p, testing::random_table(3, 2, 9), 1e-6)};
  testing::table_model other{testing::random_table(3, 2, 104)};
  CHECK(joint_faults(p, drafters::model{same}, 2, 4) == "");
  CHECK(joint_faults(p, drafters::model{near}, 2, 5) == "");
  CHECK(joint_faults(p, drafters::model{other}, 3, 6, 0.0F) == "");
  CHECK(joint_faults(p, drafters::none{}, 2, 3) == "");
}

TEST_CASE("joint: a draft shorter than what is owed is refused with a sentence; start() forgets it") {
  const path_law p = support::always({1.0, 2.0});
  const path_law q = support::always({2.0, 1.0});
  rules::joint rule;
  // Three tokens are drafted, none stands, 1 is the correction: two more are owed.
  support::dictated source{{false, false, false}, {0, 0, 0, 1}};
  draft d;
  support::draw_chain(d, 3, q, random_ref{source});
  support::lone_target first{d, p};
  CHECK(rule(d, target_laws{first}, random_ref{source}).path.empty());

  support::dictated next{{true}, {0, 0}};
  d.reset(1, 11, 1);
  const support::weights drawn_from{2.0, 1.0};
  d.sample(draft::root(), support::law_of_weights(drawn_from), random_ref{next});
  support::lone_target second{d, p};
  REQUIRE_THROWS_AS(rule(d, target_laws{second}, random_ref{next}), std::logic_error);
  rule.start();
  CHECK(rule(d, target_laws{second}, random_ref{next}).path.size() == 1);
}

TEST_CASE("joint: tokens are verified against norm([r p - q]+) of the refused draft") {
  const path_law p = support::always({1.0, 2.0});
  const path_law q = support::always({2.0, 1.0});
  rules::joint rule;
  support::dictated source{{false, false}, {0, 0, 1}};
  draft d;
  support::draw_chain(d, 2, q, random_ref{source});
  support::lone_target first{d, p};
  rule(d, target_laws{first}, random_ref{source});
  // After the correction 1: r = (2/3) / (1/3) = 2, [2 p - q]+ = (0, 1), one token is owed.
  support::scripted drawing;
  draft e;
  support::draw_chain(e, 2, q, random_ref{drawing});
  support::lone_target second{e, p};
  support::scripted asked{{true}};
  const outcome o = rule(e, target_laws{second}, random_ref{asked});
  CHECK(o.path.empty());  // token 0 cannot stand
  CHECK(asked.flips == 0);
  CHECK(second.asked() == 1);
  CHECK(asked.picked.back() == std::vector<double>{0.0, 1.0});
}

TEST_CASE("joint: nothing is owed after a token that the drafter cannot draw, or hardly") {
  const path_law p = support::always({1.0, 1.0});
  for (const double tiny : {0.0, 1e-30}) {
    rules::joint rule;
    support::dictated source{{false, false}, {0, 0, 1}};
    draft d;
    support::draw_chain(d, 2, support::always({1.0, tiny}), random_ref{source});
    support::lone_target first{d, p};
    CHECK(rule(d, target_laws{first}, random_ref{source}).next == 1);
    d.reset(1, 11, 0);
    support::lone_target second{d, p};
    support::scripted asked;
    rule(d, target_laws{second}, random_ref{asked});
    CHECK(asked.picked.back() == std::vector<double>{0.5, 0.5});
  }
}

TEST_CASE("joint: a draft that branches is refused with a sentence") {
  testing::table_model target{testing::random_table(3, 1, 1)};
  decoder d{speculative{target, support::pushed_tree{{2}, 3}, rules::joint{}}};
  REQUIRE_THROWS_AS(d.run(support::tokens{1, 2}, [](generated_token) {}), std::invalid_argument);
}

}  // namespace

static_assert(proviso::rules::joint::lossless);
