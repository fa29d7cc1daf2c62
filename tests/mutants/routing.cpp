// SPDX-License-Identifier: Apache-2.0
// Routers that choose by what they must not see, record another drafter's law, share a draw, or do not feed the
// drafter that they switch to.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <proviso/drafters/model.hpp>
#include <proviso/drafters/router.hpp>
#include <proviso/rules/token.hpp>

#include "mutants/jury.hpp"
#include "mutants/shared_uniforms.hpp"
#include "support/catch.hpp"

namespace {

using namespace mutants;

enum class routing_fault {
  none,
  again_by_token,     ///< drafts again with the other drafter when the drawn token is not the likely one
  again_by_length,    ///< takes the other drafter's draft when the own one has equal tokens
  records_other,      ///< records the law of the drafter that was not chosen
  records_mixture,    ///< records the mixture of both laws for a token of which the drafter is known
  key_of_acceptance,  ///< the choice shares its draw with the test of the first token
  key_of_draft,       ///< with the first drafted token
  key_of_bonus        ///< with the token after the whole draft
};

/// Two drafters: the laws of a table, and the same laws at temperature 3. One is chosen by a draw whose odds depend on
/// the text.
class router_double {
 public:
  router_double(const tables& t, routing_fault f, std::size_t depth) : table_{&t.q}, fault_{f}, depth_{depth} {}

  void operator()(const context& c, draft& d) const {
    const std::size_t most = depth_ < c.limit() ? depth_ : c.limit();
    if (most == 0) return;
    const std::size_t chosen = choose(c, most);
    std::vector<token_id> tokens = chain(c, chosen, most, 0);
    std::size_t recorded = chosen;
    const narrow_law first{*table_, c.text()};
    const bool again = (fault_ == routing_fault::again_by_token && tokens[0] != first.view().argmax()) ||
                       (fault_ == routing_fault::again_by_length && most > 1 && tokens[0] == tokens[1]);
    if (again) tokens = chain(c, recorded = 1 - chosen, most, 7);
    if (fault_ == routing_fault::records_other) recorded = 1 - chosen;
    node_id at = draft::root();
    for (const token_id x : tokens) {
      const narrow_law q =
          fault_ == routing_fault::records_mixture ? mixture(text_at(c, d, at)) : law(recorded, text_at(c, d, at));
      at = record(d, at, q.view(), x);
    }
  }

 private:
  narrow_law law(std::size_t drafter, std::span<const token_id> text) const {
    return {*table_, text, drafter == 0 ? 1.0F : 3.0F};
  }
  narrow_law mixture(std::span<const token_id> text) const {
    row p = probabilities(law(0, text).view());
    const row other = probabilities(law(1, text).view());
    for (std::size_t x = 0; x < p.size(); ++x) p[x] = 0.5 * (p[x] + other[x]);
    return narrow_law{p};
  }
  std::vector<token_id> chain(const context& c, std::size_t drafter, std::size_t most, std::uint32_t lane) const {
    std::vector<token_id> text(c.text().begin(), c.text().end());
    for (std::size_t i = 0; i < most; ++i) {
      text.push_back(c.random().pick(law(drafter, text).view(), purpose::draft, static_cast<node_id>(i + 1), lane));
    }
    return {text.end() - static_cast<std::ptrdiff_t>(most), text.end()};
  }
  std::size_t choose(const context& c, std::size_t most) const {
    const row odds = c.text().size() % 2 == 0 ? row{0.3, 0.7} : row{0.6, 0.4};
    const law_view both = law_of(odds);
    switch (fault_) {
      case routing_fault::key_of_acceptance:
        return static_cast<std::size_t>(c.random().pick(both, purpose::acceptance, 1));
      case routing_fault::key_of_draft:
        return static_cast<std::size_t>(c.random().pick(both, purpose::draft, 1));
      case routing_fault::key_of_bonus:
        return static_cast<std::size_t>(c.random().pick_token(both, c.text().size() + most));
      default:
        return static_cast<std::size_t>(c.random().pick(both, purpose::selection, 0, 1));
    }
  }

