// SPDX-License-Identifier: Apache-2.0
// Wrong versions of drafters::parallel: which row a candidate is drawn from and recorded with, what the draft may
// depend on, and what a round costs.
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <proviso/drafters/parallel.hpp>
#include <proviso/rules/block.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/top_k.hpp>

#include "mutants/jury.hpp"
#include "mutants/shared_uniforms.hpp"
#include "support/catch.hpp"
#include "support/masked.hpp"

namespace {

using namespace mutants;
using drafters::mask_row;
using support::masked_rows;

enum class parallel_fault {
  none,
  row_before,       ///< drawn from the row of the candidate before, recorded with its own
  untempered,       ///< recorded without the temperature
  unfiltered,       ///< recorded without the truncation
  after_drafted,    ///< recorded with the law of a drafter that knows the candidates before
  old_row,          ///< recorded with the row that stood in its place in the round before
  greedy,           ///< the most probable token, recorded with the whole law
  peeks_at_target,  ///< candidates that the target finds improbable are left out
  behind_refused,   ///< candidates behind a refused one are proposed once more
  one_key,          ///< all candidates are drawn with one draw
  beyond_limit,     ///< as many candidates as there are rows, whatever the round allows
  late_rows,        ///< drawn from and recorded with the row one place later: right law, fewer tokens
  old_rows,         ///< drawn from and recorded with the rows of the round before: right law, fewer tokens
  forgets_session,  ///< the whole text is evaluated in every round
  all_masks,        ///< masks are evaluated from which nothing may be drawn
  one_by_one        ///< one evaluation per candidate
};

struct trial_of_masks {
  masked_rows p, q;
  mask_row row;
  float temperature;
  std::size_t kept;  // by the truncation
  std::size_t tokens;
};

/// `drafters::parallel` for two candidates, with a fault.
class parallel_double {
 public:
  parallel_double(testing::table_model& small, const trial_of_masks& t, parallel_fault f)
      : slot_{small}, trial_{&t}, fault_{f}, masks_{t.q.tokens()} {
    if (ahead() == 1) masks_.pop_back();
  }

  void visit_models(function_ref<void(model_slot&)> f) { f(slot_); }
  void start(std::span<const token_id>) const noexcept {}

