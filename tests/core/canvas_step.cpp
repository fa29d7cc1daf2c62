// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/canvas_step.hpp>

#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/testing/enumerator.hpp>
#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/repetition_penalty.hpp>
#include <proviso/transforms/temperature.hpp>

#include "support/canvases.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace proviso;
using support::close;
using support::never;

namespace {

struct trial {
  std::vector<float> logits{0.0F,  1.0F, 50.0F,   // position 1
                            never, 0.0F, 50.0F,   // position 2
                            2.0F,  2.0F, 50.0F};  // position 3
  logits_rows rows{logits_view<float>{logits.data(), 3, 3}};
  canvas c;
  canvas_memory memory;
  philox source{1};
  std::vector<token_id> text{1};
  trial() { c.start(std::vector<token_id>{0, 2, 2, 2}, 2); }
};

/// Keys of all draws, each once.
struct recorder {
  std::set<std::string> keys;
  void note(const draw_key& key) { CHECK(keys.insert(testing::describe(key)).second); }
  bool flip(double, double, const draw_key& key) {
    note(key);
    return true;
  }
  token_id pick(const law_view& law, const draw_key& key) {
    note(key);
    return law.token(0);
  }
  token_id race(const law_view& law, const draw_key& key) { return pick(law, key); }
};

}  // namespace

TEST_CASE("laws leave the mask out and belong to their positions") {
  trial t;
  const transforms::temperature shape;
  canvas_step s{t.c, t.memory, {0, 4, 0, 1, 3, 0.5}, t.text, shape, t.source};
  REQUIRE_THROWS_AS(s.law(0), std::logic_error);
  s.give(t.rows, 1);
  REQUIRE(s.masked() == 3);
  CHECK(s.position(0) == 1);
  CHECK(close(s.law(0)(1), 1.0 / (1.0 + std::exp(-1.0))));
  CHECK(s.law(0)(2) == 0.0);
  CHECK(s.law(1)(1) == 1.0);
  CHECK(close(s.law(2)(0), 0.5));
  CHECK(close(numeric::entropy(s.law(2)), std::log(2.0)));
  CHECK(numeric::margin(s.law(2)) == 0.0);
  CHECK(numeric::margin(s.law(1)) == 1.0);

  const std::vector<float> newer{1.0F, never, 50.0F, never, 0.0F, 50.0F, 2.0F, 2.0F, 50.0F};
  const logits_rows others{logits_view<float>{newer.data(), 3, 3}};
  s.law(0);
  s.give(others, 1);
  CHECK(s.law(0)(0) == 1.0);
}

TEST_CASE("a window hides the other positions") {
  trial t;
  const transforms::temperature shape;
  canvas_step s{t.c, t.memory, {2, 3, 0, 1, 1, 0.5}, t.text, shape, t.source};
  CHECK(s.masked() == 1);
  CHECK(s.position(0) == 2);
}

TEST_CASE("at temperature 0 the candidate is the most probable token and the law still ranks") {
  trial t;
  const transforms::temperature greedy{0.0F};
  canvas_step s{t.c, t.memory, {0, 4, 0, 1, 3, 0.0}, t.text, greedy, t.source};
  s.give(t.rows, 1);
  CHECK(s.candidate(0) == 1);
  CHECK(s.candidate(2) == 0);  // a tie
  CHECK(close(s.confidence(2), 0.5));
  s.fill(2);
  CHECK(t.c.tokens()[3] == 0);
  CHECK(t.c.chance(3) == 1.0);
}

TEST_CASE("transforms see the text and the canvas before a position") {
  trial t;
  t.c.fill(1, 0, 1.0);
  const transforms::chain shape{transforms::repetition_penalty{2.0F}, transforms::temperature{1.0F}};
  canvas_step s{t.c, t.memory, {0, 4, 0, 1, 2, 0.0}, t.text, shape, t.source};
  s.give(t.rows, 1);
  // Text holds 1, the canvas 0 before position 3: both logits 2 are halved; at position 2 the logit 0 of 1 stays.
  CHECK(close(s.law(1)(0), 0.5));
  CHECK(s.law(0)(1) == 1.0);
}

TEST_CASE("every draw of a step and of the steps after it has a key of its own") {
  trial t;
  recorder source;
  const transforms::temperature shape;
  for (std::size_t step = 0; step < 3; ++step) {
    canvas_step s{t.c, t.memory, {0, 4, step, 3, 3, 0.5}, t.text, shape, random_ref{source}};
    s.give(t.rows, 1);
    for (std::size_t i = 0; i < 3; ++i) {
      s.flip(0.5, i);
      CHECK(s.candidate(i) == s.candidate(i));  // one draw
      for (std::size_t copy = 1; copy < 4; ++copy) s.draw(i, copy);
      s.choose(std::vector<double>{1.0, 1.0}, i);
    }
  }
  CHECK(source.keys.size() == 3 * 3 * 6);
}

TEST_CASE("a row that is not a law names its position") {
  trial t;
  t.logits[4] = std::numeric_limits<float>::quiet_NaN();
  const transforms::temperature shape;
  canvas_step s{t.c, t.memory, {0, 4, 0, 1, 3, 0.5}, t.text, shape, t.source};
  s.give(t.rows, 1);
  std::string what;
  try {
    s.law(1);
  } catch (const std::domain_error& fault) {
    what = fault.what();
  }
  CHECK(what.find("canvas position 2") != std::string::npos);
  CHECK(s.law(0)(1) > 0.5);
}
