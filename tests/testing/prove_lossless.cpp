// SPDX-License-Identifier: Apache-2.0
#include <proviso/testing/prove_lossless.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include <proviso/core/law_math.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/top_k.hpp>

#include "support/catch.hpp"
#include "support/sentences.hpp"

namespace {

using namespace proviso;
using support::has;
using testing::proof_options;
using testing::proof_report;

enum class rule_fault {
  none,          ///< token verification
  correction,    ///< corrections are drawn from p
  cautious,      ///< ignores half of the drafts: exact, but accepts less than it could
  reuses_a_key,  ///< acceptance and correction share their noise
  half_total,    ///< the law after a full draft claims half of its mass
  peeks,         ///< ends a round by looking at the token after it
  later_greedy   ///< takes the most probable token from the second round on
};

/// Token verification with a fault.
class rule_with {
 public:
  static constexpr bool lossless = true;
  explicit rule_with(rule_fault f) : fault_{f} {}

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    path_.clear();
    if (fault_ == rule_fault::peeks) return peek(d, p, random);
    if (fault_ == rule_fault::later_greedy && rounds_++ > 0)
      return {path_, p(draft::root()).argmax(), origin::corrected};
    node_id at = draft::root();
    if (fault_ == rule_fault::cautious && !random.flip(1.0, 2.0, purpose::selection, at)) {
      return {path_, random.pick_token(p(at), d.next_position(at)), origin::corrected};
    }
    for (node_id x = d.first_child(at); x != prefix_node; x = d.first_child(at)) {
      if (!random.flip(p(at)(d.token(x)), d.q(x)(d.token(x)), purpose::acceptance, x)) {
        const law_view rest = fault_ == rule_fault::correction ? p(at) : numeric::residual(p(at), d.q(x), residual_);
        const purpose what = fault_ == rule_fault::reuses_a_key ? purpose::acceptance : purpose::residual;
        return {path_, random.pick(rest, what, x), origin::corrected};
      }
      path_.push_back(at = x);
    }
    const law_view last = p(at);
    const double total = fault_ == rule_fault::half_total ? last.total() / 2.0 : last.total();
    return {path_, random.pick_token(law_view::dense(last.weights(), total), d.next_position(at)), ending(d, at)};
  }

 private:
  /// Races for the tokens, so that looking twice at one gives the same: the text is that of plain decoding. A round
  /// goes on to its second token only if that is token 0.
  outcome peek(const draft& d, const target_laws& p, random_ref random) {
    const token_id first = random.pick_token(p(0), d.next_position(0), draw::race);
    const node_id child = find_child(d, draft::root(), first);
    if (child == prefix_node) return {path_, first, origin::corrected};
    const token_id second = random.pick_token(p(child), d.next_position(child), draw::race);
    if (second != 0) return {path_, first, origin::corrected};
    path_.push_back(child);
    return {path_, second, origin::bonus};
  }

  rule_fault fault_;
  std::vector<node_id> path_;
  law_buffer residual_;
  std::size_t rounds_ = 0;
};

struct models {
  testing::row_table p = testing::random_table(3, 2, 1);
  testing::row_table q = testing::random_table(3, 2, 2);
  testing::table_model target{p};
  testing::table_model small{q};
};

proof_options usual(std::size_t tokens = 4) {
  proof_options o;
  o.prompt = {1, 2};
  o.tokens = tokens;
  return o;
}

proof_report prove(models& m, rule_fault f, const proof_options& options, std::size_t length = 2) {
  return prove_lossless(
      [&] {
        return speculative{m.target, drafters::model{m.small}, rule_with{f}, transforms::temperature{},
                           lengths::fixed{length}};
      },
      testing::table_law(m.p), options);
}

TEST_CASE("prove_lossless: an exact rule passes every check") {
  models m;
  const proof_report report = prove(m, rule_fault::none, usual());
  INFO(report.text());
  CHECK(report.passed());
  CHECK(report.failures().empty());
  CHECK(report.find("output")->error < 1e-14);
  CHECK(report.find("conditional")->error < 1e-14);
  CHECK(report.find("accepted")->skipped);
  CHECK(std::abs(report.probability - 1.0) < 1e-14);
  CHECK(report.most_rounds == 4);
  CHECK(report.outcomes > 100);
  CHECK(report.tokens_per_round > 1.0);
  CHECK(report.accepted > report.first_accepted);
  CHECK(report.find("no such check") == nullptr);
}

