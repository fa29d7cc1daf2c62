// SPDX-License-Identifier: Apache-2.0
// Wrong versions of SPACE: what is drawn from the mask rows, what is recorded, and what follows a refusal.
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <proviso/decode/space.hpp>
#include <proviso/rules/token.hpp>

#include "mutants/jury.hpp"
#include "support/catch.hpp"
#include "support/masked.hpp"

namespace {

using namespace mutants;
using support::masked_rows;

enum class space_fault {
  none,
  group_of_root,      ///< the law of the group under the root is recorded, the candidate is drawn from that of the tip
  group_after,        ///< the law of a group after the token that followed is recorded
  mask_before,        ///< recorded with the row one place earlier
  ordinary_row,       ///< recorded with the ordinary row at its place
  stale,              ///< recorded with the group of the round before
  greedy,             ///< the most probable token, recorded with the law of the mask row
  other_temperature,  ///< drawn at temperature 2, recorded at 1
  dropped_by_value,   ///< candidates that the mask row finds improbable are left out
  one_key,            ///< all candidates are drawn with one draw
  poor_group,         ///< the group of the root is drawn from and recorded: right law, fewer tokens
  correction_from_row,  ///< after a refusal the token is drawn from the ordinary row: the released code
  residual_of_next      ///< after a refusal the residual is that against the law of the next candidate
};

/// Drafts like `drafters::masks`, with laws straight from the tables.
class candidates_double {
 public:
  candidates_double(const masked_rows& rows, std::size_t k, space_fault f) : rows_{&rows}, k_{k}, fault_{f} {}
  void start(std::span<const token_id>) noexcept { root_ = tip_ = old_ = 0; }
  void propose(const context& c, draft& d) {
    if (tip_ == 0) return;  // the first round has no candidates
    node_id at = draft::root();
    for (std::size_t j = 1; j <= k_ && j <= c.limit(); ++j) {
      const std::size_t drawn_after = fault_ == space_fault::poor_group ? root_ : tip_;
      const narrow_law q = law(c, drawn_after, j);
      const narrow_law recorded = recorded_law(c, d, at, drawn_after, j);
      const auto key = static_cast<node_id>(fault_ == space_fault::one_key ? 1 : j);
      const token_id x = fault_ == space_fault::greedy              ? q.view().argmax()
                         : fault_ == space_fault::other_temperature ? pick_softer(c, q, key)
                                                                    : c.random().pick(q.view(), purpose::draft, key);
      if (fault_ == space_fault::dropped_by_value && q.view()(x) < 0.3) return;
      at = record(d, at, recorded.view(), x);
    }
  }
  void commit(const feedback& f) {
    old_ = tip_;
    root_ = f.proposal.root_position() + 1;
    tip_ = root_ + f.result.path.size();
  }

 private:
  /// The law of mask `j` in a group after the first `length` tokens of the text.
  narrow_law law(const context& c, std::size_t length, std::size_t j) const {
    return law_of_row(rows_->row(c.text().first(length), j));
  }
  static narrow_law law_of_row(std::span<const float> logits) {
    return {testing::row_table{logits.size(), 0, {logits.begin(), logits.end()}}, {}};
  }
  narrow_law recorded_law(const context& c, const draft& d, node_id at, std::size_t after, std::size_t j) const {
    if (fault_ == space_fault::group_of_root) return law(c, root_, j);
    if (fault_ == space_fault::group_after) return law(c, c.text().size(), j);
    if (fault_ == space_fault::mask_before) return law(c, after, j - 1);
    if (fault_ == space_fault::ordinary_row) return law_of_row(rows_->row(text_at(c, d, at), 0));
    if (fault_ == space_fault::stale && old_ > 0) return law(c, old_, j);
    return law(c, after, j);
  }
  static token_id pick_softer(const context& c, const narrow_law& q, node_id key) {
    row softer = probabilities(q.view());
    for (double& p : softer) p = std::sqrt(p);
    return c.random().pick(law_of(softer), purpose::draft, key);
  }