  task propose(const context& c, draft& d) {
    std::size_t count = masks_.size() + ahead();
    if (fault_ != parallel_fault::beyond_limit && c.limit() < count) count = c.limit();
    if (count == 0) co_return;
    node_id at = draft::root();
    if (!left_.empty()) {
      for (std::size_t i = 0; i < left_.size() && i < count; ++i) {
        at = record(d, at, law_view::dense(left_[i].weights, numeric::sum(left_[i].weights)), left_[i].token);
      }
      co_return;
    }
    if (fault_ == parallel_fault::forgets_session) slot_.restart();
    co_await c.feed(slot_);
    before_ = std::exchange(rows_, {});
    for (std::size_t next = fault_ == parallel_fault::one_by_one ? 1 : count; next <= count; ++next) {
      const std::size_t masks = fault_ == parallel_fault::all_masks ? masks_.size() : next - ahead();
      std::vector<token_id> tokens(c.text().begin() + static_cast<std::ptrdiff_t>(slot_.length()), c.text().end());
      tokens.insert(tokens.end(), masks_.begin(), masks_.begin() + static_cast<std::ptrdiff_t>(masks));
      const std::size_t want = fault_ == parallel_fault::one_by_one ? 1 : masks + ahead();
      const logits_rows rows = co_await c.evaluate(slot_, chain_block{tokens, want});
      slot_.rewind(c.text().size() - (fault_ == parallel_fault::one_by_one && ahead() == 1 ? 1 : 0));
      std::vector<float> memory(rows.cols());
      for (std::size_t i = 0; i < want; ++i) {
        const std::span<const float> row = rows.row(i, memory);
        rows_.emplace_back(row.begin(), row.end());
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      const law_view q = shaped(c, d, at, i);
      const law_view recorded = recorded_law(c, d, at, i, q);
      const auto key = static_cast<node_id>(fault_ == parallel_fault::one_key ? 1 : i + 1);
      const token_id x = fault_ == parallel_fault::greedy ? q.argmax() : c.random().pick(q, purpose::draft, key);
      if (fault_ == parallel_fault::peeks_at_target && target_law(text_at(c, d, at)).view()(x) < 0.3) co_return;
      at = record(d, at, recorded, x);
    }
  }

  void commit(const feedback& f) {
    slot_.match(f.text);
    left_.clear();
    if (fault_ != parallel_fault::behind_refused || f.result.from != origin::corrected) return;
    for (std::size_t i = f.result.path.size() + 2; i <= f.proposal.proposed(); ++i) {
      const auto node = static_cast<node_id>(i);
      candidate again{f.proposal.token(node), {}};
      for (std::size_t x = 0; x < trial_->q.vocab(); ++x) {
        again.weights.push_back(static_cast<float>(f.proposal.q(node)(static_cast<token_id>(x))));
      }
      left_.push_back(again);
    }
  }

 private:
  struct candidate {
    token_id token;
    std::vector<float> weights;
  };

  std::size_t ahead() const noexcept { return trial_->row == mask_row::next ? 1 : 0; }

  /// The law that candidate `i` is drawn from.
  law_view shaped(const context& c, const draft& d, node_id at, std::size_t i) {
    std::size_t from = i;
    if (fault_ == parallel_fault::row_before && i > 0) from = i - 1;
    if (fault_ == parallel_fault::late_rows && i + 1 < rows_.size()) from = i + 1;
    const bool old = fault_ == parallel_fault::old_rows && i < before_.size();
    return law_of_row(c, d, at, old ? before_[i] : rows_[from], drawn_);
  }
  law_view recorded_law(const context& c, const draft& d, node_id at, std::size_t i, const law_view& q) {
    law_builder builder;
    switch (fault_) {
      case parallel_fault::row_before:
        return law_of_row(c, d, at, rows_[i], recorded_);
      case parallel_fault::old_row:
        return law_of_row(c, d, at, i < before_.size() ? before_[i] : rows_[i], recorded_);
      case parallel_fault::untempered:
        builder.begin(rows_[i], recorded_);
        return builder.finish();
      case parallel_fault::unfiltered:
        builder.begin(rows_[i], recorded_);
        builder.divide(trial_->temperature);
        return builder.finish();
      case parallel_fault::after_drafted:
        known_.resize(trial_->q.vocab());
        trial_->q(text_at(c, d, at), known_);
        return law_of_row(c, d, at, known_, recorded_);
      default:
        return q;
    }
  }
  static law_view law_of_row(const context& c, const draft& d, node_id at, const std::vector<float>& row,
                             law_buffer& out) {
    return c.law(logits_view<float>{row.data(), 1, row.size()}, 0, d, at, out);
  }
  narrow_law target_law(std::span<const token_id> text) const {
    const std::span<const float> row = trial_->p.row(text, 0);
    return {testing::row_table{row.size(), 0, {row.begin(), row.end()}}, {}, trial_->temperature};
  }

  model_slot slot_;
  const trial_of_masks* trial_;
  parallel_fault fault_;
  std::vector<token_id> masks_;
  std::vector<std::vector<float>> rows_;    // of this round
  std::vector<std::vector<float>> before_;  // of the round before
  std::vector<candidate> left_;             // behind the refused one
  std::vector<float> known_;
  law_buffer drawn_;
  law_buffer recorded_;
};

const std::vector<trial_of_masks>& trials_of_masks() {
  static const std::vector<trial_of_masks> all = [] {
    const testing::row_table flat = testing::random_table(3, 2, 60, 0.2F);
    const auto holes = [](std::uint64_t seed, std::size_t step) {
      return support::with_holes(testing::random_table(3, 2, seed), step);
    };
    const masked_rows sure{support::overconfident(flat),
                           {support::overconfident(flat), support::overconfident(testing::random_table(3, 2, 61))}};
    return std::vector<trial_of_masks>{
        {support::random_masks(3, 2, 21), support::random_masks(3, 2, 22), mask_row::next, 1.0F, 5, 4},
        {{holes(50, 2), {holes(51, 2), holes(52, 3)}},
         {holes(53, 3), {holes(54, 2), holes(55, 3)}},
         mask_row::own,
         0.7F,
         5,
         4},
        {{flat, {flat, flat}}, sure, mask_row::next, 1.0F, 2, 4}};
  }();
  return all;
}

using make_parallel = std::function<sequence(testing::table_model& target, testing::table_model& small,
                                             const trial_of_masks&, testing::enumerator&)>;

template <class Source, class Drafter>
sequence algorithm(testing::table_model& target, Drafter drafter, rules::any rule, const trial_of_masks& t,
                   testing::enumerator& all) {
  return sequence{speculative{target, std::move(drafter), std::move(rule),
                              transforms::chain{transforms::top_k{t.kept}, transforms::temperature{t.temperature}},
                              lengths::fixed{2}},
                  Source{all}};
}

template <class Rule, class Source = testing::enumerator::source_type>
make_parallel with(parallel_fault f) {
  return [f](testing::table_model& target, testing::table_model& small, const trial_of_masks& t,
             testing::enumerator& all) {
    return algorithm<Source>(target, parallel_double{small, t, f}, rules::any{Rule{}}, t, all);
  };
}

template <class Rule, class Source = testing::enumerator::source_type>
sequence shipped_parallel(testing::table_model& target, testing::table_model& small, const trial_of_masks& t,
                          testing::enumerator& all) {
  std::vector<token_id> masks = t.q.tokens();
  if (t.row == mask_row::next) masks.pop_back();
  return algorithm<Source>(target, drafters::parallel{small, masks, t.row}, rules::any{Rule{}}, t, all);
}

counted_proof prove(const trial_of_masks& t, const make_parallel& make) {
  testing::table_model target = support::model_of(t.p);
  testing::table_model small = support::model_of(t.q);
  testing::proof_options options;
  options.prompt = prompt();
  options.tokens = t.tokens;
  const testing::target_law law = testing::row_law(
      t.p.vocab(), t.p, transforms::chain{transforms::top_k{t.kept}, transforms::temperature{t.temperature}});
  const auto start = [&](testing::enumerator& all) { return make(target, small, t, all); };
  testing::proof_report report = testing::detail::lossless_proof{law, options}.run(start);
  return {std::move(report), small.counts().calls, small.counts().tokens};
}

TEST_CASE("parallel mutants") {
  const book all{"drafters::parallel under rules::token"};
  const court<trial_of_masks, make_parallel> proofs{trials_of_masks(), prove, shipped_parallel<rules::token>};
  all.sound("drafters::parallel", proofs.hear(shipped_parallel<rules::token>));
  all.sound("double without a fault", proofs.hear(with<rules::token>(parallel_fault::none)));
  const std::pair<parallel_fault, const char*> wrong[] = {
      {parallel_fault::row_before, "drawn from the row before"},
      {parallel_fault::untempered, "recorded without the temperature"},
      {parallel_fault::unfiltered, "recorded without the truncation"},
      {parallel_fault::after_drafted, "q of an autoregressive drafter"},
      {parallel_fault::old_row, "q of the round before"},
      {parallel_fault::greedy, "most probable candidates, soft q"},
      {parallel_fault::peeks_at_target, "dropped by the target's row"},
      {parallel_fault::one_key, "one draw for all candidates"},
      {parallel_fault::beyond_limit, "draft longer than the budget"},
      {parallel_fault::late_rows, "rows one place late"},
      {parallel_fault::old_rows, "rows of the round before"},
      {parallel_fault::forgets_session, "whole text in every round"},
      {parallel_fault::all_masks, "masks for nothing"},
      {parallel_fault::one_by_one, "one evaluation per candidate"}};
  for (const auto& [f, name] : wrong) all.wrong(name, proofs.hear(with<rules::token>(f)));
}

TEST_CASE("parallel mutants under block verification") {
  const book all{"drafters::parallel under rules::block"};
  const court<trial_of_masks, make_parallel> proofs{trials_of_masks(), prove, shipped_parallel<rules::block>};
  all.sound("double without a fault", proofs.hear(with<rules::block>(parallel_fault::none)));
  all.wrong("candidates behind a refused one", proofs.hear(with<rules::block>(parallel_fault::behind_refused)));
}

TEST_CASE("parallel mutants that share noise") {
  const book all{"drafters::parallel with one uniform per key"};
  const court<trial_of_masks, make_parallel> proofs{trials_of_masks(), prove,
                                                    shipped_parallel<rules::token, shared_uniforms>};
  all.sound("double without a fault", proofs.hear(with<rules::token, shared_uniforms>(parallel_fault::none)));
  all.wrong("one draw for all candidates", proofs.hear(with<rules::token, shared_uniforms>(parallel_fault::one_key)));
}

}  // namespace
