// SPDX-License-Identifier: Apache-2.0
#include <proviso/decode/autoregressive.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "support/catch.hpp"
#include "support/decoding.hpp"
#include "support/drafting.hpp"

namespace {

using namespace proviso;
using support::budget;
using support::tokens;

void ignore(generated_token) {}

TEST_CASE("autoregressive: the law of the text is the model's") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2));
  const double temperature = GENERATE(0.0, 0.6, 1.0);
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, seed), 2);
  testing::table_model target{p};
  auto make = [&] { return autoregressive{target, transforms::temperature{static_cast<float>(temperature)}}; };
  const tokens prompt{1, 2};
  CHECK(support::distance(support::law_of(make, prompt, 5), support::exact_law(p, prompt, 5, temperature)) < 1e-6);
}

TEST_CASE("autoregressive: a token is the draw that its position names, with its log-probability") {
  const testing::row_table p = testing::random_table(7, 1, 3);
  testing::table_model target{p};
  decoder d{autoregressive{target}, 11, 4};
  d.run(tokens{2, 5}, ignore, budget(30));
  const philox source{11, 4};
  for (std::size_t i = 0; i < 30; ++i) {
    const support::tokens context(d.text().begin(), d.text().begin() + static_cast<std::ptrdiff_t>(i + 2));
    const std::vector<double> law = support::softmax(p.row(context));
    const std::vector<float> weights(law.begin(), law.end());
    const law_view view = law_view::dense(weights, numeric::sum(weights));
    REQUIRE(d.output()[i].token == source.pick(view, {purpose::token, static_cast<std::uint32_t>(i + 2), 0, 0}));
    REQUIRE(d.output()[i].from == origin::fresh);
    REQUIRE(std::abs(static_cast<double>(d.output()[i].log_probability) -
                     std::log(law[static_cast<std::size_t>(d.output()[i].token)])) < 1e-5);
  }
}

TEST_CASE("autoregressive: one evaluation of one token per token, the last token is not evaluated") {
  testing::table_model target{testing::random_table(5, 2, 1)};
  decoder d{autoregressive{target}};
  limits bounds = budget(10);
  bounds.prefill_chunk = 4;
  d.start(tokens(11, 3), bounds);
  for (std::size_t n = 11; !d.done(); ++n) {
    d.step();
    CHECK(d.sessions()[0].length() == d.text().size() - 1);
  }
  CHECK(d.output().size() == 10);
  CHECK(d.why() == stop_reason::budget);
  CHECK(d.stats().target_calls == 10);
  CHECK(d.stats().target_tokens == 10);
  CHECK(d.stats().prefill_calls == 3);  // 4 + 4 + 2 tokens
  CHECK(d.stats().prefill_tokens == 10);
  CHECK(d.stats().fresh == 10);
  CHECK(d.stats().rounds == 10);
  CHECK(d.stats().tokens_per_call() == 1.0);
  CHECK(target.counts().tokens == 20);
  CHECK(target.counts().rows == 10);
}

TEST_CASE("autoregressive: a longer prompt costs only what is new, another prompt starts anew") {
  testing::table_model target{testing::random_table(5, 2, 1)};
  decoder d{autoregressive{target}};
  d.run(tokens(20, 3), ignore, budget(10));
  tokens longer(d.text().begin(), d.text().end());
  longer.insert(longer.end(), {1, 2, 3});
  target.reset_counts();
  d.start(longer, budget(5));
  d.step();
  CHECK(target.counts().tokens == 1 + 3);  // the last token of the text before, and the new ones
  d.cancel();
  while (!d.done()) d.step();
  target.reset_counts();
  d.run(tokens(6, 4), ignore, budget(1));
  CHECK(target.counts().tokens == 6);
  decoder fresh{autoregressive{target}};
  d.run(tokens(6, 4), ignore, budget(20));
  fresh.run(tokens(6, 4), ignore, budget(20));
  CHECK(std::equal(d.text().begin(), d.text().end(), fresh.text().begin(), fresh.text().end()));
}

