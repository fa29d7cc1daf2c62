// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/context.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <proviso/rules/coupled.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/token.hpp>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;

namespace {

constexpr float no_number = std::numeric_limits<float>::quiet_NaN();

/// Drafts one token of its own rows, and notes what the context said.
struct observer {
  std::vector<float> row{0.0F, 2.0F, 1.0F};
  std::vector<token_id>* chosen;
  std::vector<std::size_t>* rooms;
  bool* ranked;
  law_buffer memory{};

  void start(std::span<const token_id>) const noexcept {}
  void propose(const context& c, draft& d) {
    rooms->push_back(c.room());
    if (c.limit() == 0) return;
    const logits_rows rows{logits_view<float>{row.data(), 1, row.size()}};
    const law_view q = c.law(rows, 0, d, draft::root(), memory);
    if (!q) return;
    chosen->push_back(d.token(c.sample(d, draft::root(), q)));
    law_buffer other;
    const law_view ranking = c.ranking(rows, 0, d, draft::root(), other);
    *ranked = ranking(1) > ranking(2) && ranking(2) > ranking(0) && ranking(0) > 0.0;
  }
  void commit(const feedback&) const noexcept {}
};

template <class Rule>
struct observed {
  std::vector<token_id> chosen{};
  std::vector<std::size_t> rooms{};
  bool ranked = false;
  statistics stats{};

  observed(std::vector<float> row, float temperature) {
    testing::table_model target = whole_text_model(3);
    decoder d{speculative{target, observer{std::move(row), &chosen, &rooms, &ranked}, Rule{},
                          transforms::temperature{temperature}, lengths::fixed{1}},
              3};
    decode(d, short_prompt, budget(40));
    stats = d.stats();
  }
};

}  // namespace

TEST_CASE("a context samples as the rule wants it") {
  const std::vector<float> row{0.0F, 2.0F, 1.0F};
  const observed<rules::match> likeliest{row, 1.0F};
  for (const token_id t : likeliest.chosen) CHECK(t == 1);
  const observed<rules::token> drawn{row, 1.0F};
  bool other = false;
  for (const token_id t : drawn.chosen) other = other || t != 1;
  CHECK(other);
  const observed<rules::coupled> raced{row, 1.0F};
  other = false;
  for (const token_id t : raced.chosen) other = other || t != 1;
  CHECK(other);
}

TEST_CASE("a context ranks tokens at temperature 0, too") {
  const observed<rules::token> o{{0.0F, 2.0F, 1.0F}, 0.0F};
  CHECK(o.ranked);
  for (const token_id t : o.chosen) CHECK(t == 1);
}

TEST_CASE("a context says what room is left, and gives no law of a row that is none") {
  const observed<rules::token> o{{0.0F, no_number, 1.0F}, 1.0F};
  CHECK(o.chosen.empty());
  CHECK(o.rooms.front() == 40);
  CHECK(o.rooms.back() == 1);
  CHECK(o.stats.drafted == 0);
  CHECK(o.stats.discarded == 39);  // not where the budget leaves no draft
}