TEST_CASE("prove_lossless: plain decoding passes; its outcomes are the texts") {
  models m;
  const proof_report report =
      prove_lossless([&] { return autoregressive{m.target}; }, testing::table_law(m.p), usual());
  CHECK(report.passed());
  CHECK(report.outcomes == 81);
  CHECK(report.tokens_per_round == 1.0);
  CHECK(report.accepted == 0.0);
}

TEST_CASE("prove_lossless: the closed form of the first round's acceptance") {
  models m;
  const std::vector<double> p = testing::table_law(m.p)(usual().prompt);
  const std::vector<double> q = testing::table_law(m.q)(usual().prompt);
  proof_options options = usual(3);
  options.expected_accepted = 0.0;
  for (std::size_t x = 0; x < 3; ++x) *options.expected_accepted += (std::min)(p[x], q[x]);
  CHECK(prove(m, rule_fault::none, options, 1).passed());

  // Exact in law, but it accepts half as much: only the closed form sees it.
  const proof_report report = prove(m, rule_fault::cautious, options, 1);
  CHECK(report.failures() == "accepted");
  CHECK(std::abs(report.first_accepted - *options.expected_accepted / 2.0) < 1e-14);
  CHECK(has(report.find("accepted")->detail, "expected 0."));
}

TEST_CASE("prove_lossless: a correction from p fails, and the report names the worst context") {
  models m;
  const proof_report report = prove(m, rule_fault::correction, usual());
  CHECK(report.failures() == "output, conditional");
  const testing::proof_check& output = *report.find("output");
  CHECK(output.error > 0.01);
  CHECK(output.worst.where.substr(0, 5) == "1 2 |");
  REQUIRE(output.worst.got.size() == 3);
  double distance = 0.0;
  for (std::size_t x = 0; x < 3; ++x) distance += std::abs(output.worst.got[x] - output.worst.expected[x]) / 2.0;
  CHECK(distance * output.worst.probability > 0.01);
  CHECK(has(report.text(), "FAIL  output "));
  CHECK(has(report.text(), "next    target       got"));
  CHECK(has(report.text(), "pass  total"));
}

TEST_CASE("prove_lossless: a rule that ends its rounds by what comes next has the right text and still fails") {
  models m;
  const proof_report report = prove(m, rule_fault::peeks, usual(3));
  CHECK(report.failures() == "conditional");
  CHECK(report.find("output")->error < 1e-14);
  CHECK(report.find("conditional")->error > 0.01);
  proof_options whole = usual(3);
  whole.conditional = testing::conditionals::whole_text;
  CHECK(prove(m, rule_fault::peeks, whole).passed());
  CHECK(prove(m, rule_fault::correction, whole).failures() == "output");
}

TEST_CASE("prove_lossless: what only later rounds do wrong is seen") {
  models m;
  CHECK(prove(m, rule_fault::later_greedy, usual()).failures() == "output, conditional");
}

TEST_CASE("prove_lossless: draws that share a key fail with their name") {
  models m;
  const proof_report report = prove(m, rule_fault::reuses_a_key, usual());
  CHECK(report.failures() == "exception");
  CHECK(has(report.text(), "two draws share a key (acceptance, root 1, node 1)"));
}

/// Rounds are numbered from 0 in every decoder, and key the draws.
class numbered_rounds {
 public:
  explicit numbered_rounds(testing::enumerator& all) : all_{&all} {}
  bool flip(double p, double q, const draw_key& key) { return all_->flip(p, q, by_round(key)); }
  token_id pick(const law_view& law, const draw_key& key) { return all_->pick(law, by_round(key)); }
  token_id race(const law_view& law, const draw_key& key) { return all_->race(law, by_round(key)); }

 private:
  draw_key by_round(draw_key key) {
    if (key.what == purpose::token || key.what == purpose::race) return key;
    if (roots_.empty() || roots_.back() != key.at) roots_.push_back(key.at);
    key.at = static_cast<std::uint32_t>(roots_.size() - 1);
    return key;
  }
  testing::enumerator* all_;
  std::vector<std::uint32_t> roots_;
};

