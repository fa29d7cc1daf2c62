// SPDX-License-Identifier: Apache-2.0
// SPACE: the exact law of several rounds under every rule for chains, with whole and with pruned groups.
#include <cstddef>
#include <string>
#include <vector>

#include <proviso/decode/space.hpp>
#include <proviso/model/chain_emulation.hpp>
#include <proviso/proviso.hpp>
#include <proviso/testing/prove_lossless.hpp>
#include <proviso/transforms/top_k.hpp>

#include "support/catch.hpp"
#include "support/masked.hpp"
#include "support/pieces.hpp"
#include "support/shapes.hpp"

namespace {

using namespace proviso;
using support::masked_rows;
using make_rule = rules::any (*)();

struct space_rule {
  std::string name;
  make_rule make;
};
const std::vector<space_rule>& space_rules() {
  static const std::vector<space_rule> all{{"token", [] { return rules::any{rules::token{}}; }},
                                           {"block", [] { return rules::any{rules::block{}}; }},
                                           {"coupled", [] { return rules::any{rules::coupled{}}; }},
                                           {"match", [] { return rules::any{rules::match{}}; }},
                                           {"traversal", [] { return rules::any{rules::traversal{}}; }},
                                           {"automatic", [] { return rules::any{rules::automatic{}}; }}};
  return all;
}

/// Temperature, then the most probable tokens.
struct shaped_by {
  transforms::temperature heat;
  transforms::top_k most;
  void operator()(law_builder& row, const text_position& where) const {
    heat(row, where);
    most(row, where);
  }
};

struct space_trial {
  std::size_t tokens;  ///< of the text
  double node_cost = 0.0;
  shaped_by shape{transforms::temperature{1.0F}, transforms::top_k{3}};
  bool shared = false;  ///< one token is all masks
  std::size_t branches = 1;
};

template <class Model>
testing::proof_report prove(const masked_rows& rows, Model& model, make_rule rule, const space_trial& t,
                            const support::writing& how = support::at_once) {
  testing::proof_options options;
  options.prompt = {1, 0};
  options.tokens = t.tokens;
  const std::vector<token_id> tokens = rows.tokens();
  const auto groups = t.shared ? drafters::masks::shared(tokens[0], tokens.size(), t.node_cost, t.branches)
                               : drafters::masks{tokens, t.node_cost, t.branches};
  return testing::prove_lossless(
      [&] {
        return space{model, groups, rule(), t.shape};
      },
      testing::row_law(rows.vocab(), rows, t.shape), how.in(options));
}

void prove_all_rules(const masked_rows& rows, const space_trial& t) {
  for (const space_rule& r : space_rules()) {
    testing::table_model model = support::model_of(rows);
    const testing::proof_report report = prove(rows, model, r.make, t);
    INFO(r.name << "\n" << report.text());
    CHECK(report.passed());
    CHECK(report.most_rounds == t.tokens);  // where nothing stands
    CHECK(report.accepted > 0.1);
  }
}

/// Masks that find tokens impossible which the model does not, and the other way round.
masked_rows with_holes() {
  std::vector<testing::row_table> masks;
  for (std::size_t j = 1; j <= 2; ++j) {
    masks.push_back(support::with_holes(testing::random_table(3, 2, 50 + j), j + 1));
  }
  return {support::with_holes(testing::random_table(3, 2, 50), 2), masks};
}
masked_rows overconfident() {
  const testing::row_table p = testing::random_table(3, 2, 60, 0.2F);
  return {p, {support::overconfident(p), support::overconfident(testing::random_table(3, 2, 61))}};
}

TEST_CASE("space: the law of every token is the model's, given the rounds before it") {
  prove_all_rules(support::random_masks(3, 1, 1), {5});
  prove_all_rules(support::random_masks(3, 2, 2), {5});
  prove_all_rules(support::random_masks(2, 2, 3), {6});
  prove_all_rules(support::random_masks(2, 3, 4), {5});
  prove_all_rules(with_holes(), {4});
  prove_all_rules(overconfident(), {4});
}

TEST_CASE("space: the same where the text is written in pieces") {
  const masked_rows rows = support::random_masks(3, 2, 2);
  for (const space_rule& r : space_rules()) {
    for (const support::writing& how : {support::by_twos, support::by_threes, support::by_rounds}) {
      testing::table_model model = support::model_of(rows);
      const testing::proof_report report = prove(rows, model, r.make, {5}, how);
      INFO(r.name << ", " << how.name << "\n" << report.text());
      CHECK(report.passed());
    }
  }
}

TEST_CASE("space: the same with one mask token for all places, and with temperature and top-k on both sides") {
  prove_all_rules(support::random_masks(3, 2, 5),
                  {4, 0.0, {transforms::temperature{1.0F}, transforms::top_k{3}}, true});
  prove_all_rules(support::random_masks(3, 2, 6), {5, 0.0, {transforms::temperature{0.6F}, transforms::top_k{2}}});
}

TEST_CASE("space: the same with groups that are pruned by what was accepted before") {
  for (const double cost : {0.1, 0.3}) {
    prove_all_rules(support::random_masks(3, 2, 7, 0.2, 0.5), {5, cost});
    prove_all_rules(support::random_masks(2, 2, 8, 0.2, 0.5), {6, cost});
  }
}

TEST_CASE("space: the same with several candidates in the first place") {
  const std::vector<space_rule> rules_for_trees{{"traversal", [] { return rules::any{rules::traversal{}}; }},
                                                {"siblings", [] { return rules::any{rules::siblings{}}; }},
                                                {"match", [] { return rules::any{rules::match{}}; }},
                                                {"automatic", [] { return rules::any{rules::automatic{}}; }}};
  for (const double cost : {0.0, 0.1}) {
    const masked_rows rows[] = {support::random_masks(3, 2, 11), with_holes(),
                                support::random_masks(2, 2, 12, 0.2, 0.5)};
    for (const masked_rows& r : rows) {
      for (const space_rule& by : rules_for_trees) {
        testing::table_model model = support::model_of(r);
        space_trial t{4, cost};
        t.branches = 2;
        const testing::proof_report report = prove(r, model, by.make, t);
        INFO(by.name << ", node cost " << cost << "\n" << report.text());
        CHECK(report.passed());
        CHECK(report.accepted > 0.1);
      }
    }
  }
}

TEST_CASE("space: the same on chains that emulate trees") {
  const masked_rows rows = support::random_masks(3, 2, 9);
  testing::table_model model = support::model_of(rows);
  chain_emulation trees{model};
  for (const space_rule& r : space_rules()) {
    const testing::proof_report report = prove(rows, trees, r.make, {4});
    INFO(r.name << "\n" << report.text());
    CHECK(report.passed());
  }
}

TEST_CASE("space: at temperature 0 there is one text") {
  for (const space_rule& r : space_rules()) {
    const masked_rows rows = support::random_masks(4, 3, 10, 0.3, 0.5);
    testing::table_model model = support::model_of(rows);
    const space_trial t{12, 0.0, {transforms::temperature{0.0F}, transforms::top_k{4}}};
    const testing::proof_report report = prove(rows, model, r.make, t);
    INFO(r.name << "\n" << report.text());
    CHECK(report.passed());
    CHECK(report.outcomes == 1);
  }
}

}  // namespace