TEST_CASE("autoregressive: ends at end tokens, stop sequences, the budget and the capacity") {
  testing::table_model target{4,
                              [](std::span<const token_id> context, std::span<float> row) {
                                for (float& x : row) x = 0.0F;
                                row[static_cast<std::size_t>(context.back() + 1) % 4] = 50.0F;
                              },
                              9};
  decoder d{autoregressive{target}};
  limits bounds = budget(6);
  SECTION("end token") {
    bounds.end_tokens = {3};
    CHECK(d.run(tokens{0}, ignore, bounds) == stop_reason::end_token);
    CHECK(d.output().size() == 3);
  }
  SECTION("stop sequence") {
    bounds.stop_sequences = {{0, 1}};
    CHECK(d.run(tokens{1}, ignore, bounds) == stop_reason::stop_sequence);
    CHECK(d.output().size() == 4);
  }
  SECTION("budget") {
    CHECK(d.run(tokens{0}, ignore, bounds) == stop_reason::budget);
    CHECK(d.output().size() == 6);
  }
  SECTION("budget of nothing") {
    CHECK(d.run(tokens{0}, ignore, budget(0)) == stop_reason::budget);
    CHECK(d.output().empty());
  }
  SECTION("capacity") {
    CHECK(d.run(tokens{0}, ignore, budget(50)) == stop_reason::capacity);
    CHECK(d.text().size() == 10);  // 9 in the session, and the token after them
  }
  CHECK(d.sessions()[0].length() < d.text().size());
}

TEST_CASE("autoregressive: senseless prompts and rows are errors that say so") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  testing::table_model broken{testing::row_table{2, 0, {0.0F, nan}}};
  testing::table_model target{testing::random_table(4, 1, 1), 3};
  decoder d{autoregressive{target}};
  REQUIRE_THROWS_AS(d.start(tokens{}), std::invalid_argument);
  REQUIRE_THROWS_AS(d.start(tokens{0, 4}), std::invalid_argument);
  REQUIRE_THROWS_AS(d.start(tokens{-1}), std::invalid_argument);
  REQUIRE_THROWS_AS(d.run(tokens{0, 1, 2, 3}, ignore), std::length_error);
  decoder b{autoregressive{broken}};
  REQUIRE_THROWS_AS(b.run(tokens{0}, ignore), std::domain_error);
  CHECK(b.why() == stop_reason::failed);
}

/// log softmax of a row.
std::vector<double> log_law(std::span<const float> row) {
  double total = 0.0;
  for (const float x : row) total += std::exp(static_cast<double>(x));
  std::vector<double> log_p;
  for (const float x : row) log_p.push_back(static_cast<double>(x) - std::log(total));
  return log_p;
}

TEST_CASE("autoregressive: the model's own log-probabilities, and those of the best tokens, when asked for") {
  const testing::row_table p = testing::random_table(7, 1, 3);
  testing::table_model target{p};
  limits bounds = budget(30);
  for (const float temperature : {0.0F, 0.5F}) {
    decoder d{autoregressive{target, transforms::temperature{temperature}}, 11};
    d.run(tokens{2, 5}, ignore, bounds);
    CHECK_THROWS_AS(d.report(0), std::out_of_range);
    limits asked = bounds;
    asked.best_tokens = 3;
    decoder same{autoregressive{target, transforms::temperature{temperature}}, 11};
    same.run(tokens{2, 5}, ignore, asked);
    REQUIRE(same.output().size() == 30);
    for (std::size_t i = 0; i < 30; ++i) {
      CHECK(d.output()[i].token == same.output()[i].token);
      CHECK(d.output()[i].log_probability == same.output()[i].log_probability);
      const tokens before(same.text().begin(), same.text().begin() + static_cast<std::ptrdiff_t>(i + 2));
      const std::vector<double> expected = log_law(p.row(before));
      const own_law_report r = same.report(i);
      CHECK(std::abs(static_cast<double>(r.log_probability) -
                     expected[static_cast<std::size_t>(same.output()[i].token)]) < 1e-5);
      REQUIRE(r.best.size() == 3);
      for (std::size_t n = 0; n < 3; ++n) {
        std::size_t better = 0;
        for (const double x : expected) better += x > expected[static_cast<std::size_t>(r.best[n].token)] ? 1U : 0U;
        CHECK(better == n);
        CHECK(std::abs(static_cast<double>(r.best[n].log_probability) -
                       expected[static_cast<std::size_t>(r.best[n].token)]) < 1e-5);
      }
      if (temperature == 0.0F) CHECK(r.best[0].token == same.output()[i].token);
    }
    CHECK_THROWS_AS(same.report(30), std::out_of_range);
    asked.best_tokens = 0;
    same.run(tokens{2, 5}, ignore, asked);
    CHECK(same.report(29).best.empty());
    CHECK(same.report(29).log_probability < 0.0F);
  }
}

}  // namespace
