// SPDX-License-Identifier: Apache-2.0
#include <proviso/orders/energy.hpp>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <proviso/decode/diffusion.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/testing/canvas_law.hpp>
#include <proviso/testing/enumerator.hpp>
#include <proviso/testing/table_denoiser.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/catch.hpp"

using namespace proviso;
using tokens = std::vector<token_id>;

namespace {

const tokens prompt{1, 0};

/// Two tokens and the mask; the scorer gives the mask some probability, too.
struct pair {
  testing::row_table chain = testing::random_table(2, 1, 12);
  testing::row_table scores = testing::random_table(3, 1, 31);
  testing::markov_denoiser net{chain};
  canvas_model<testing::markov_denoiser> canvases{net};
  testing::table_model scorer{scores, 16};

  /// Law of the decoder's output in one step on `given`.
  testing::canvas_law law(std::size_t candidates, const tokens& given) {
    testing::canvas_law result;
    testing::enumerator all;
    all.run([&] {
      decoder d{
          sequence{diffusion{canvases, canvas_settings{.steps = 1, .given = given}, orders::energy{scorer, candidates}},
                   all.source()}};
      d.run(prompt, [](generated_token) {});
      tokens out;
      for (const generated_token t : d.output()) out.push_back(t.token);
      result[out] += all.probability();
    });
    return result;
  }
  double p(const tokens& x) const {  // of the scorer
    double product = 1.0;
    tokens text = prompt;
    for (const token_id t : x) {
      const std::span<const float> row = scores.row(text);
      double total = 0.0;
      for (const float l : row) total += std::exp(static_cast<double>(l));
      product *= std::exp(static_cast<double>(row[static_cast<std::size_t>(t)])) / total;
      text.push_back(t);
    }
    return product;
  }
  double q(const tokens& given, const tokens& x) const {  // of the denoiser, in one step
    double product = 1.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      std::vector<double> row(2);
      if (given[i] == 2) net.conditional(prompt, given, i, row);
      product *= given[i] == 2 ? row[static_cast<std::size_t>(x[i])] : x[i] == given[i] ? 1.0 : 0.0;
    }
    return product;
  }
};

}  // namespace

TEST_CASE("one of two candidates is kept with a probability proportional to p / q") {
  pair models;
  const tokens given{2, 1, 2};
  std::vector<tokens> all;
  for (token_id a = 0; a < 2; ++a) {
    for (token_id b = 0; b < 2; ++b) all.push_back({a, 1, b});
  }
  testing::canvas_law expected;
  for (const tokens& x : all) {
    for (const tokens& y : all) {
      const double both = models.q(given, x) * models.q(given, y);
      const double wx = models.p(x) / models.q(given, x);
      const double wy = models.p(y) / models.q(given, y);
      expected[x] += both * wx / (wx + wy);
      expected[y] += both * wy / (wx + wy);
    }
  }
  CHECK(testing::total_variation(models.law(2, given), expected) < 1e-6);
}

TEST_CASE("more candidates bring the law of a step closer to the scorer's") {
  pair models;
  const tokens given{2, 2};
  testing::canvas_law target;
  testing::canvas_law rows;
  double total = 0.0;
  for (token_id a = 0; a < 2; ++a) {
    for (token_id b = 0; b < 2; ++b) total += models.p({a, b});
  }
  for (token_id a = 0; a < 2; ++a) {
    for (token_id b = 0; b < 2; ++b) {
      target[{a, b}] = models.p({a, b}) / total;
      rows[{a, b}] = models.q(given, {a, b});
    }
  }
  double before = testing::total_variation(rows, target);
  for (const std::size_t candidates : {2U, 3U, 4U}) {
    const double now = testing::total_variation(models.law(candidates, given), target);
    CHECK(now < before);
    before = now;
  }
}

TEST_CASE("the scorer is evaluated once per candidate, over canvas and the text it lacks") {
  pair models;
  decoder d{diffusion{models.canvases, canvas_settings{.length = 4, .steps = 1}, orders::energy{models.scorer, 3}}};
  d.run(prompt, [](generated_token) {});
  CHECK(models.scorer.counts().calls == 3);
  CHECK(models.scorer.counts().tokens == 5 + 4 + 4);
  CHECK(d.stats().drafter_calls == 3);
  CHECK(d.stats().target_calls == 1);
  // Below the share, only the denoiser is asked.
  models.scorer.reset_counts();
  decoder never{diffusion{models.canvases, canvas_settings{.length = 4, .steps = 1},
                          orders::energy{models.scorer, 3, orders::ancestral{}, 1.1}}};
  never.run(prompt, [](generated_token) {});
  CHECK(models.scorer.counts().calls == 0);
}

TEST_CASE("the scorer's session holds all but the last token") {
  pair models;  // 16 tokens: 2 of the text and 14 of 15 of the canvas
  decoder d{diffusion{models.canvases, canvas_settings{.length = 15, .steps = 1}, orders::energy{models.scorer}}};
  d.run(prompt, [](generated_token) {});
  CHECK(d.output().size() == 15);
}

TEST_CASE("errors of the energy order") {
  pair models;
  REQUIRE_THROWS_AS(orders::energy(models.scorer, 1), std::invalid_argument);
  REQUIRE_THROWS_AS(orders::energy(models.scorer, 16), std::invalid_argument);
  decoder d{diffusion{models.canvases, canvas_settings{.length = 16, .steps = 1}, orders::energy{models.scorer}}};
  REQUIRE_THROWS_AS(d.run(prompt, [](generated_token) {}), std::length_error);
}
