// SPDX-License-Identifier: Apache-2.0
// Ensembles of two, three and four models: the exact combined law of several rounds, what they cost in evaluations, and
// the speed-ups that the paper derives.
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <proviso/decode/ensemble.hpp>
#include <proviso/proviso.hpp>
#include <proviso/testing/prove_lossless.hpp>

#include "support/catch.hpp"
#include "support/combining.hpp"
#include "support/drafting.hpp"
#include "support/numbers.hpp"
#include "support/pieces.hpp"

namespace {

using namespace proviso;
using support::crowd;
using support::mix;
using lengths_of = std::vector<std::size_t>;

testing::proof_report prove(crowd& models, mix how, const lengths_of& lengths, std::size_t tokens,
                            float temperature = 1.0F, proposers who = proposers::all,
                            const support::writing& how_written = support::at_once) {
  testing::proof_options options;
  options.prompt = {1, 0};
  options.tokens = tokens;
  return testing::prove_lossless(
      [&] {
        return ensemble{models.combined(how), lengths, transforms::temperature{temperature}, who};
      },
      models.law(how, static_cast<double>(temperature)), how_written.in(options));
}

struct ensemble_trial {
  std::size_t vocab;
  std::size_t tokens;
  lengths_of lengths;
  proposers who = proposers::all;
};

// Vocabularies of two tokens where more tokens would make too many outcomes.
const std::vector<ensemble_trial>& ensemble_trials() {
  static const std::vector<ensemble_trial> all{
      {3, 4, {1, 1}},
      {3, 4, {2, 1}},
      {3, 4, {1, 2}},
      {2, 6, {3, 1}},
      {2, 6, {2, 3}},
      {3, 4, {1, 1}, proposers::first},
      {2, 5, {2, 1}, proposers::first},
      {2, 5, {3, 1}, proposers::first},
      {3, 3, {1, 1, 1}},
      {2, 5, {1, 1, 1}},
      {2, 5, {3, 2, 1}},
      {2, 5, {1, 1, 3}},
      {2, 5, {2, 1, 1}, proposers::first},
      {2, 4, {1, 1, 1, 1}},
      {2, 5, {1, 2, 1, 1}},
  };
  return all;
}

std::string name_of(const ensemble_trial& t, mix how) {
  std::string name = how == mix::weighted ? "weighted" : how == mix::product ? "product" : "contrastive";
  for (const std::size_t length : t.lengths) name += ' ' + std::to_string(length);
  return name + (t.who == proposers::first ? ", first proposes" : "");
}

TEST_CASE("ensemble: the law of every token is the combined one, given the rounds before it") {
  for (const ensemble_trial& t : ensemble_trials()) {
    crowd models{t.lengths.size(), t.vocab, 2, 3};
    for (const mix how : {mix::weighted, mix::product, mix::contrastive}) {
      if (how == mix::contrastive && t.lengths.size() != 2) continue;
      const testing::proof_report report = prove(models, how, t.lengths, t.tokens, 1.0F, t.who);
      INFO(name_of(t, how) << "\n" << report.text());
      CHECK(report.passed());
    }
  }
}

TEST_CASE("ensemble: the same where the text is written in pieces") {
  for (const ensemble_trial& t : ensemble_trials()) {
    crowd models{t.lengths.size(), t.vocab, 2, 3};
    for (const support::writing& how : {support::by_twos, support::by_threes, support::by_rounds}) {
      // Tokens that wait at the end of a round are drawn again.
      const std::size_t tokens = how.piece_rounds > 0 ? (t.vocab == 3 ? 3 : 4) : t.tokens;
      const testing::proof_report report = prove(models, mix::weighted, t.lengths, tokens, 1.0F, t.who, how);
      INFO(name_of(t, mix::weighted) << ", " << how.name << "\n" << report.text());
      CHECK(report.passed());
    }
  }
}

/// Each model finds other tokens impossible.
crowd with_holes(std::size_t count) {
  std::vector<testing::row_table> tables;
  for (std::size_t i = 0; i < count; ++i) {
    tables.push_back(support::with_holes(testing::random_table(3, 2, 11 + 100 * i), i + 2));
  }
  return crowd{std::move(tables)};
}

TEST_CASE("ensemble: the same where tokens are impossible for some of the models") {
  for (const lengths_of& lengths : {lengths_of{1, 1}, lengths_of{1, 2}, lengths_of{1, 1, 1}}) {
    crowd models = with_holes(lengths.size());
    for (const mix how : {mix::weighted, mix::product}) {
      if (how == mix::product && lengths.size() > 2) continue;  // three of these share no token
      const testing::proof_report report = prove(models, how, lengths, 3);
      INFO(name_of({3, 3, lengths}, how) << "\n" << report.text());
      CHECK(report.passed());
    }
  }
}

TEST_CASE("ensemble: at temperature 0 the text is the greedy one of the combined law") {
  for (const ensemble_trial& t : ensemble_trials()) {
    crowd models{t.lengths.size(), 3, 2, 5};
    for (const mix how : {mix::weighted, mix::product, mix::contrastive}) {
      if (how == mix::contrastive && t.lengths.size() != 2) continue;
      const testing::proof_report report = prove(models, how, t.lengths, 7, 0.0F, t.who);
      INFO(name_of(t, how) << "\n" << report.text());
      CHECK(report.passed());
      CHECK(report.outcomes == 1);
      const transforms::temperature cold{0.0F};
      decoder plain{autoregressive{models.combined(how), cold}};
      decoder fast{ensemble{models.combined(how), t.lengths, cold, t.who}};
      const limits bounds{.max_tokens = 60};
      std::vector<token_id> a, b;
      plain.run(
          std::vector<token_id>{1, 0}, [&](generated_token x) { a.push_back(x.token); }, bounds);
      fast.run(
          std::vector<token_id>{1, 0}, [&](generated_token x) { b.push_back(x.token); }, bounds);
      CHECK(a == b);
    }
  }
}

TEST_CASE("combined: a target for plain and for speculative decoding") {
  for (const std::size_t n : {2U, 3U}) {
    crowd models = with_holes(n);
    testing::table_model small{testing::random_table(3, 2, 42)};
    for (const mix how : {mix::weighted, mix::product}) {
      const auto report = [&](auto make) { return testing::prove_lossless(make, models.law(how), {.prompt = {1, 0}}); };
      const auto speculate = [&](auto drafter, rules::any (*rule)()) {
        return report([&, drafter, rule] {
          return speculative{models.combined(how), drafter, rule(), transforms::temperature{}, lengths::fixed{2}};
        });
      };
      CHECK(report([&] { return autoregressive{models.combined(how)}; }).passed());
      const drafters::model chain{small};
      CHECK(speculate(chain, [] { return rules::any{rules::token{}}; }).passed());
      CHECK(speculate(chain, [] { return rules::any{rules::block{}}; }).passed());
      CHECK(speculate(chain, [] { return rules::any{rules::coupled{}}; }).passed());
      const auto tree = [&](rules::any (*rule)()) {
        return report([&, rule] {
          return speculative{models.combined(how), drafters::sampled_tree{small, {2, 1}}, rule(),
                             transforms::temperature{}, lengths::fixed{2}};
        });
      };
      CHECK(tree([] { return rules::any{rules::traversal{}}; }).passed());
    }
  }
}

/// Decodes with seeded draws; what it cost.
statistics run(crowd& models, const lengths_of& lengths, std::size_t tokens, std::uint64_t seed,
               proposers who = proposers::all, bool* last_refused = nullptr) {
  decoder d{ensemble{models.combined(mix::weighted), lengths, transforms::temperature{}, who}, seed};
  d.start(std::vector<token_id>{1, 0}, {.max_tokens = tokens});
  while (!d.done()) d.step();
  REQUIRE(d.output().size() == tokens);
  if (last_refused != nullptr) *last_refused = d.output().back().from == origin::corrected;
  return d.stats();
}

TEST_CASE("ensemble: with lengths 1, calls = tokens + (n - 1) * cycles on every run") {
  std::uint64_t longest = 0;
  for (std::size_t n = 2; n <= 5; ++n) {
    crowd models{n, 4, 2, 20};
    const lengths_of ones(n, 1);
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
      const std::size_t tokens = 1 + seed % 23;
      bool last_refused = false;
      const statistics s = run(models, ones, tokens, seed, proposers::all, &last_refused);
      const std::uint64_t cycles = 1 + s.corrected - (last_refused ? 1 : 0);
      const std::uint64_t calls = s.target_calls + s.drafter_calls;
      REQUIRE(calls == tokens + (n - 1) * cycles);
      REQUIRE(calls <= n * tokens);
      REQUIRE(s.rounds == tokens);
      longest = cycles > longest ? cycles : longest;
    }
  }
  CHECK(longest > 5);
}

