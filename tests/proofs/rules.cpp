// SPDX-License-Identifier: Apache-2.0
// Every lossless rule on every shape of draft that it accepts: the exact law of several rounds, through the production
// code, over models with and without impossible tokens.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <proviso/decode/speculative.hpp>
#include <proviso/proviso.hpp>
#include <proviso/testing/prove_lossless.hpp>

#include "support/catch.hpp"
#include "support/drafting.hpp"
#include "support/pieces.hpp"
#include "support/shapes.hpp"

namespace {

using namespace proviso;
using support::draft_shape;
using support::growth;
using support::tables;

struct named_rule {
  std::string name;
  std::function<rules::any()> make;
  std::function<bool(const draft_shape&)> accepts;
  testing::conditionals promises = testing::conditionals::every_round;
};

bool anything(const draft_shape&) { return true; }
bool chains(const draft_shape& s) { return s.is_chain(); }
bool drawn_chains(const draft_shape& s) { return s.is_chain() && s.kind == growth::with; }

const std::vector<named_rule>& all_rules() {
  static const std::vector<named_rule> all{
      {"match", [] { return rules::match{}; }, anything},
      {"coupled", [] { return rules::coupled{}; }, anything},
      {"token", [] { return rules::token{}; }, chains},
      {"block", [] { return rules::block{}; }, chains},
      {"siblings", [] { return rules::siblings{}; }, anything},
      {"traversal", [] { return rules::traversal{}; }, anything},
      {"joint", [] { return rules::joint{}; }, drawn_chains, testing::conditionals::whole_text},
      {"k_seq", [] { return rules::k_seq{}; },
       [](const draft_shape& s) { return s.is_chain() || s.kind == growth::with; }},
      {"greedy_hub", [] { return rules::greedy_hub{}; },
       [](const draft_shape& s) { return s.is_chain() || s.kind == growth::hub || s.kind == growth::pushed; }},
      {"selected_path", [] { return rules::selected_path{}; },
       [](const draft_shape& s) { return s.is_chain() || s.is_paths(); }},
      {"automatic", [] { return rules::automatic{}; }, anything},
  };
  return all;
}

struct proof_size {
  draft_shape shape;
  std::size_t tokens;  ///< of the text: at least two rounds
};

const std::vector<proof_size>& all_shapes() {
  static const std::vector<proof_size> all{
      {{"nothing", {}}, 3},
      {{"chain of 1", {1}}, 4},
      {{"chain of 2", {1, 1}}, 4},
      {{"chain of 3", {1, 1, 1}}, 4},
      {{"raced chain of 2", {1, 1}, growth::raced}, 4},
      {{"pushed chain of 2", {1, 1}, growth::pushed}, 5},
      {{"mixed chain of 3", {1, 1, 1}, growth::mixed}, 4},
      {{"2 siblings with replacement", {2}, growth::with}, 4},
      {{"3 siblings with replacement", {3}, growth::with}, 3},
      {{"2 siblings without replacement", {2}, growth::without}, 4},
      {{"3 siblings without replacement", {3}, growth::without}, 3},
      {{"hub of 2", {2}, growth::hub}, 4},
      {{"2 paths of 2", {2, 1}, growth::with}, 3},
      {{"tree 2 2 with replacement", {2, 2}, growth::with}, 3},
      {{"tree 2 2 without replacement", {2, 2}, growth::without}, 3},
      {{"tree 2 2 pushed", {2, 2}, growth::pushed}, 4},
      {{"tree 2 2 hub", {2, 2}, growth::hub}, 3},
      {{"tree 2 2 mixed", {2, 2}, growth::mixed}, 3},
  };
  return all;
}

/// Expected number of accepted tokens of the first round of a drawn chain, in closed form: the sum over all prefixes
/// that a draft can have.
class chain_forms {
 public:
  explicit chain_forms(const tables& t) : p_{testing::table_law(t.p)}, q_{testing::table_law(t.q)} {}

  std::optional<double> operator()(const std::string& rule, const draft_shape& shape,
                                   std::vector<token_id> prompt) const {
    const bool drawn = shape.kind == growth::with;
    const bool raced = shape.kind == growth::raced;
    if (!shape.is_chain() || (!drawn && !raced)) return std::nullopt;
    // `state` of a prefix x, drawn with probability Q, is what the rule multiplies along it
    using next = double (*)(double state, double p, double q);
    using value = double (*)(double state, double Q);
    const auto sum = [&](next step, value worth) { return total(prompt, shape.depth(), 1.0, 1.0, step, worth); };
    const auto itself = [](double state, double) { return state; };
    if (raced) {
      if (rule != "coupled") return std::nullopt;  // the others see pushed tokens
      return coupled(prompt, shape.depth());
    }
    if (rule == "match" || rule == "coupled")
      return sum([](double s, double p, double q) { return s * p * q; }, itself);
    if (rule == "token" || rule == "siblings" || rule == "k_seq" || rule == "greedy_hub") {
      return sum([](double s, double p, double q) { return s * std::min(p, q); }, itself);
    }
    if (rule == "block" || rule == "traversal" || rule == "selected_path") {
      return sum([](double s, double p, double q) { return std::min(1.0, s * p / q); },
                 [](double state, double Q) { return state * Q; });
    }
    if (rule == "joint") {
      return sum([](double s, double p, double) { return s * p; },
                 [](double state, double Q) { return std::min(state, Q); });
    }
    return std::nullopt;
  }

