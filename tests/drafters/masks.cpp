// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/masks.hpp>

#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/combine/weighted.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/combined.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/any.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/match.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"
#include "support/masked.hpp"

namespace {

using namespace proviso;
using support::budget;
using tokens = std::vector<token_id>;

/// The target's block of one round, as the paper writes it down: behind `before` tokens of the text.
struct layout {
  std::size_t before = 0;
  tokens nodes;
  std::vector<node_id> parents;

  std::size_t position(std::size_t node) const {
    return parents[node] == prefix_node ? before : position(static_cast<std::size_t>(parents[node])) + 1;
  }
  bool sees(std::size_t node, std::size_t other) const {
    if (node == other) return true;
    return parents[node] != prefix_node && sees(static_cast<std::size_t>(parents[node]), other);
  }
  /// One character per token of the text and per node: # where `node` looks.
  std::string visible(std::size_t node) const {
    std::string row(before, '#');
    for (std::size_t i = 0; i < nodes.size(); ++i) row += sees(node, i) ? '#' : '.';
    return row;
  }
};

/// Decodes and calls `see(block, text)` for every block of the target.
template <class See>
statistics watch(const support::masked_rows& rows, const drafters::masks& groups, const limits& bounds, See see,
                 std::size_t prompt = 2) {
  testing::table_model model = support::model_of(rows);
  sequence s{speculative{model, groups, rules::match{}, transforms::temperature{}, lengths::fixed{groups.size()}}, 3};
  any_session session = open_session(*s.model_slots()[0]);
  s.start(tokens(prompt, 1), bounds);
  while (!s.done()) {
    for (std::span<const request> open = s.plan(); !open.empty(); open = s.plan()) {
      const request r = open.front();
      if (r.block.size() > 0 && r.block.nodes.want > 0) {
        layout seen{s.text().size() - 1, {r.block.nodes.tokens.begin(), r.block.nodes.tokens.end()}, {}};
        for (std::size_t i = 0; i < seen.nodes.size(); ++i) seen.parents.push_back(r.block.nodes.parent(i));
        see(seen, s.text());
      }
      s.absorb(r.id, answer(session, r));
    }
  }
  return s.stats();
}

TEST_CASE("masks: the layout of the paper for three tokens and two masks") {
  const support::masked_rows rows = support::random_masks(4, 2, 1);  // masks are tokens 4 and 5
  std::size_t found = 0;
  watch(rows, drafters::masks{rows.tokens()}, budget(20), [&](const layout& l, std::span<const token_id> text) {
    if (text.size() != 3) return;
    ++found;
    REQUIRE(l.nodes.size() == 9);
    CHECK(l.nodes[0] == text.back());
    for (const std::size_t m : {1U, 4U, 7U}) {
      CHECK(l.nodes[m] == 4);
      CHECK(l.nodes[m + 1] == 5);
    }
    const std::size_t positions[] = {2, 3, 4, 3, 4, 5, 4, 5, 6};
    for (std::size_t i = 0; i < 9; ++i) CHECK(l.position(i) == positions[i]);
    CHECK(l.visible(0) == "###........");
    CHECK(l.visible(1) == "####.......");
    CHECK(l.visible(2) == "#####......");
    CHECK(l.visible(3) == "###..#.....");
    CHECK(l.visible(4) == "###..##....");
    CHECK(l.visible(5) == "###..###...");
    CHECK(l.visible(6) == "###..#..#..");
    CHECK(l.visible(7) == "###..#..##.");
    CHECK(l.visible(8) == "###..#..###");
  });
  CHECK(found == 1);
}

TEST_CASE("masks: the layout of the paper for every length and up to six masks") {
  const auto k = static_cast<std::size_t>(GENERATE(1, 2, 3, 4, 5, 6));
  const support::masked_rows rows = support::random_masks(3, k, 1, 0.4);
  std::size_t rounds = 0;
  const statistics s =
      watch(rows, drafters::masks{rows.tokens()}, budget(40), [&](const layout& l, std::span<const token_id> text) {
        ++rounds;
        if (text.size() + 2 * k + 2 > 42) return;  // groups shrink at the end
        const std::size_t n = text.size();
        if (rounds == 1) {  // no candidates: the group under the last token alone
          REQUIRE(l.nodes.size() == k + 1);
          return;
        }
        REQUIRE(l.nodes.size() == (k + 1) * (k + 1));
        // indices in the text and the extension behind it, as the paper counts; node 0 is the last token of the text
        const auto group_of = [&](std::size_t index) { return (index - n) / (k + 1); };
        const auto is_mask = [&](std::size_t index) { return index >= n && (index - n) % (k + 1) < k; };
        for (std::size_t node = 1; node < l.nodes.size(); ++node) {
          const std::size_t index = n - 1 + node;
          CHECK((static_cast<std::size_t>(l.nodes[node]) >= rows.words()) == is_mask(index));
          if (is_mask(index)) CHECK(l.nodes[node] == rows.tokens()[(index - n) % (k + 1)]);
          std::size_t seen = 0;
          for (std::size_t column = 0; column <= index; ++column) {
            const bool hidden = is_mask(column) && !(is_mask(index) && group_of(index) == group_of(column));
            if (column >= n - 1) CHECK(l.sees(node, column - (n - 1)) == !hidden);
            seen += hidden ? 0 : 1;
          }
          CHECK(l.position(node) == seen - 1);
        }
      });
  CHECK(rounds > 5);
  CHECK(s.accepted > 0);
}

TEST_CASE("masks: a round drafts with the rows under the last token that stood") {
  // Every row is certain: token t is followed by t + 1, mask j after t predicts t + 1 + j, all modulo 5.
  const auto certain = [](std::size_t ahead) {
    std::vector<float> logits(25, 0.0F);
    for (std::size_t t = 0; t < 5; ++t) logits[t * 5 + (t + ahead) % 5] = 30.0F;
    return testing::row_table{5, 1, logits};
  };
  const support::masked_rows rows{certain(1), {certain(2), certain(3), certain(4)}};
  std::size_t round = 0;
  const statistics s = watch(
      rows, drafters::masks{rows.tokens()}, budget(1 + 4 * 5), [&](const layout& l, std::span<const token_id> text) {
        if (round++ == 0) return;
        for (std::size_t i = 1; i < l.nodes.size(); ++i) {
          if (static_cast<std::size_t>(l.nodes[i]) >= rows.words()) continue;
          CHECK(l.nodes[i] == (text.back() + static_cast<token_id>(l.position(i) - l.before)) % 5);
        }
      });
  CHECK(round == 6);
  CHECK(s.accepted == 15);
  CHECK(s.fresh == 1);
  CHECK(s.bonus == 5);
}

TEST_CASE("masks: what cannot be used is left out") {
  const support::masked_rows rows = support::random_masks(3, 4, 1, 0.3);
  const std::size_t count = 30;
  std::size_t rounds = 0;
  watch(rows, drafters::masks{rows.tokens()}, budget(count), [&](const layout& l, std::span<const token_id> text) {
    ++rounds;
    const std::size_t left = 2 + count - text.size();  // tokens to come, one of them in any case
    for (std::size_t i = 0; i < l.nodes.size(); ++i) {
      const std::size_t depth = l.position(i) - l.before;
      if (static_cast<std::size_t>(l.nodes[i]) < rows.words()) CHECK(depth < left);
      if (static_cast<std::size_t>(l.nodes[i]) >= rows.words()) CHECK(depth + 1 < left);
    }
    if (left == 1) CHECK(l.nodes.size() == 1);
  });
  CHECK(rounds > 3);
}

TEST_CASE("masks: a price for nodes prunes groups, and the less stands the more") {
  const auto nodes_per_call = [](double far, double node_cost) {
    const support::masked_rows rows = support::random_masks(3, 3, 1, far, far);
    const statistics s =
        watch(rows, drafters::masks{rows.tokens(), node_cost}, budget(400), [](const layout&, auto) {});
    return static_cast<double>(s.target_tokens) / static_cast<double>(s.target_calls);
  };
  CHECK(nodes_per_call(1.0, 0.0) > 15.0);
  CHECK(nodes_per_call(0.0, 0.1) < 15.0);
  CHECK(nodes_per_call(0.0, 0.2) < nodes_per_call(0.0, 0.1));
  CHECK(nodes_per_call(1.0, 0.1) < nodes_per_call(0.0, 0.1));
  CHECK(nodes_per_call(1.0, 0.9) < 1.2);
}

TEST_CASE("masks: what was given up is tried again") {
  // No candidate ever stands: mask rows are certain of a token that the ordinary rows exclude.
  std::vector<float> never(3, 0.0F);
  never[0] = -std::numeric_limits<float>::infinity();
  std::vector<float> always(3, -std::numeric_limits<float>::infinity());
  always[0] = 0.0F;
  const support::masked_rows rows{testing::row_table{3, 0, never}, {testing::row_table{3, 0, always}}};
  std::vector<std::size_t> rounds_with_masks;
  std::size_t round = 0;
  const statistics s =
      watch(rows, drafters::masks{rows.tokens(), 0.2}, budget(2000), [&](const layout& l, std::span<const token_id>) {
        ++round;
        if (l.nodes.size() > 1) rounds_with_masks.push_back(round);
      });
  CHECK(s.accepted == 0);
  CHECK(s.drafted > 3);
  CHECK(rounds_with_masks.size() < 200);
  CHECK(rounds_with_masks.back() > 1000);
}

TEST_CASE("masks: several candidates in the first place, each with its own chain and groups") {
  const support::masked_rows rows = support::random_masks(4, 2, 1, 0.3, 0.5);
  std::size_t whole = 0;
  const statistics s = watch(rows, drafters::masks{rows.tokens(), 0.0, 3}, budget(60),
                             [&](const layout& l, std::span<const token_id> text) {
                               if (text.size() == 2 || text.size() + 8 > 62) return;  // groups shrink at the end
                               ++whole;
                               REQUIRE(l.nodes.size() == 7 * 3);
                               std::vector<std::size_t> children(l.nodes.size(), 0);
                               std::vector<std::size_t> masks(l.nodes.size(), 0);
                               tokens first;
                               for (std::size_t i = 1; i < l.nodes.size(); ++i) {
                                 const bool is_mask = static_cast<std::size_t>(l.nodes[i]) >= rows.words();
                                 ++(is_mask ? masks : children)[static_cast<std::size_t>(l.parents[i])];
                                 if (!is_mask && l.parents[i] == 0) first.push_back(l.nodes[i]);
                               }
                               CHECK(first.size() == 3);
                               CHECK((first[0] != first[1] && first[1] != first[2] && first[0] != first[2]));
                               for (std::size_t i = 0; i < l.nodes.size(); ++i) {
                                 const std::size_t depth = l.position(i) - l.before;
                                 if (static_cast<std::size_t>(l.nodes[i]) >= rows.words()) continue;
                                 CHECK(children[i] == (depth == 0 ? 3U : depth == 1 ? 1U : 0U));
                                 CHECK(masks[i] == 1);
                               }
                             });
  CHECK(whole > 5);
  CHECK(s.acceptance_at(0) > 0.5);
}

TEST_CASE("masks: a session that is nearly full gets as many masks as fit") {
  const support::masked_rows rows = support::random_masks(3, 3, 1, 0.3);
  const auto capacity = static_cast<std::size_t>(GENERATE(4, 5, 8, 15, 24, 40));
  testing::table_model model = support::model_of(rows, capacity);
  testing::table_model wide = support::model_of(rows);
  const auto branches = static_cast<std::size_t>(GENERATE(1, 3));
  decoder d{speculative{model, drafters::masks{rows.tokens(), 0.0, branches}, rules::match{}}, 3};
  decoder plain{autoregressive{wide}, 3};
  const auto ignore = [](generated_token) {};
  CHECK(d.run(tokens{1, 1}, ignore, budget(60)) == stop_reason::capacity);
  plain.run(tokens{1, 1}, ignore, budget(60));
  CHECK(d.text().size() == capacity + 1);
  CHECK(std::equal(d.text().begin(), d.text().end(), plain.text().begin()));
}

TEST_CASE("masks: a mask row that is not a law ends the draft and is counted") {
  const support::masked_rows good = support::random_masks(3, 2, 1, 0.3);
  const float bad = GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity());
  testing::table_model model{good.vocab(), [&](std::span<const token_id> context, std::span<float> row) {
                               good(context, row);
                               if (context.back() == good.tokens()[1]) row[0] = bad;
                             }};
  decoder d{speculative{model, drafters::masks{good.tokens()}, rules::match{}}, 3};
  d.run(
      tokens{1, 1}, [](generated_token) {}, budget(50));
  CHECK(d.output().size() == 50);
  CHECK(d.stats().discarded > 10);
  CHECK(d.stats().drafted_at[0] > 10);
  CHECK(d.stats().drafted_at[1] == 0);
}

