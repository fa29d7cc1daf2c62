// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/generation.hpp>

#include <cstddef>
#include <stdexcept>
#include <vector>

#include <proviso/testing/archetypes.hpp>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;

namespace {

const token_list prompt{3, 1, 4, 1, 5};
constexpr std::size_t vocab = 4;

/// Proposes every token below the root and every token below the second one: a path into the tree always stands,
/// and it is rarely the block's beginning.
struct bushy {
  void start(std::span<const token_id>) const noexcept {}
  void propose(const context& c, draft& d) const {
    if (c.limit() < 2) return;
    for (token_id t = 0; t < static_cast<token_id>(vocab) && d.room() > 0; ++t) d.push(draft::root(), t);
    for (token_id t = 0; t < static_cast<token_id>(vocab) && d.room() > 0 && d.size() > 2; ++t) d.push(2, t);
    if (d.room() > 0) d.probe(1, 0);
  }
  void commit(const feedback&) const noexcept {}
};

/// A drafter that evaluates two models and names as many as it is told.
class forgetful {
 public:
  forgetful(testing::table_model& a, testing::table_model& b, std::size_t named)
      : slots_{model_slot{a}, model_slot{b}}, named_{named} {}
  void visit_models(function_ref<void(model_slot&)> f) {
    for (std::size_t i = 0; i < named_; ++i) f(slots_[i]);
  }
  void start(std::span<const token_id>) const noexcept {}
  task propose(const context& c, draft&) {
    for (model_slot& slot : slots_) {
      co_await c.feed(slot);
      co_await c.evaluate(slot, chain_block{c.text().subspan(slot.length()), 1});
    }
  }
  void commit(const feedback&) const noexcept {}

 private:
  model_slot slots_[2];
  std::size_t named_;
};
/// The same without the hook, or with its name misspelt.
struct nameless {
  void start(std::span<const token_id>) const noexcept {}
  task propose(const context&, draft&) { co_return; }
  void commit(const feedback&) const noexcept {}
};
struct misspelt : nameless {
  void visit_model(function_ref<void(model_slot&)>) const noexcept {}
};
static_assert(drafter<forgetful> && !drafter<nameless> && !drafter<misspelt>);

/// Runs a function inside a generation, as an algorithm would.
template <class F>
class inside {
 public:
  inside(testing::table_model& m, F body) : slot_{m}, body_{body} {}
  void visit_models(function_ref<void(model_slot&)> f) { f(slot_); }
  task generate(generation& g) {
    body_(g, slot_);
    co_return;
  }

 private:
  model_slot slot_;
  F body_;
};
template <class F>
decoder run_inside(testing::table_model& m, const limits& l, F body) {
  decoder d{inside<F>{m, body}};
  d.start(prompt, l);
  while (!d.done() && !d.sessions().empty()) {
    if (d.step().empty() && d.why() == stop_reason::running) break;
  }
  return d;
}

}  // namespace

TEST_CASE("trees are committed along the path that stands") {
  testing::table_model rows = whole_text_model(vocab);
  testing::tree_only tree{rows};
  const token_list three_tokens{3, 1, 2};
  const token_list expected = plain(rows, three_tokens, budget(40), 3);
  for (std::size_t most = 1; most < 10; ++most) {
    decoder d{speculative{tree, bushy{}, rules::match{}, transforms::temperature{}, lengths::fixed{most}}, 3};
    rows.reset_counts();
    CHECK(decode(d, three_tokens, budget(40)) == expected);
    CHECK(d.sessions()[0].length() == d.text().size() - 1);
    check_counters(d.stats(), d.output());
    if (most < 4) continue;
    CHECK(rows.counts().keeps > 0);
    CHECK(d.stats().corrected + d.stats().bonus > 0);
    CHECK(d.stats().accepted_at[0] + 2 >= d.stats().drafted_at[0]);  // only the last rounds may lack room
    // A border inside the tree trims it too.
    limits l = budget(40);
    l.end_tokens = {expected[1]};
    const token_list text = decode(d, three_tokens, l);
    CHECK(text.back() == expected[1]);
    CHECK(d.sessions()[0].length() == d.text().size() - 1);
    token_list longer(d.text().begin(), d.text().end());
    longer.push_back(0);
    CHECK(decode(d, longer, budget(5)) == plain(rows, longer, budget(5), 3));
  }
}

