// SPDX-License-Identifier: Apache-2.0
// Wrong ensembles: laws combined by role, tokens verified against another law than they were drawn from or not at all,
// tokens that outlive a refusal, and a temperature of 0 that asks one model.
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <proviso/core/generation.hpp>

#include "mutants/jury.hpp"
#include "support/catch.hpp"
#include "support/combining.hpp"

namespace {

using namespace mutants;
using support::crowd;
using support::mix;

enum class ensemble_fault {
  none,
  bonus_unverified,     ///< the token from the verifier's last row is emitted as it is
  by_role,              ///< the first weight is the proposer's, whichever model that is
  first_models_argmax,  ///< at temperature 0 the first model decides
  verifiers_row,        ///< a token is verified against the law of the model that scored it, not of its proposer
  survives_refusal,     ///< what waits behind a refused token stays
  correction_of_v       ///< the correction is drawn from the combined law
};

/// Alternate proposal by hand: two models, each proposes one token in its turn.
class ensemble_loop {
 public:
  ensemble_loop(crowd& models, ensemble_fault f, float temperature)
      : slots_{model_slot{models.model(0)}, model_slot{models.model(1)}},
        weights_{models.weights()},
        fault_{f},
        cold_{temperature == 0.0F} {}
  void visit_models(function_ref<void(model_slot&)> f) {
    for (model_slot& s : slots_) f(s);
  }

  task generate(generation& g) {
    clear();
    for (model_slot& s : slots_) co_await g.feed(s, 1);
    while (g.running()) {
      const std::size_t i = rows_[1].size() < rows_[0].size() ? 1 : 0;
      const bool proposes = tokens_.size() < g.room();
      const std::size_t want = tokens_.size() + (proposes ? 1 : 0) - rows_[i].size();
      const logits_rows rows = co_await g.evaluate(slots_[i], missing(g, i, want));
      for (std::size_t r = 0; r < want; ++r) rows_[i].push_back(law_of_row(g, rows, r));
      if (proposes) {
        row q = rows_[i].back();
        if (cold_) q = point(q);
        const auto at = static_cast<node_id>(g.text().size() + tokens_.size());
        tokens_.push_back(g.random().pick(law_of(q), purpose::draft, at));
        proposer_.push_back(i);
        q_.push_back(q);
      }
      const std::size_t before = g.output().size();
      verify(g);
      if (fault_ == ensemble_fault::bonus_unverified && g.running() && g.output().size() > before &&
          tokens_.size() == 1) {
        g.append(tokens_[0], origin::bonus, law_of(q_[0]));
        clear();
      }
      for (model_slot& s : slots_) {
        if (tokens_.empty()) s.rewind(g.text().size() - 1);
      }
      if (g.output().size() > before) co_await g.next_round();
    }
  }

 private:
  void clear() {
    tokens_.clear();
    proposer_.clear();
    q_.clear();
    for (auto& rows : rows_) rows.clear();
  }
  void pop() {
    tokens_.erase(tokens_.begin());
    proposer_.erase(proposer_.begin());
    q_.erase(q_.begin());
    for (auto& rows : rows_) rows.erase(rows.begin());
  }
  /// A block for model `i` whose last `want` rows stand behind those that the model has given.
  masked_block missing(const generation& g, std::size_t i, std::size_t want) {
    std::vector<token_id> all(g.text().begin(), g.text().end());
    all.insert(all.end(), tokens_.begin(), tokens_.end());
    all.resize(g.text().size() + rows_[i].size() + want - 1);
    block_.assign(all.begin() + static_cast<std::ptrdiff_t>(slots_[i].length()), all.end());
    return chain_block{block_, want};
  }
  static row law_of_row(generation& g, const logits_rows& rows, std::size_t r) {
    law_buffer memory;
    auto unchanged = [](law_builder&, const text_position&) {};
    return probabilities(g.law(rows.row(r, {}), {g.text(), {}}, unchanged, memory));
  }
  static row point(const row& p) {
    row all(p.size(), 0.0);
    all[static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin())] = 1.0;
    return all;
  }
  row combine() const {
    const bool swapped = fault_ == ensemble_fault::by_role && proposer_[0] == 1;
    row v(3);
    for (std::size_t x = 0; x < v.size(); ++x) {
      v[x] = weights_[swapped ? 1 : 0] * rows_[0][0][x] + weights_[swapped ? 0 : 1] * rows_[1][0][x];
    }
    if (!cold_) return v;
    return point(fault_ == ensemble_fault::first_models_argmax ? rows_[0][0] : v);
  }
  void verify(generation& g) {
    while (g.running() && !rows_[0].empty() && !rows_[1].empty() && !tokens_.empty()) {
      const row v = combine();
      row q = q_[0];
      if (fault_ == ensemble_fault::verifiers_row) q = rows_[1 - proposer_[0]][0];
      const auto at_text = static_cast<node_id>(g.text().size());
      if (g.random().flip(at(v, tokens_[0]), at(q, tokens_[0]), purpose::acceptance, at_text)) {
        g.append(tokens_[0], origin::drafted, law_of(v));
        pop();
        continue;
      }
      row rest = excess(1.0, v, 1.0, q);
      if (fault_ == ensemble_fault::correction_of_v || !(sum(rest) > 0.0)) rest = v;
      g.append(g.random().pick(law_of(rest), purpose::residual, at_text), origin::corrected, law_of(v));
      for (model_slot& s : slots_) s.rewind(g.text().size() - 1);
      if (fault_ == ensemble_fault::survives_refusal) {
        pop();
        return;
      }
      clear();
      return;
    }
  }

  model_slot slots_[2];
  std::vector<double> weights_;
  ensemble_fault fault_;
  bool cold_;
  std::vector<token_id> tokens_;  // that wait, first in, first out
  std::vector<std::size_t> proposer_;
  std::vector<row> q_;
  std::vector<row> rows_[2];  // of each model, from the first waiting token on
  std::vector<token_id> block_;
};

verdict hear(ensemble_fault f, float temperature) {
  verdict v;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    crowd models{2, 3, 2, seed};
    testing::proof_options options;
    options.prompt = prompt();
    options.tokens = temperature > 0.0F ? 4 : 9;
    v.next();
    const testing::proof_report report = testing::prove_lossless(
        [&] {
          return ensemble_loop{models, f, temperature};
        },
        models.law(mix::weighted, static_cast<double>(temperature)), options);
    v.hear(report, report);
  }
  return v;
}

TEST_CASE("ensemble mutants") {
  const book all{"alternate proposal"};
  all.sound("double without a fault", hear(ensemble_fault::none, 1.0F));
  all.sound("the same at temperature 0", hear(ensemble_fault::none, 0.0F));
  all.wrong("bonus token not verified", hear(ensemble_fault::bonus_unverified, 1.0F));
  all.wrong("combined by role", hear(ensemble_fault::by_role, 1.0F));
  all.wrong("verified against the verifier's row", hear(ensemble_fault::verifiers_row, 1.0F));
  all.wrong("waiting tokens survive a refusal", hear(ensemble_fault::survives_refusal, 1.0F));
  all.wrong("correction from the combined law", hear(ensemble_fault::correction_of_v, 1.0F));
  all.wrong("greedy by the first model", hear(ensemble_fault::first_models_argmax, 0.0F));
}

}  // namespace
