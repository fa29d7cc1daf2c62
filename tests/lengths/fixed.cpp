// SPDX-License-Identifier: Apache-2.0
#include <proviso/lengths/fixed.hpp>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/catch.hpp"

namespace {

using namespace proviso;

TEST_CASE("fixed: every round drafts as much, until the budget ends it") {
  const auto length = static_cast<std::size_t>(GENERATE(0, 1, 5));
  testing::table_model target{testing::random_table(5, 1, 1)};
  testing::table_model small{testing::random_table(5, 1, 2)};
  decoder d{
      speculative{target, drafters::model{small}, rules::token{}, transforms::temperature{}, lengths::fixed{length}}};
  limits bounds;
  bounds.max_tokens = 60;
  d.start(std::vector<token_id>{1}, bounds);
  std::uint64_t before = 0;
  while (!d.done()) {
    const std::size_t left = bounds.max_tokens - d.output().size();
    if (d.step().empty()) continue;
    CHECK(d.stats().drafted - before == (length < left - 1 ? length : left - 1));
    before = d.stats().drafted;
  }
  CHECK(d.output().size() == 60);
}

}  // namespace