  const testing::row_table* table_;
  routing_fault fault_;
  std::size_t depth_;
};

suspect with(routing_fault f, const char* name) {
  return {name, [] { return rules::token{}; },
          [f](const tables& t, const draft_shape& shape) {
            return router_double{t, f, shape.depth()};
          }};
}

TEST_CASE("routing mutants") {
  judge({"routers under rules::token",
         with(routing_fault::none, "double without a fault"),
         {},
         {with(routing_fault::again_by_token, "drafts again by the drawn token"),
          with(routing_fault::again_by_length, "drafts again by both tokens"),
          with(routing_fault::records_other, "law of the other drafter"),
          with(routing_fault::records_mixture, "law of an even mixture"),
          with(routing_fault::key_of_acceptance, "key of an acceptance"),
          with(routing_fault::key_of_draft, "key of a drafted token"),
          with(routing_fault::key_of_bonus, "key of the bonus token")},
         chain_of_two(3)});
}

TEST_CASE("routing mutants that share noise") {
  judge<shared_uniforms>({"routers with one uniform per key",
                          with(routing_fault::none, "double without a fault"),
                          {},
                          {with(routing_fault::key_of_acceptance, "key of an acceptance"),
                           with(routing_fault::key_of_draft, "key of a drafted token"),
                           with(routing_fault::key_of_bonus, "key of the bonus token")},
                          chain_of_two(3)});
}

/// The language is the parity of the text's length.
class by_length {
 public:
  void start() noexcept { size_ = 0; }
  void read(std::span<const token_id> tokens) noexcept { size_ += tokens.size(); }
  double probability(std::string_view language) const noexcept { return language == likeliest() ? 1.0 : 0.0; }
  std::string_view likeliest() const noexcept { return size_ % 2 == 0 ? "even" : "odd"; }

 private:
  std::size_t size_ = 0;
};

enum class feeding {
  none,
  last_token_only,  ///< a drafter whose turn it is gets the last token and nothing that it missed
  not_taken_back,   ///< a drafter keeps its refused tokens until its next turn, and then, too
  same_session      ///< both drafters think that they hold what the other one was fed
};

/// Two models draft in turns, by the parity of the text's length: what a router with that prior does.
class turns {
 public:
  turns(testing::table_model& even, testing::table_model& odd, feeding f)
      : models_{model_slot{even}, model_slot{odd}}, fault_{f} {}
  void visit_models(function_ref<void(model_slot&)> f) {
    f(models_[0]);
    f(models_[1]);
  }
  void start(std::span<const token_id>) const noexcept {}
  void commit(const feedback&) const noexcept {}

  task propose(const context& c, draft& d) {
    if (c.limit() == 0) co_return;
    const std::span<const token_id> text = c.text();
    model_slot& now = models_[text.size() % 2];
    model_slot& other = models_[1 - text.size() % 2];
    std::size_t held = now.length();
    if (fault_ != feeding::not_taken_back || held == 0) held = now.match(text.first(text.size() - 1));
    if (fault_ == feeding::same_session && other.length() > held) held = other.length();
    if (fault_ == feeding::last_token_only && held > 0) held = text.size() - 1;
    if (held >= text.size()) held = text.size() - 1;
    logits_rows rows = co_await c.evaluate(now, chain_block{text.subspan(held), 1});
    for (node_id at = draft::root();;) {
      at = c.sample(d, at, c.law(rows, 0, d, at, d.next_law()));
      if (d.depth(at) == c.limit()) break;
      last_ = d.token(at);
      rows = co_await c.evaluate(now, chain_block{{&last_, 1}, 1});
    }
  }

 private:
  model_slot models_[2];
  feeding fault_;
  token_id last_ = 0;
};

TEST_CASE("routing session mutants") {
  const book all{"routers over sessions"};
  std::vector<testing::proof_report> references;
  const auto hear = [&](auto make) {
    verdict v;
    for (std::uint32_t seed = 1; seed <= 2; ++seed) {
      v.next();
      testing::table_model target{3, whole_text(seed)};
      testing::table_model even{3, whole_text(seed + 5)};
      testing::table_model odd{3, whole_text(seed + 10)};
      testing::proof_options options;
      options.prompt = prompt();
      options.tokens = 5;
      const testing::proof_report report = testing::prove_lossless(
          [&] {
            return speculative{target, make(even, odd), rules::token{}, transforms::temperature{}, lengths::fixed{2}};
          },
          testing::row_law(3, whole_text(seed)), options);
      if (references.size() < seed) references.push_back(report);
      v.hear(report, references[seed - 1]);
    }
    return v;
  };
  all.sound(
      "drafters::router", hear([](testing::table_model& even, testing::table_model& odd) {
        drafters::routing how;
        how.certainty = 1e9;  // the prior decides alone
        how.dwell = 1;
        drafters::router pool{how, by_length{}};
        pool.add(drafters::model{even}, {"even", 1.0, 0.0, 0.0}).add(drafters::model{odd}, {"odd", 1.0, 0.0, 0.0});
        return pool;
      }));
  const auto in_turns = [&](feeding f) {
    return hear([f](testing::table_model& even, testing::table_model& odd) { return turns{even, odd, f}; });
  };
  all.sound("double without a fault", in_turns(feeding::none));
  all.wrong("fed the last token only", in_turns(feeding::last_token_only));
  all.wrong("refused tokens not taken back", in_turns(feeding::not_taken_back));
  all.wrong("taken for fed by the other", in_turns(feeding::same_session));
}

}  // namespace
