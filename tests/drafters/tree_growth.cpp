// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/tree_growth.hpp>

#include <cstddef>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/any.hpp>
#include <proviso/drafters/best_first_tree.hpp>
#include <proviso/drafters/hub_tree.hpp>
#include <proviso/drafters/lookahead.hpp>
#include <proviso/drafters/sampled_tree.hpp>
#include <proviso/drafters/top_k_tree.hpp>
#include <proviso/rules/siblings.hpp>
#include <proviso/testing/archetypes.hpp>

#include "support/allocations.hpp"
#include "support/growing.hpp"

namespace {

using namespace proviso;
using namespace support;

/// Children of fixed numbers, whose tokens are chosen by `token(node, i)`: what the growth itself does is in sight.
template <class Token>
class planned {
 public:
  planned(model_ref small, drafters::branching shape, Token token) : growth_{small}, shape_{shape}, token_{token} {}
  void visit_models(function_ref<void(model_slot&)> f) { f(growth_.slot()); }
  void start(std::span<const token_id>) { growth_.start(); }
  task propose(const context& c, draft& d) { return growth_.grow(c, d, *this); }
  void commit(const feedback& f) { growth_.settle(f.text); }
  std::size_t add_level(const context& c, draft& d, const logits_rows&, node_id first, std::size_t count) {
    return shape_.add_level(c, d, first, count, [&](std::size_t, node_id at, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) d.push(at, token_(at, i));
    });
  }

 private:
  drafters::tree_growth growth_;
  drafters::branching shape_;
  Token token_;
};

/// Always token 1.
testing::row_table ones() { return {6, 0, {0.0F, 20.0F, 0.0F, 0.0F, 0.0F, 0.0F}}; }

template <class Model>
auto numbered(Model& small, drafters::branching shape) {
  return planned{model_ref{small}, std::move(shape), [](node_id at, std::size_t i) {
                   return at == draft::root() ? static_cast<token_id>(i + 1) : static_cast<token_id>(i + 4) % 6;
                 }};
}

}  // namespace

TEST_CASE("branching: every level has children") {
  CHECK(drafters::branching{3, 2}.depth() == 2);
  CHECK(drafters::branching{3, 2}.at(0) == 3);
  CHECK(drafters::branching{std::vector<std::size_t>(2, 1)}.at(1) == 1);
  CHECK_THROWS_AS((drafters::branching{2, 0, 1}), std::invalid_argument);
  CHECK_THROWS_AS(drafters::branching{std::vector<std::size_t>{}}, std::invalid_argument);
}

TEST_CASE("tree growth: one evaluation per level; a level costs its nodes and their ancestors") {
  testing::table_model target{ones()};
  testing::table_model small{ones()};
  decoder d{speculative{target, numbered(small, {2, 2, 2}), support::match_of_drawn{}, transforms::temperature{0.0F}}};
  d.start(tokens{0, 2, 0, 2, 0}, budget(40));
  d.step();
  CHECK(d.stats().drafted == 2 + 4 + 8);
  CHECK(small.counts().calls == 3);
  CHECK(small.counts().tokens == 5 + 2 + (2 + 4));
  CHECK(small.counts().rows == 1 + 2 + 4);
  CHECK(d.stats().drafter_calls == 3);
  CHECK(target.counts().tokens == 4 + 1 + 14);

  // The text took the first node, then a token that was not drafted: the node stays in the session.
  CHECK(d.output().size() == 2);
  small.reset_counts();
  d.step();
  CHECK(small.counts().tokens == 1 + 2 + (2 + 4));
  CHECK(small.counts().keeps == 0);  // node 0 of the block: a rewind
}