TEST_CASE("masks: wrong configurations are refused") {
  CHECK_THROWS_AS(drafters::masks{tokens{}}, std::invalid_argument);
  CHECK_THROWS_AS(drafters::masks::shared(3, 0), std::invalid_argument);
  CHECK_THROWS_AS((drafters::masks{tokens{3}, -0.1}), std::invalid_argument);
  CHECK_THROWS_AS((drafters::masks{tokens{3}, 1.0}), std::invalid_argument);
  CHECK_THROWS_AS((drafters::masks{tokens{3}, 0.0, 0}), std::invalid_argument);
  CHECK_THROWS_AS((drafters::masks{tokens{3}, std::numeric_limits<double>::quiet_NaN()}), std::invalid_argument);
  const support::masked_rows rows = support::random_masks(3, 1, 1);
  testing::table_model a = support::model_of(rows);
  testing::table_model b = support::model_of(rows);
  const auto over_ensemble = [&] {
    return speculative{combined{combine::weighted{0.5, 0.5}, a, b}, drafters::any{drafters::masks{rows.tokens()}}};
  };
  CHECK_THROWS_AS(over_ensemble(), std::invalid_argument);
  decoder outside{speculative{a, drafters::masks{tokens{99}}}};
  CHECK_THROWS_AS(outside.run(
                      tokens{1}, [](generated_token) {}, budget(4)),
                  std::out_of_range);
}

}  // namespace