TEST_CASE("ensemble: other lengths, too, count what they draft and emit") {
  for (const lengths_of& lengths : {lengths_of{2, 1}, lengths_of{1, 3}, lengths_of{3, 2, 1}, lengths_of{1, 2, 3, 4}}) {
    crowd models{lengths.size(), 4, 2, 30};
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      const statistics s = run(models, lengths, 40, seed);
      REQUIRE(s.emitted == s.accepted + s.corrected);
      REQUIRE(s.accepted <= s.drafted);
    }
  }
}

/// Two models over `vocab` tokens whose laws share the mass 1 - 2 (1 - alpha), so that a token of either one stands
/// with probability alpha under their even mean: min(q, (q + p) / 2) sums to 1 - TV / 2.
crowd with_acceptance(double alpha) {
  const auto apart = static_cast<float>(std::log(2.0 * (1.0 - alpha)));
  const auto shared = static_cast<float>(std::log(1.0 - 2.0 * (1.0 - alpha)));
  using support::never;
  return crowd{{testing::row_table{3, 0, {shared, apart, never}}, testing::row_table{3, 0, {shared, never, apart}}}};
}

/// Speed against plain decoding of the ensemble when an evaluation of model 0 costs c, and one of model 1 costs 1.
double speedup(double alpha, double c, const lengths_of& lengths, proposers who) {
  crowd models = with_acceptance(alpha);
  const std::vector<model_ref> refs{model_ref{models.model(0)}, model_ref{models.model(1)}};
  double cost = 0.0;
  double tokens = 0.0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    decoder d{ensemble{combined{combine::weighted{0.5, 0.5}, std::span<const model_ref>{refs}}, lengths,
                       transforms::temperature{}, who},
              seed};
    d.start(std::vector<token_id>{0}, {.max_tokens = 1000});
    while (!d.done()) d.step();
    cost += c * static_cast<double>(d.stats().target_calls) + static_cast<double>(d.stats().drafter_calls);
    tokens += static_cast<double>(d.stats().emitted);
  }
  return tokens * (1.0 + c) / cost;
}