  const masked_rows* rows_;
  std::size_t k_;
  space_fault fault_;
  std::size_t root_ = 0;  // tokens up to the root, and up to the tip, of the round before
  std::size_t tip_ = 0;
  std::size_t old_ = 0;  // up to the tip of the round before that one
};

/// Token verification with another law after a refusal.
class correction_double {
 public:
  static constexpr bool lossless = false;
  explicit correction_double(space_fault f) : fault_{f} {}
  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    const outcome o = sound_(d, p, random);
    const node_id refused = d.first_child(o.tip());
    if (o.from != origin::corrected) return o;
    const node_id next = d.first_child(refused);
    row rest = probabilities(p(o.tip()));
    if (fault_ == space_fault::residual_of_next) {
      rest = excess(1.0, rest, 1.0, probabilities(d.q(next == prefix_node ? refused : next)));
      if (!(sum(rest) > 0.0)) rest = probabilities(p(o.tip()));
    }
    return {o.path, random.pick(law_of(rest), purpose::selection, refused), origin::corrected};
  }

 private:
  space_fault fault_;
  rules::token sound_;
};

struct trial_of_space {
  masked_rows rows;
  std::size_t k;
  std::size_t tokens;
};

const std::vector<trial_of_space>& trials_of_space() {
  static const std::vector<trial_of_space> all = [] {
    const testing::row_table flat = testing::random_table(3, 2, 60, 0.2F);
    const masked_rows far = support::random_masks(3, 2, 70);
    const masked_rows holes{support::with_holes(testing::random_table(3, 2, 50), 2),
                            {support::with_holes(testing::random_table(3, 2, 51), 2),
                             support::with_holes(testing::random_table(3, 2, 52), 3)}};
    const masked_rows sure{flat,
                           {support::overconfident(flat), support::overconfident(testing::random_table(3, 2, 61))}};
    return std::vector<trial_of_space>{{far, 2, 5}, {holes, 2, 5}, {sure, 2, 5}};
  }();
  return all;
}

using make_space = std::function<sequence(testing::table_model&, const trial_of_space&, testing::enumerator&)>;

testing::proof_report prove(const trial_of_space& t, const make_space& make) {
  testing::table_model model = support::model_of(t.rows);
  testing::proof_options options;
  options.prompt = prompt();
  options.tokens = t.tokens;
  const testing::target_law law = testing::row_law(t.rows.vocab(), t.rows);
  const auto start = [&](testing::enumerator& all) { return make(model, t, all); };
  return testing::detail::lossless_proof{law, options}.run(start);
}

/// Chains of candidates under the token rule, with a fault in the drafter or in the rule.
make_space with(space_fault f) {
  return [f](testing::table_model& model, const trial_of_space& t, testing::enumerator& all) {
    const bool in_rule = f == space_fault::correction_from_row || f == space_fault::residual_of_next;
    return sequence{speculative{model, candidates_double{t.rows, t.k, f},
                                in_rule ? rules::any{correction_double{f}} : rules::any{rules::token{}},
                                transforms::temperature{}, lengths::fixed{t.k}},
                    all.source()};
  };
}

TEST_CASE("space mutants") {
  const book all{"decode/space under rules::token"};
  std::vector<testing::proof_report> references;
  const auto hear = [&](const make_space& make) {
    verdict v;
    for (std::size_t i = 0; i < trials_of_space().size(); ++i) {
      v.next();
      const testing::proof_report report = prove(trials_of_space()[i], make);
      if (references.size() == i) references.push_back(report);
      v.hear(report, references[i]);
    }
    return v;
  };
  all.sound("space", hear([](testing::table_model& model, const trial_of_space& t, testing::enumerator& source) {
              return sequence{space{model, drafters::masks{t.rows.tokens()}, rules::token{}}, source.source()};
            }));
  all.sound("double without a fault", hear(with(space_fault::none)));
  const std::pair<space_fault, const char*> wrong[] = {
      {space_fault::correction_from_row, "correction from the ordinary row"},
      {space_fault::residual_of_next, "residual of the next candidate"},
      {space_fault::group_of_root, "q of the group of the root"},
      {space_fault::group_after, "q of a group one token later"},
      {space_fault::mask_before, "q of the mask before"},
      {space_fault::ordinary_row, "q of the ordinary row"},
      {space_fault::stale, "q of the group of an earlier round"},
      {space_fault::greedy, "most probable candidates, soft q"},
      {space_fault::other_temperature, "q at another temperature"},
      {space_fault::dropped_by_value, "dropped for its own probability"},
      {space_fault::one_key, "one draw for all candidates"},
      {space_fault::poor_group, "drafts with the group of the root"}};
  for (const auto& [f, name] : wrong) all.wrong(name, hear(with(f)));
}

}  // namespace