TEST_CASE("tree growth: what all nodes of a level share is not evaluated again") {
  testing::table_model target{ones()};
  testing::table_model small{ones()};
  decoder d{
      speculative{target, numbered(small, {1, 1, 2, 2}), support::match_of_drawn{}, transforms::temperature{0.0F}}};
  d.start(tokens{0, 2, 0, 2, 0}, budget(40));
  d.step();
  CHECK(small.counts().calls == 4);
  CHECK(small.counts().tokens == 5 + 1 + 1 + 2);

  testing::chain_only chains{small, 4};  // a tree that is a chain needs no trees
  small.reset_counts();
  decoder e{
      speculative{target, numbered(chains, {1, 1, 1, 1}), support::match_of_drawn{}, transforms::temperature{0.0F}}};
  e.start(tokens{0, 2, 0, 2, 0}, budget(40));
  e.step();
  CHECK(small.counts().tokens == 5 + 1 + 1 + 1);
  CHECK(e.stats().drafted == 4);
}

TEST_CASE("tree growth: the path that the text takes stays, also below the second child") {
  testing::table_model target{ones()};
  testing::table_model small{ones()};
  const auto second = [](node_id, std::size_t i) { return static_cast<token_id>(2 - i); };  // 2, then 1
  decoder d{speculative{target, planned{model_ref{small}, {2, 2, 2}, second}, support::match_of_drawn{},
                        transforms::temperature{0.0F}}};
  d.start(tokens{0, 2, 0, 2, 0}, budget(40));
  d.step();
  CHECK(d.stats().accepted == 3);
  CHECK(d.output().size() == 4);
  small.reset_counts();
  d.step();
  CHECK(small.counts().tokens == 2 + 2 + (2 + 4));  // the third token was drafted, not evaluated; and the bonus
  CHECK(small.counts().keeps == 1);
}

TEST_CASE("tree growth: siblings in the session are never taken for text") {
  // The rows depend on every token, and the drafts on the rows: what a session held by mistake would show.
  testing::table_model target = whole_text_model(4, 2.0F);
  testing::table_model small = whole_text_model(4, 2.0F);
  testing::table_model other{testing::random_table(4, 2, 9, 1.0F)};
  std::size_t looked = 0;
  for (testing::table_model* drafting : {&small, &other}) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      const auto look = [&](const context& c, const draft& d) {
        for (std::size_t i = 0; i < d.size(); ++i) {
          const auto at = static_cast<node_id>(i);
          if (d.first_child(at) == prefix_node) continue;
          ++looked;
          CHECK(difference(d.q(d.first_child(at)), fresh_law(*drafting, c.text(), d, at)) < 1e-6);
        }
      };
      decoder d{speculative{target, observed{drafters::sampled_tree{*drafting, {2, 2, 2}, replacement::with}, look},
                            support::match_of_drawn{}},
                seed};
      CHECK(decode(d, {1, 2}, budget(60)) == plain(target, {1, 2}, budget(60), seed));
      CHECK(d.stats().accepted > 0);
      CHECK(d.stats().corrected > 0);
      const auto* session = static_cast<testing::table_model::session_type*>(d.sessions()[1].get());
      CHECK(session->length() <= d.text().size());
      CHECK(std::equal(session->tokens().begin(), session->tokens().end(), d.text().begin()));
    }
  }
  CHECK(looked > 200);
}

TEST_CASE("tree growth: a generation that is left with a tree in the session does not disturb the next one") {
  testing::table_model target = whole_text_model(5);
  testing::table_model small = whole_text_model(5);
  sequence s{speculative{target, drafters::sampled_tree{small, {2, 2}}, support::match_of_drawn{}}, 4};
  std::vector<any_session> sessions;
  for (model_slot* slot : s.model_slots()) sessions.push_back(open_session(*slot));
  for (const tokens& prompt : {tokens{1, 2, 3}, tokens{1, 2, 3, 4}, tokens{1, 2}}) {
    s.start(prompt, budget(12));
    for (std::size_t rounds = 0; rounds < 2;) {  // stop when the second round has drafted
      const request r = s.plan().front();
      if (r.model == 0 && r.block.size() > 1) ++rounds;
      if (rounds < 2) s.absorb(r.id, answer(sessions[r.model], r));
    }
    s.start(prompt, budget(12));
    while (!s.done()) {
      for (auto open = s.plan(); !open.empty(); open = s.plan()) {
        const request r = open.front();
        s.absorb(r.id, answer(sessions[r.model], r));
      }
    }
    CHECK(tokens_of(s.output()) == plain(target, prompt, budget(12), 4));
  }
}