 private:
  template <class Next, class Value>
  double total(std::vector<token_id>& text, std::size_t left, double state, double Q, Next step, Value worth) const {
    if (left == 0) return 0.0;
    const std::vector<double> p = p_(text);
    const std::vector<double> q = q_(text);
    double sum = 0.0;
    for (std::size_t x = 0; x < p.size(); ++x) {
      if (q[x] == 0.0) continue;
      const double after = step(state, p[x], q[x]);
      text.push_back(static_cast<token_id>(x));
      sum += worth(after, Q * q[x]) + total(text, left - 1, after, Q * q[x], step, worth);
      text.pop_back();
    }
    return sum;
  }
  double coupled(std::vector<token_id>& text, std::size_t left) const {
    if (left == 0) return 0.0;
    const std::vector<double> p = p_(text);
    const std::vector<double> q = q_(text);
    double sum = 0.0;
    for (std::size_t x = 0; x < p.size(); ++x) {
      if (p[x] == 0.0 || q[x] == 0.0) continue;
      double slowest = 0.0;
      for (std::size_t y = 0; y < p.size(); ++y) slowest += std::max(p[y] / p[x], q[y] / q[x]);
      text.push_back(static_cast<token_id>(x));
      sum += (1.0 + coupled(text, left - 1)) / slowest;
      text.pop_back();
    }
    return sum;
  }

  testing::target_law p_, q_;
};

testing::proof_report prove(const named_rule& rule, const proof_size& size, const tables& t, float temperature = 1.0F,
                            const support::writing& how = support::at_once) {
  const transforms::temperature shape{temperature};
  testing::table_model target{t.p};
  testing::proof_options options;
  options.prompt = {1, 2};
  options.tokens = size.tokens;
  options.conditional = rule.promises;
  if (temperature == 1.0F) options.expected_accepted = chain_forms{t}(rule.name, size.shape, options.prompt);
  return testing::prove_lossless(
      [&] {
        return speculative{target, support::shaped{t.q, size.shape}, rule.make(), shape,
                           lengths::fixed{size.shape.depth()}};
      },
      testing::table_law(t.p, shape), how.in(options));
}

void prove_all(const std::vector<proof_size>& sizes, const tables& t) {
  for (const proof_size& size : sizes) {
    std::map<std::string, double> accepted;
    for (const named_rule& rule : all_rules()) {
      if (!rule.accepts(size.shape) || (rule.name == "coupled" && t.p.vocab() > 3)) continue;  // polygons need 3 tokens
      const testing::proof_report report = prove(rule, size, t);
      INFO(rule.name << ", " << size.shape.name << "\n" << report.text());
      CHECK(report.passed());
      accepted[rule.name] = report.first_accepted;
    }
    INFO(size.shape.name);
    const auto same = [&](const char* a, const char* b) { return std::abs(accepted[a] - accepted[b]) < 1e-12; };
    CHECK(accepted["traversal"] >= accepted["siblings"] - 1e-12);
    if (size.shape.is_chain()) {
      CHECK(accepted["block"] >= accepted["token"] - 1e-12);
      CHECK(same("block", "traversal"));
      CHECK(same("token", "siblings"));
      CHECK(same("token", "k_seq"));
      CHECK(same("block", "selected_path"));
    }
    if (size.shape.kind == growth::pushed) CHECK(same("siblings", "match"));
  }
}

TEST_CASE("every lossless rule has the target's law on every draft that it accepts") {
  for (const tables& t : support::all_tables()) prove_all(all_shapes(), t);
}

TEST_CASE("the same where the text is written in pieces") {
  const tables& t = support::all_tables()[1];
  for (const proof_size& size : all_shapes()) {
    for (const named_rule& rule : all_rules()) {
      if (!rule.accepts(size.shape)) continue;
      for (const support::writing& how : {support::by_twos, support::by_threes, support::by_rounds}) {
        if (how.piece_rounds > 0 && rule.name == "joint") continue;  // what it owes the next round is lost
        const testing::proof_report report = prove(rule, size, t, 1.0F, how);
        INFO(rule.name << ", " << size.shape.name << ", " << how.name << "\n" << report.text());
        CHECK(report.passed());
      }
    }
  }
}

TEST_CASE("joint keeps the law of pieces that their budget ends, and loses it where they end with a round") {
  const named_rule& joint = all_rules()[6];
  const proof_size chain{{"chain of 2", {1, 1}}, 4};
  const tables& t = support::all_tables()[0];
  CHECK(prove(joint, chain, t, 1.0F, support::by_threes).passed());
  CHECK(prove(joint, chain, t, 1.0F, support::by_rounds).failures() == "output");
}

TEST_CASE("the same over four tokens") {
  const std::vector<proof_size> sizes{{{"chain of 2", {1, 1}}, 4},
                                      {{"3 siblings with replacement", {3}, growth::with}, 3},
                                      {{"3 siblings without replacement", {3}, growth::without}, 3},
                                      {{"hub of 3", {3}, growth::hub}, 3},
                                      {{"2 paths of 2", {2, 1}, growth::with}, 3}};
  prove_all(sizes, {support::with_holes(testing::random_table(4, 1, 3), 3), testing::random_table(4, 1, 103)});
}

TEST_CASE("at temperature 0 every lossless rule has the law of greedy decoding") {
  std::vector<named_rule> with_greedy = all_rules();
  with_greedy.push_back({"greedy", [] { return rules::greedy{}; }, anything});
  const tables t{testing::random_table(3, 2, 4), testing::random_table(3, 2, 104)};
  for (const proof_size& size : all_shapes()) {
    for (const named_rule& rule : with_greedy) {
      if (!rule.accepts(size.shape)) continue;
      const testing::proof_report report = prove(rule, size, t, 0.0F);
      INFO(rule.name << ", " << size.shape.name << "\n" << report.text());
      CHECK(report.passed());
    }
  }
}

}  // namespace
