// SPDX-License-Identifier: Apache-2.0
// Wrong versions of token verification, each a fault known from other engines. The check that rules::token passes
// must fail every one of them.
#include <proviso/rules/token.hpp>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>

#include "support/catch.hpp"
#include "support/drafting.hpp"

namespace {

using namespace proviso;

enum class fault {
  none,
  correction_from_target,  ///< the correction is drawn from p
  bonus_from_draft,        ///< the token after a fully accepted draft is drawn from q
  accepts_zero,            ///< u * q <= p: with 10-bit u, a token with p = 0 passes once in 1024
  only_token_removed,      ///< the correction is drawn from p without the refused token
  absolute_residual,       ///< the correction is drawn from |p - q|
  first_unchecked,         ///< the first drafted token always stands
  inverted_ratio,          ///< stands with probability min(1, q / p)
  row_off_by_one           ///< every token is tested with the row of the root
};

template <fault F>
class mutant {
 public:
  static constexpr bool lossless = false;

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    path_.clear();
    node_id at = draft::root();
    for (node_id x = d.first_child(at); x != prefix_node; x = d.first_child(at)) {
      const law_view target = p(F == fault::row_off_by_one ? draft::root() : at);
      if (!stands(target, d.q(x), d.token(x), random, x)) {
        return {path_, random.pick(correction(target, d.q(x), d.token(x)), purpose::residual, x), origin::corrected};
      }
      path_.push_back(at = x);
    }
    const bool from_draft = F == fault::bonus_from_draft && at != draft::root();
    return {path_, random.pick_token(from_draft ? d.q(at) : p(at), d.next_position(at)), ending(d, at)};
  }

 private:
  static bool stands(const law_view& p, const law_view& q, token_id x, random_ref random, node_id node) {
    if (F == fault::first_unchecked && node == 1) return true;
    if (F == fault::inverted_ratio) return random.flip(q(x), p(x), purpose::acceptance, node);
    if (F == fault::accepts_zero && p(x) == 0.0) return random.flip(1.0, 1024.0, purpose::acceptance, node);
    return random.flip(p(x), q(x), purpose::acceptance, node);
  }
  law_view correction(const law_view& p, const law_view& q, token_id x) {
    if (F == fault::correction_from_target) return p;
    if (F == fault::only_token_removed) return numeric::without(p, x, buffer_);
    if (F != fault::absolute_residual) return numeric::residual(p, q, buffer_);
    buffer_.weights.resize(3);
    for (token_id y = 0; y < 3; ++y)
      buffer_.weights[static_cast<std::size_t>(y)] = static_cast<float>(std::abs(p(y) - q(y)));
    return law_view::dense(buffer_.weights, numeric::sum(buffer_.weights));
  }

  std::vector<node_id> path_;
  law_buffer buffer_;
};

/// Draws the most probable token, yet has the soft law recorded: the source of randomness is not the generation's.
class greedy_with_soft_law {
 public:
  explicit greedy_with_soft_law(testing::table_model& small) : slot_{small} {}
  void visit_models(function_ref<void(model_slot&)> f) { f(slot_); }
  void start(std::span<const token_id>) const noexcept {}
  task propose(const context& c, draft& d) {
    if (c.limit() == 0) co_return;
    co_await c.feed(slot_);
    const logits_rows rows = co_await c.evaluate(slot_, chain_block{c.text().subspan(slot_.length()), 1});
    argmax source;
    d.sample(draft::root(), c.law(rows, 0, d, draft::root(), d.next_law()), random_ref{source});
  }
  void commit(const feedback& f) { slot_.match(f.text); }

 private:
  struct argmax {
    bool flip(double, double, const draw_key&) const { return true; }
    token_id pick(const law_view& law, const draw_key&) const { return law.argmax(); }
    token_id race(const law_view& law, const draw_key&) const { return law.argmax(); }
  };
  model_slot slot_;
};

const support::tokens prompt{1, 2};

/// Distance from the target's law, over models with and without zero probabilities.
template <class Rule, class Drafter = drafters::model<testing::table_model>>
double worst_error() {
  double worst = 0.0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const testing::row_table p = support::with_holes(testing::random_table(3, 2, seed), 2);
    testing::table_model target{p};
    testing::table_model small{testing::random_table(3, 2, seed + 50)};
    auto make = [&] {
      return speculative{target, Drafter{small}, Rule{}, transforms::temperature{}, lengths::fixed{2}};
    };
    const double error = support::distance(support::law_of(make, prompt, 4), support::exact_law(p, prompt, 4));
    worst = error > worst ? error : worst;
  }
  return worst;
}

constexpr double tolerance = 1e-6;

TEST_CASE("token mutants: the rule itself and the faultless double pass") {
  CHECK(worst_error<rules::token>() < tolerance);
  CHECK(worst_error<mutant<fault::none>>() < tolerance);
}

TEST_CASE("token mutants: none survives") {
  CHECK(worst_error<mutant<fault::correction_from_target>>() > 100 * tolerance);
  CHECK(worst_error<mutant<fault::bonus_from_draft>>() > 100 * tolerance);
  CHECK(worst_error<mutant<fault::accepts_zero>>() > 100 * tolerance);
  CHECK(worst_error<mutant<fault::only_token_removed>>() > 100 * tolerance);
  CHECK(worst_error<mutant<fault::absolute_residual>>() > 100 * tolerance);
  CHECK(worst_error<mutant<fault::first_unchecked>>() > 100 * tolerance);
  CHECK(worst_error<mutant<fault::inverted_ratio>>() > 100 * tolerance);
  CHECK(worst_error<mutant<fault::row_off_by_one>>() > 100 * tolerance);
  CHECK(worst_error<rules::token, greedy_with_soft_law>() > 100 * tolerance);
}

}  // namespace