TEST_CASE("prove_lossless: a text in pieces has the same laws") {
  models m;
  const proof_report whole = prove(m, rule_fault::none, usual());
  proof_options o = usual();
  for (o.piece_tokens = 1; o.piece_tokens <= 4; ++o.piece_tokens) {
    const proof_report report = prove(m, rule_fault::none, o);
    INFO(report.text());
    CHECK(report.passed());
    CHECK(std::abs(report.probability - 1.0) < 1e-14);
    CHECK(report.accepted >= (o.piece_tokens == 1 ? 0.0 : 0.1));
    CHECK((report.accepted < whole.accepted) == (o.piece_tokens < 4));
    CHECK((report.outcomes == whole.outcomes) == (o.piece_tokens == 4));
  }
  o.piece_tokens = 0;
  o.piece_rounds = 1;
  const proof_report by_rounds = prove(m, rule_fault::none, o);
  CHECK(by_rounds.passed());
  CHECK(by_rounds.outcomes == whole.outcomes);
  CHECK(by_rounds.most_rounds == whole.most_rounds);
  CHECK(std::abs(by_rounds.accepted - whole.accepted) < 1e-14);
  CHECK(std::abs(by_rounds.tokens_per_round - whole.tokens_per_round) < 1e-14);
}

TEST_CASE(
    "prove_lossless: in pieces, keys that come back fail with their name, and a fault of a later round may hide") {
  models m;
  const testing::target_law law = testing::table_law(m.p);
  const auto numbered = [&](const proof_options& o) {
    return testing::detail::lossless_proof{law, o}.run([&](testing::enumerator& all) {
      return sequence{speculative{m.target, drafters::model{m.small}, rule_with{rule_fault::none}},
                      numbered_rounds{all}};
    });
  };
  proof_options o = usual();
  CHECK(numbered(o).passed());
  o.piece_tokens = 2;
  const proof_report report = numbered(o);
  CHECK(report.failures() == "exception");
  CHECK(has(report.text(), "two draws share a key (draft, root 0, node 1)"));
  CHECK(prove(m, rule_fault::correction, o).failed("output"));
  CHECK(prove(m, rule_fault::later_greedy, o).failed("output"));  // every second decoder has a second piece
  o.tokens = 2;
  o.piece_tokens = 1;
  CHECK(prove(m, rule_fault::later_greedy, o).passed());
}

TEST_CASE("prove_lossless: a piece that ends short of its budget fails the length") {
  models m;
  testing::table_model narrow{m.p, 4};  // holds four tokens: the text has five at most
  proof_options o = usual();
  o.piece_tokens = 2;
  const proof_report report = prove_lossless([&] { return autoregressive{narrow}; }, testing::table_law(m.p), o);
  CHECK(report.failures() == "length");
}

TEST_CASE("prove_lossless: a law that claims another mass than it has") {
  models m;
  const proof_report report = prove(m, rule_fault::half_total, usual());
  CHECK(report.failed("total"));
  CHECK(report.probability > 1.01);
}

TEST_CASE("prove_lossless: proofs that prove too little are refused") {
  models m;
  CHECK(prove(m, rule_fault::none, usual(1)).failures() == "rounds");
  CHECK(has(prove(m, rule_fault::none, usual(1)).text(), "ask for more tokens"));
  proof_options few = usual();
  few.most_outcomes = 100;
  const proof_report endless = prove(m, rule_fault::none, few);
  CHECK(endless.failures() == "outcomes");
  CHECK(has(endless.text(), "more than 100 outcomes"));
  testing::table_model tiny{m.p, 4};
  const proof_report shorter = prove_lossless([&] { return autoregressive{tiny}; }, testing::table_law(m.p), usual(6));
  CHECK(shorter.failed("length"));
  CHECK(has(shorter.text(), "of 6 tokens"));
  proof_options empty = usual();
  empty.prompt.clear();
  CHECK(prove(m, rule_fault::none, empty).failures() == "exception");
}

TEST_CASE("prove_lossless: a target that is no law is the caller's mistake") {
  models m;
  const auto half = [](std::span<const token_id>) { return std::vector<double>{0.5, 0.2, 0.2}; };
  REQUIRE_THROWS_AS(prove_lossless([&] { return autoregressive{m.target}; }, half, usual()), std::invalid_argument);
  const auto other = [](std::span<const token_id>) { return std::vector<double>{0.5, 0.5}; };  // lacks a token
  CHECK(prove_lossless([&] { return autoregressive{m.target}; }, other, usual()).failures() == "output, conditional");
}

}  // namespace
