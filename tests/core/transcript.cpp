// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/transcript.hpp>

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using namespace proviso;

namespace {

const std::vector<float> weights{1.0F, 4.0F, 3.0F};
const law_view even = law_view::dense(weights, 8.0);

}  // namespace

TEST_CASE("spans of a transcript stay valid while it outgrows its memory") {
  transcript t;
  const std::vector<token_id> prompt{2, 1};
  t.start(prompt, 1, std::nullopt);
  const std::span<const token_id> before = t.text();
  const std::span<const generated_token> none = t.output();
  for (int i = 0; i < 1000; ++i) t.append(i % 3, origin::fresh, even, {});
  CHECK(before[0] == 2);
  CHECK(before[1] == 1);
  CHECK(none.empty());
  REQUIRE(t.text().size() == 1002);
  CHECK(t.text()[1001] == 999 % 3);
  CHECK(t.output()[4].token == 1);
  CHECK(std::abs(t.output()[4].log_probability - std::log(0.5F)) < 1e-6F);
}

TEST_CASE("a transcript begins with a part of its own text, and reserves no more than what may come") {
  transcript t;
  t.start(std::vector<token_id>{0, 1, 2}, 5, std::nullopt);
  for (int i = 0; i < 5; ++i) t.append(2, origin::fresh, even, {});
  t.start(t.text().subspan(2), static_cast<std::size_t>(-1), std::nullopt);
  CHECK(t.prompt_size() == 6);
  CHECK(t.text()[5] == 2);
  CHECK(t.output().empty());
  CHECK(t.expected_size() >= 6 + 16384);
  CHECK(t.expected_size() < 65536);
}

TEST_CASE("a transcript reports the model's own law, and is cut with its reports") {
  transcript t;
  t.start(std::vector<token_id>{0}, 10, 2);
  const law_view point = law_view::point(2);
  t.append(2, origin::fresh, point, even);
  t.append(0, origin::bonus, point, even);
  CHECK(t.output()[0].log_probability == 0.0F);
  CHECK(std::abs(t.report(0).log_probability - std::log(0.375F)) < 1e-6F);
  REQUIRE(t.report(1).best.size() == 2);
  CHECK(t.report(1).best[0].token == 1);
  CHECK(t.report(1).best[1].token == 2);
  t.cut(1);
  CHECK(t.text().size() == 2);
  CHECK(t.report(0).best.size() == 2);
  CHECK_THROWS_AS(t.report(1), std::out_of_range);
  t.append(1, origin::fresh, point, even);
  CHECK(t.report(1).best[0].token == 1);
  t.cut(0);
  CHECK_THROWS_AS(t.report(0), std::out_of_range);

  t.start(std::vector<token_id>{0}, 10, std::nullopt);
  t.append(1, origin::fresh, even, {});
  CHECK_THROWS_AS(t.report(0), std::out_of_range);
}