TEST_CASE("tree growth: capacity and rewind horizon of the model end the draft, not the text") {
  testing::table_model target = whole_text_model(5);
  const tokens expected = plain(target, {1, 2}, budget(40), 7);
  for (const std::size_t capacity : {1U, 2U, 3U, 9U, 20U, 60U}) {
    for (const std::size_t horizon : {0U, 1U, 3U, 100U}) {
      testing::table_model small{testing::random_table(5, 2, 2), capacity,
                                 horizon};  // throws when it is asked too much
      const auto runs = [&](auto drafter) {
        decoder d{speculative{target, std::move(drafter), support::match_of_drawn{}}, 7};
        CHECK(decode(d, {1, 2}, budget(40)) == expected);
        CHECK(d.sessions()[1].length() <= capacity);
        CHECK((d.stats().drafted > 0) == (capacity > 1));
      };
      runs(drafters::sampled_tree{small, {2, 2, 1}});
      runs(drafters::best_first_tree{small, 7});
    }
  }
}

TEST_CASE("tree growth: capacity and rewind horizon of the target bound the nodes of a draft") {
  for (const std::size_t horizon : {1U, 2U, 4U, 6U, 100U}) {
    testing::table_model target{testing::random_table(5, 2, 1), 40, horizon};
    testing::table_model small{testing::random_table(5, 2, 2)};
    std::size_t most = 0;
    const auto runs = [&](auto drafter) {
      most = 0;
      const auto look = [&](const context&, const draft& d) { most = (std::max)(most, d.size()); };
      decoder d{speculative{target, observed{std::move(drafter), look}, support::match_of_drawn{}}, 7};
      CHECK(decode(d, {1, 2}, budget(60)) == plain(target, {1, 2}, budget(60), 7));
      CHECK(d.why() == stop_reason::capacity);
      CHECK(most == (std::min)(horizon, std::size_t{11}));
    };
    runs(drafters::sampled_tree{small, {2, 2, 1}});
    runs(drafters::top_k_tree{small, {2, 2, 1}});
    runs(drafters::hub_tree{small, {2, 2, 1}});
    runs(drafters::best_first_tree{small, 10});
  }
}

TEST_CASE("tree growth: a row that is not a law ends its branch, is counted, and biases nothing") {
  const testing::row_table p = testing::random_table(3, 1, 3);
  const testing::row_table q = testing::random_table(3, 1, 4);
  testing::table_model target{p};
  testing::table_model small{3, [&](std::span<const token_id> context, std::span<float> row) {
                               const std::span<const float> good = q.row(context);
                               for (std::size_t i = 0; i < 3; ++i) row[i] = good[i];
                               if (context.back() == 1) row[2] = std::numeric_limits<float>::quiet_NaN();
                             }};
  const tokens prompt{0, 2};
  auto make = [&] { return speculative{target, drafters::sampled_tree{small, {2, 1}}, rules::siblings{}}; };
  CHECK(distance(law_of(make, prompt, 3), exact_law(p, prompt, 3)) < 1e-6);
  decoder d{make(), 1};
  d.start(tokens{1}, budget(10));
  d.step();
  CHECK(d.stats().discarded == 1);
  CHECK(d.stats().drafted == 0);
}