/// The speed-up of alternate proposal where every token stands with probability a. A round in which model 0 proposes
/// is followed, with probability a^q, by one of model 1, which already has its first token. That one costs p - 1 calls
/// of model 1 and one of model 0; with probability a^p model 0 then has its first token, too.
double alternating(double a, double c, double q, double p) {
  const double both = std::pow(a, q + p);
  return (1.0 - both) * (1.0 + c) / ((1.0 - a) * (1.0 + c * q - c * both + std::pow(a, q) * (c + p - 1.0)));
}
/// The same as the paper has it, theorem 3.6: it leaves out what the rounds of model 1 cost and emit.
double theorem_3_6(double a, double c, double q, double p) {
  return (1.0 - std::pow(a, q)) * (1.0 + c) / ((1.0 - a) * (1.0 + c * q - c * std::pow(a, p)));
}

TEST_CASE("ensemble: the speed-ups of alternate proposal") {
  struct golden {
    double alpha, even, uneven;  // of the paper's theorem
  };
  for (const golden g :
       {golden{0.5, 1.333, 1.330}, golden{0.7, 1.538, 1.939}, golden{0.8, 1.667, 2.372}, golden{0.9, 1.818, 2.916}}) {
    CHECK(std::abs(theorem_3_6(g.alpha, 1.0, 1, 1) - g.even) < 1e-3);
    CHECK(std::abs(theorem_3_6(g.alpha, 0.15, 5, 1) - g.uneven) < 1e-3);
    CHECK(std::abs(alternating(g.alpha, 1.0, 1, 1) - g.even) < 1e-3);
    CHECK(std::abs(alternating(g.alpha, 0.15, 5, 1) / g.uneven - 1.0) < 0.06);
    const double even = speedup(g.alpha, 1.0, {1, 1}, proposers::all);
    const double uneven = speedup(g.alpha, 0.15, {5, 1}, proposers::all);
    const double two = speedup(g.alpha, 0.4, {3, 2}, proposers::all);
    INFO("alpha " << g.alpha << ": " << even << ", " << uneven << " and " << two);
    CHECK(std::abs(even / g.even - 1.0) < 0.01);
    CHECK(std::abs(uneven / alternating(g.alpha, 0.15, 5, 1) - 1.0) < 0.01);
    CHECK(std::abs(two / alternating(g.alpha, 0.4, 3, 2) - 1.0) < 0.01);
  }
}

TEST_CASE("ensemble: the speed-ups when model 0 alone proposes") {
  struct golden {
    double alpha, even, uneven;
  };
  for (const golden g :
       {golden{0.5, 1.0, 1.273}, golden{0.7, 1.133, 1.822}, golden{0.8, 1.2, 2.209}, golden{0.9, 1.267, 2.691}}) {
    const double even = speedup(g.alpha, 1.0, {2, 1}, proposers::first);
    const double uneven = speedup(g.alpha, 0.15, {5, 1}, proposers::first);
    INFO("alpha " << g.alpha << ": " << even << " and " << uneven);
    CHECK(std::abs(even / g.even - 1.0) < 0.01);
    CHECK(std::abs(uneven / g.uneven - 1.0) < 0.01);
  }
}

}  // namespace