TEST_CASE("nothing is emitted after a stop") {
  testing::table_model rows = whole_text_model(8);
  limits l = budget(9);
  l.end_tokens = {7};
  const decoder d = run_inside(rows, l, [](generation& g, model_slot&) {
    CHECK(g.prompt_size() == 5);
    CHECK(g.room() == 9);
    CHECK(g.append(2, origin::fresh, law_view::point(2)));
    CHECK(!g.append(7, origin::bonus, law_view::point(7)));
    CHECK(!g.append(3, origin::fresh, law_view::point(3)));
    g.stop(stop_reason::budget);
  });
  CHECK(tokens_of(d.output()) == token_list{2, 7});
  CHECK(d.why() == stop_reason::end_token);
  CHECK(d.stats().emitted == 2);
  CHECK(d.stats().fresh == 1);
  CHECK(d.stats().bonus == 1);
  CHECK(d.output()[0].log_probability == 0.0F);
}

TEST_CASE("a draft is limited by the budget, the capacity and the horizon") {
  testing::table_model rows = whole_text_model(8);
  run_inside(rows, budget(4), [](generation& g, model_slot& slot) {
    CHECK(g.draft_limit(slot, 2).depth == 2);
    CHECK(g.draft_limit(slot, 9).depth == 3);
    slot.bounds(7, unlimited);
    CHECK(g.draft_limit(slot, 9).depth == 2);
    CHECK(g.draft_limit(slot, 1).nodes == 2);
    slot.bounds(5, unlimited);
    CHECK(g.draft_limit(slot, 9).depth == 0);
    CHECK(g.running());
    slot.bounds(unlimited, 2);
    CHECK(g.draft_limit(slot, 9).depth == 1);
    slot.bounds(unlimited, 0);
    CHECK(g.draft_limit(slot, 9).depth == 0);
    slot.bounds(4, unlimited);
    CHECK(g.draft_limit(slot, 9).depth == 0);
    CHECK(g.why() == stop_reason::capacity);
  });
}

TEST_CASE("commit counts and keeps up to the border") {
  testing::table_model rows = whole_text_model(8);
  for (const bool stops : {false, true}) {
    limits l = budget(9);
    if (stops) l.end_tokens = {3};
    const decoder d = run_inside(rows, l, [stops](generation& g, model_slot& slot) {
      draft proposal;
      proposal.reset(g.text().back(), g.text().size() - 1, 8);
      proposal.push(0, 6);
      const node_id a = proposal.push(0, 2);
      const node_id b = proposal.push(a, 3);
      const node_id c = proposal.push(b, 4);
      proposal.probe(c, 1);
      slot.prepare(chain_block{g.text().first(4), 0});
      slot.prepare(proposal.block());
      auto law = [](node_id) { return law_view::point(3); };
      const target_laws p{law};
      const std::vector<node_id> path{a, b};
      const std::size_t accepted = g.commit(proposal, outcome{path, 5, origin::corrected}, p, slot);
      CHECK(accepted == 2);
      const token_list expected = stops ? token_list{3, 1, 4, 1, 5, 2} : token_list{3, 1, 4, 1, 5, 2, 3};
      CHECK(token_list(slot.tokens().begin(), slot.tokens().end()) == expected);
      slot.restart();  // nobody has carried these requests out
      g.stop(stop_reason::cancelled);
    });
    CHECK(tokens_of(d.output()) == (stops ? token_list{2, 3} : token_list{2, 3, 5}));
    CHECK(d.stats().drafted == 4);
    CHECK(d.stats().accepted == 2);
    CHECK(d.stats().corrected == (stops ? 0U : 1U));
    CHECK(d.stats().drafted_at[0] == 1);
    CHECK(d.stats().drafted_at[2] == 1);
    CHECK(d.stats().drafted_at[3] == 0);
    CHECK(d.stats().accepted_at[1] == 1);
    CHECK(d.stats().accepted_at[2] == 0);
  }
}

TEST_CASE("a slot that visit_models did not hand out is never evaluated") {
  testing::table_model target{testing::random_table(vocab, 1, 1)};
  testing::table_model first{testing::random_table(vocab, 1, 2)};
  testing::table_model second{testing::random_table(vocab, 1, 3)};
  for (const std::size_t named : {0U, 1U, 2U}) {
    INFO(named);
    decoder d{speculative{target, forgetful{first, second, named}}};
    if (named == 2) {
      CHECK(decode(d, {3, 1, 2}, budget(3)).size() == 3);
    } else {
      CHECK_THROWS_AS(decode(d, {3, 1, 2}, budget(3)), std::logic_error);
      CHECK(d.why() == stop_reason::failed);
      CHECK(d.output().empty());
    }
  }
}