TEST_CASE("tree growth: the length policy decides at every node, and bounds the depth") {
  struct not_after_first {
    void start() const noexcept {}
    std::size_t limit() const noexcept { return 2; }
    bool proceed(std::size_t depth, const law_view& q) const noexcept { return depth == 0 || q(0) > q(1); }
    void observe(const feedback&) const noexcept {}
  };
  testing::table_model target{testing::random_table(5, 2, 1)};
  testing::table_model small{testing::random_table(5, 2, 2)};
  std::size_t cut = 0;
  const auto look = [&](const context& c, const draft& d) {
    for (std::size_t i = 1; i < d.size(); ++i) {
      const auto at = static_cast<node_id>(i);
      CHECK(d.depth(at) <= 2);
      if (d.depth(at) != 1) continue;
      const std::vector<double> q = fresh_law(small, c.text(), d, at);
      CHECK(children(d, at).size() == (q[0] > q[1] && c.limit() > 1 ? 2 : 0));
      cut += q[0] > q[1] ? 0U : 1U;
    }
  };
  decoder d{speculative{target, observed{drafters::top_k_tree{small, {2, 2, 2}}, look}, support::match_of_drawn{},
                        transforms::temperature{}, not_after_first{}},
            7};
  decode(d, {1, 2}, budget(40));
  CHECK(cut > 0);
}

TEST_CASE("tree growth: steady rounds allocate nothing") {
  testing::table_model big{testing::random_table(16, 2, 1), 4096};
  testing::table_model small{testing::blended(testing::random_table(16, 2, 1), testing::random_table(16, 2, 2), 0.4),
                             4096};
  const auto in_steady_rounds = [&](auto drafter) {
    decoder d{speculative{big, std::move(drafter), support::match_of_drawn{}}, 1};
    d.start(tokens{1, 2, 3}, budget(2000));
    for (int i = 0; i < 150; ++i) d.step();
    const std::size_t before = allocations;
    for (int i = 0; i < 100; ++i) d.step();
    const std::size_t after = allocations;
    REQUIRE(!d.done());
    CHECK(d.stats().accepted > 0);
    return after - before;
  };
  CHECK(in_steady_rounds(drafters::sampled_tree{small, {3, 2, 1}}) == 0);
  CHECK(in_steady_rounds(drafters::hub_tree{small, {2, 2}}) == 0);
  CHECK(in_steady_rounds(drafters::top_k_tree{small, {3, 2, 1}}) == 0);
  CHECK(in_steady_rounds(drafters::best_first_tree{small, 12}) == 0);
}

TEST_CASE("tree growth: a model of chains is refused for a tree when the drafter or the algorithm is made") {
  testing::table_model rows{ones()};
  testing::chain_only chains{rows, 4};
  CHECK_THROWS_AS(drafters::sampled_tree(chains, {2, 2}), std::invalid_argument);
  CHECK_THROWS_AS(drafters::top_k_tree(chains, {2, 2}), std::invalid_argument);
  CHECK_THROWS_AS(drafters::hub_tree(chains, {2, 2}), std::invalid_argument);
  CHECK_THROWS_AS(drafters::best_first_tree{chains}, std::invalid_argument);
  const auto over_chains = [&](auto drafter) { return speculative{chains, std::move(drafter)}; };
  CHECK_THROWS_AS(over_chains(drafters::sampled_tree(rows, {2, 2})), std::invalid_argument);
  CHECK_THROWS_AS(over_chains(drafters::best_first_tree{rows}), std::invalid_argument);
  CHECK_THROWS_AS(over_chains(drafters::any{drafters::top_k_tree(chains, {3})}), std::invalid_argument);
  CHECK_NOTHROW(over_chains(drafters::sampled_tree(chains, {1, 1})));
  model_ref erased{chains};
  const auto over_erased = [&](auto drafter) { return speculative{erased, std::move(drafter)}; };
  CHECK_THROWS_AS(over_erased(drafters::hub_tree(rows, {2})), std::invalid_argument);
  CHECK_THROWS_AS(over_erased(drafters::lookahead{}), std::invalid_argument);
}

TEST_CASE("tree growth: the default rule verifies trees") {
  testing::table_model target{ones()};
  testing::table_model small{ones()};
  decoder d{speculative{target, drafters::sampled_tree{small}}, 3};
  CHECK(support::decode(d, {0, 2, 0}, budget(20)).size() == 20);
}
