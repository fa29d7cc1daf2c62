// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/seen_tokens.hpp>

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

namespace {

using namespace proviso;

/// Occurrences by token, as seen after the prefix 0 1 2 1 and the path 1 3.
std::vector<float> seen(std::size_t window, std::size_t skip) {
  const std::vector<float> row(5, 0.0F);
  const std::vector<token_id> prefix{0, 1, 2, 1};
  const std::vector<token_id> path{1, 3};
  law_builder builder;
  law_buffer out;
  builder.begin(row, out);
  seen_tokens{"test", window, skip}.edit(
      builder, {prefix, path}, [](float logit, std::uint32_t count) { return logit + static_cast<float>(count); });
  return {builder.logits().begin(), builder.logits().end()};
}

TEST_CASE("seen_tokens: counts prefix and path, from skip on and within the window") {
  using row = std::vector<float>;
  CHECK(seen(seen_tokens::everything, 0) == row{1, 3, 1, 1, 0});
  CHECK(seen(seen_tokens::everything, 3) == row{0, 2, 0, 1, 0});
  CHECK(seen(2, 0) == row{0, 1, 0, 1, 0});
  CHECK(seen(2, 5) == row{0, 0, 0, 1, 0});
  CHECK(seen(1, 6) == row{0, 0, 0, 0, 0});
  REQUIRE_THROWS_AS(seen(0, 0), std::invalid_argument);
}

TEST_CASE("seen_tokens: one transform serves several texts, each counted once") {
  const std::vector<float> row(5, 0.0F);
  const seen_tokens all{"test", seen_tokens::everything, 1};
  law_builder first;
  law_builder second;
  law_buffer out;
  first.follow_text();
  second.follow_text();
  const auto counts = [&](law_builder& builder, const std::vector<token_id>& prefix,
                          const std::vector<token_id>& path) {
    builder.begin(row, out);
    all.edit(builder, {prefix, path}, [](float logit, std::uint32_t n) { return logit + static_cast<float>(n); });
    return std::vector<float>(builder.logits().begin(), builder.logits().end());
  };
  using list = std::vector<float>;
  CHECK(counts(first, {0, 1, 2}, {3}) == list{0, 1, 1, 1, 0});
  CHECK(counts(second, {4, 4, 4}, {}) == list{0, 0, 0, 0, 2});
  CHECK(counts(first, {0, 1, 2}, {}) == list{0, 1, 1, 0, 0});
  CHECK(counts(first, {0, 1, 2, 1, 1}, {2, 2}) == list{0, 3, 3, 0, 0});
  CHECK(counts(second, {4, 4, 4, 0}, {1}) == list{1, 1, 0, 0, 2});
  first.follow_text();
  CHECK(counts(first, {3, 3, 3, 3, 3, 3}, {}) == list{0, 0, 0, 5, 0});

  law_builder alone;  // follows no text: every row may stand in another one
  CHECK(counts(alone, {0, 1, 2}, {}) == list{0, 1, 1, 0, 0});
  CHECK(counts(alone, {3, 3, 3}, {}) == list{0, 0, 0, 2, 0});
}

}  // namespace
