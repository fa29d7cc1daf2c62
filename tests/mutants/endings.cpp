// SPDX-License-Identifier: Apache-2.0
// Loops, drafters and rules that are wrong where a text ends inside a draft.
#include <utility>
#include <vector>

#include <proviso/drafters/model.hpp>
#include <proviso/rules/joint.hpp>
#include <proviso/rules/selected_path.hpp>
#include <proviso/rules/token.hpp>

#include "mutants/jury.hpp"
#include "support/catch.hpp"
#include "support/endings.hpp"

namespace {

using namespace mutants;

enum class ending_fault {
  none,
  unaware,      ///< the draft does not know what ends the text
  behind,       ///< the law behind the end is built from its row
  drops_end,    ///< the drafter takes the end token back
  drops_twice,  ///< the drafter takes a token back when the one after it ends the text
  forgets_end   ///< the rule takes a draft that closed for a short one
};

/// A loop like that of `speculative`, with a fault.
template <class Rule>
class ending_loop {
 public:
  ending_loop(testing::table_model& m, const testing::row_table& q, Rule r, support::last_word shape,
              std::size_t length, ending_fault f)
      : target_{m}, table_{&q}, rule_{std::move(r)}, shape_{shape}, length_{length}, fault_{f} {}

  void visit_models(function_ref<void(model_slot&)> f) { target_.visit_models(f); }

  task generate(generation& g) {
    const transform_ref shape{shape_};
    co_await target_.feed(g);
    while (g.running()) {
      const draft_bounds most = target_.draft_limit(g, length_);
      if (!g.running()) break;
      g.begin(draft_, most);
      if (fault_ == ending_fault::unaware) draft_.reset(g.text().back(), g.text().size() - 1, most.depth, most.nodes);
      propose(g, most.depth);
      const auto& rows = co_await target_.evaluate(g, draft_.block());
      auto law_after = [&](node_id n) {
        const auto build = [&](law_buffer& out) { return target_.law(g, rows, draft_, n, shape, out); };
        if (fault_ == ending_fault::behind && draft_.is_closed(n)) return build(behind_);
        return laws_.get(draft_, n, build);
      };
      laws_.clear(draft_.expected_size());
      const target_laws p{law_after};
      const draft& judged = fault_ == ending_fault::forgets_end ? forgetful() : draft_;
      const outcome o = rule_(judged, p, g.random());
      g.commit(draft_, o, p, target_);
      co_await g.next_round();
    }
  }

 private:
  void propose(generation& g, std::size_t depth) {
    std::vector<token_id> text{g.text().begin(), g.text().end()};
    std::vector<std::pair<std::vector<double>, token_id>> chain;
    node_id at = draft::root();
    while (draft_.depth(at) < depth && !draft_.is_closed(at)) {
      const narrow_law q{*table_, text};
      const token_id x = g.random().pick(q.view(), purpose::draft, static_cast<node_id>(draft_.size()));
      if (fault_ == ending_fault::drops_end && x == 2) return;
      if (fault_ == ending_fault::drops_twice) {
        text.push_back(x);
        const narrow_law next{*table_, text};
        text.pop_back();
        if (next.view()(2) > 0.4) return;
      }
      at = record(draft_, at, q.view(), x);
      text.push_back(x);
    }
  }
  /// The same chain, without the knowledge of what ends the text.
  const draft& forgetful() {
    copy_.reset(draft_.token(0), draft_.root_position(), draft_.deepest(), draft_.deepest());
    for (std::size_t i = 1; i < draft_.size(); ++i) {
      const auto n = static_cast<node_id>(i);
      record(copy_, n - 1, draft_.q(n), draft_.token(n));
    }
    return copy_;
  }

  one_model target_;
  const testing::row_table* table_;
  Rule rule_;
  support::last_word shape_;
  std::size_t length_;
  ending_fault fault_;
  draft draft_, copy_;
  law_cache laws_;
  law_buffer behind_;
};

/// The end token alone: every fault shows there.
template <class Rule>
verdict hear_ending(ending_fault f, std::size_t length, std::size_t count) {
  verdict v;
  for (const tables& t : all_tables()) {
    testing::table_model target{t.p};
    const support::endings how = support::all_endings(count)[0];
    v.next();
    const support::ending_proof found = support::prove_endings(
        [&] {
          return ending_loop<Rule>{target, t.q, Rule{}, support::last_word{&how, prompt().size()}, length, f};
        },
        testing::table_law(t.p), prompt(), how);
    if (!found.thrown.empty()) {
      v.fail("exception");
    } else if (!found.passed()) {
      v.fail("output");
    }
  }
  return v;
}

TEST_CASE("ending mutants") {
  const book all{"texts that end inside a draft"};
  all.sound("loop under rules::token", hear_ending<rules::token>(ending_fault::none, 2, 4));
  all.sound("loop under rules::joint", hear_ending<rules::joint>(ending_fault::none, 3, 5));
  all.wrong("draft that knows no end", hear_ending<rules::token>(ending_fault::unaware, 2, 4));
  all.wrong("law behind the end", hear_ending<rules::token>(ending_fault::behind, 2, 4));
  all.wrong("end token taken back", hear_ending<rules::token>(ending_fault::drops_end, 2, 4));
  all.wrong("dropped before a likely end", hear_ending<rules::token>(ending_fault::drops_twice, 2, 4));
  all.wrong("joint owes the shorter draft", hear_ending<rules::joint>(ending_fault::forgets_end, 3, 5));
}

}  // namespace
