// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/parallel.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/match.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"
#include "support/masked.hpp"

namespace {

using namespace proviso;
using drafters::mask_row;
using drafters::mask_sight;
using support::budget;
using support::short_prompt;
using tokens = std::vector<token_id>;

/// Rows that are certain: token t of 5 is followed by t + 1, and the j-th mask after t stands for t + j + `shift`.
class counting {
 public:
  counting(std::size_t masks, std::size_t shift, std::size_t capacity = unlimited, std::size_t max_rewind = unlimited)
      : model_{5 + masks,
               [this, shift](std::span<const token_id> text, std::span<float> row) { fill(text, row, shift); },
               capacity, max_rewind} {
    for (std::size_t j = 0; j < masks; ++j) masks_.push_back(static_cast<token_id>(5 + j));
  }
  testing::table_model& model() noexcept { return model_; }
  const tokens& masks() const noexcept { return masks_; }
  /// Masks that the last row saw, itself included.
  std::size_t seen() const noexcept { return seen_; }

 private:
  void fill(std::span<const token_id> text, std::span<float> row, std::size_t shift) {
    std::size_t size = text.size();
    while (size > 0 && text[size - 1] >= 5) --size;
    seen_ = text.size() - size;
    const std::size_t own = seen_ == 0 ? 0 : static_cast<std::size_t>(text.back()) - 4;
    std::fill(row.begin(), row.end(), 0.0F);
    row[(static_cast<std::size_t>(text[size - 1]) + own + (own == 0 ? 1 : shift)) % 5] = 30.0F;
  }
  testing::table_model model_;
  tokens masks_;
  std::size_t seen_ = 0;
};

struct run_result {
  statistics stats;
  tokens text;
};

template <class Target>
run_result run(Target& target, counting& small, mask_row row, mask_sight sight, std::size_t count) {
  const drafters::parallel drafter{small.model(), small.masks(), row, sight};
  decoder d{speculative{target, drafter, rules::match{}, transforms::temperature{}, lengths::fixed{drafter.size()}}, 4};
  d.run(
      short_prompt, [](generated_token) {}, budget(count));
  CHECK(d.sessions()[1].length() <= d.text().size());
  return {d.stats(), {d.text().begin(), d.text().end()}};
}

TEST_CASE("parallel: one evaluation drafts all candidates, from the rows of text and masks") {
  counting target{3, 1};
  counting small{3, 1};
  const run_result r = run(target.model(), small, mask_row::next, mask_sight::earlier, 21);
  for (std::size_t i = short_prompt.size(); i < r.text.size(); ++i) CHECK(r.text[i] == (r.text[i - 1] + 1) % 5);
  CHECK(r.stats.target_calls == 5);  // four candidates and one token more; the last round has room for one
  CHECK(r.stats.accepted == 16);
  CHECK(r.stats.drafter_calls == 4);
  CHECK(small.model().counts().tokens == 3 + 3 * 5 + 4 * 3);  // the text but for the last round's, and masks
}

TEST_CASE("parallel: rows of masks alone where a row belongs to its own place") {
  counting target{4, 0};
  counting small{4, 0};
  const auto sight = GENERATE(mask_sight::earlier, mask_sight::all);
  const run_result r = run(target.model(), small, mask_row::own, sight, 21);
  CHECK(r.stats.target_calls == 5);
  CHECK(r.stats.accepted == 16);
  CHECK(small.seen() == 4);
  counting first{4, 0};
  run(target.model(), first, mask_row::own, sight, 3);  // a draft of two
  CHECK(first.seen() == 2);
}

TEST_CASE("parallel: masks see each other only where they may") {
  counting target{3, 0};
  std::vector<std::size_t> seen;
  const auto sight = GENERATE(mask_sight::earlier, mask_sight::all);
  testing::table_model small{8, [&](std::span<const token_id> text, std::span<float> row) {
                               std::size_t masks = 0;
                               while (masks < text.size() && text[text.size() - 1 - masks] >= 5) ++masks;
                               if (masks > 0) seen.push_back(masks);
                               CHECK(std::all_of(text.begin(), text.end() - static_cast<std::ptrdiff_t>(masks),
                                                 [](token_id x) { return x < 5; }));
                               std::fill(row.begin(), row.end(), 0.0F);
                             }};
  const drafters::parallel drafter{small, {5, 6, 7}, mask_row::own, sight};
  decoder d{speculative{target.model(), drafter, rules::match{}, transforms::temperature{}, lengths::fixed{3}}};
  d.run(
      short_prompt, [](generated_token) {}, budget(4));
  REQUIRE(seen.size() >= 3);
  CHECK(seen[0] == (sight == mask_sight::all ? 3U : 1U));
  CHECK(seen[1] == (sight == mask_sight::all ? 3U : 2U));
  CHECK(seen[2] == 3);
}

TEST_CASE("parallel: capacity and horizon of the drafting model end drafts, not the text") {
  counting target{3, 1};
  decoder plain{autoregressive{target.model()}, 4};
  plain.run(
      short_prompt, [](generated_token) {}, budget(40));
  const auto capacity = static_cast<std::size_t>(GENERATE(2, 3, 4, 9, 20, 100));
  const auto horizon = static_cast<std::size_t>(GENERATE(0, 1, 2, 100));
  const auto row = GENERATE(mask_row::next, mask_row::own);
  counting small{3, row == mask_row::next ? 1U : 0U, capacity, horizon};
  const run_result r = run(target.model(), small, row, mask_sight::earlier, 40);
  CHECK(std::equal(r.text.begin(), r.text.end(), plain.text().begin(), plain.text().end()));
  if (capacity > 8 && horizon > 0) CHECK(r.stats.accepted > 0);
}

TEST_CASE("parallel: a row that is not a law ends the draft and is counted") {
  counting target{2, 1};
  const float bad = GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity());
  testing::table_model small{7, [&](std::span<const token_id> text, std::span<float> row) {
                               std::fill(row.begin(), row.end(), 0.0F);
                               if (text.back() == 5) row[1] = bad;
                             }};
  const drafters::parallel drafter{small, {5, 6}};
  decoder d{speculative{target.model(), drafter, rules::match{}, transforms::temperature{}, lengths::fixed{3}}};
  d.run(
      short_prompt, [](generated_token) {}, budget(20));
  CHECK(d.stats().discarded > 0);
  CHECK(d.stats().drafted_at[0] > 0);
  CHECK(d.stats().drafted_at[1] == 0);
}

/// Writes down what it was asked. Wants no token whose law is less sure than `threshold`, and, with `dear`, no
/// evaluation.
class asked {
 public:
  struct question {
    std::size_t depth;
    bool with_law;
    bool operator==(const question&) const = default;
  };
  asked(std::vector<question>& questions, double threshold, bool dear)
      : questions_{&questions}, threshold_{threshold}, dear_{dear} {}
  void start() const noexcept {}
  std::size_t limit() const noexcept { return 3; }
  bool proceed(std::size_t depth, const law_view& q) {
    questions_->push_back({depth, static_cast<bool>(q)});
    return q ? q(q.argmax()) >= threshold_ : !dear_;
  }
  void observe(const feedback&) const noexcept {}

 private:
  std::vector<question>* questions_;
  double threshold_;
  bool dear_;
};

TEST_CASE("parallel: the length policy is asked before the evaluation, then about every law") {
  using questions = std::vector<asked::question>;
  counting target{2, 1};
  counting small{2, 1};
  questions all;
  const auto drafted = [&](double threshold, bool dear) {
    all.clear();
    small.model().reset_counts();
    decoder d{speculative{target.model(), drafters::parallel{small.model(), small.masks()}, rules::match{},
                          transforms::temperature{}, asked{all, threshold, dear}}};
    d.start(short_prompt, budget(20));
    d.step();
    return d.stats().drafted;
  };
  CHECK(drafted(0.5, false) == 3);
  CHECK(all == questions{{0, false}, {0, true}, {1, true}, {2, true}});
  CHECK(small.model().counts().calls == 1);
  CHECK(drafted(0.5, true) == 0);
  CHECK(all == questions{{0, false}});
  CHECK(small.model().counts().calls == 0);
  CHECK(drafted(1.5, false) == 0);
  CHECK(all == questions{{0, false}, {0, true}});
}

TEST_CASE("parallel: at temperature 0 the length policy is asked about the law of temperature 1") {
  counting target{2, 1};
  testing::table_model small{7, [&](std::span<const token_id> text, std::span<float> row) {
                               std::fill(row.begin(), row.end(), 0.0F);
                               row[3] = text.back() == 5 ? 0.5F : 30.0F;  // unsure after the first mask
                             }};
  std::vector<asked::question> all;
  decoder d{speculative{target.model(), drafters::parallel{small, {5, 6}}, rules::match{},
                        transforms::temperature{0.0F}, asked{all, 0.5, false}}};
  d.start(short_prompt, budget(20));
  d.step();
  CHECK(d.stats().drafted == 1);
  CHECK(all.size() == 3);
}

TEST_CASE("parallel: without masks it drafts one token, or is refused") {
  counting target{1, 1};
  CHECK_THROWS_AS((drafters::parallel{target.model(), tokens{}, mask_row::own}), std::invalid_argument);
  counting small{0, 1};
  testing::table_model five{5, [](std::span<const token_id> text, std::span<float> row) {
                              std::fill(row.begin(), row.end(), 0.0F);
                              row[static_cast<std::size_t>(text.back() + 1) % 5] = 30.0F;
                            }};
  const run_result r = run(five, small, mask_row::next, mask_sight::earlier, 20);
  CHECK(r.stats.target_calls == 10);
  CHECK(r.stats.accepted == 10);
}

TEST_CASE("parallel: masks that see each other in a block of more than 64 tokens") {
  counting target{3, 0};
  counting small{3, 0};
  const tokens prompt(100, 1);
  const drafters::parallel drafter{small.model(), small.masks(), mask_row::own, mask_sight::all};
  decoder d{speculative{target.model(), drafter, rules::match{}, transforms::temperature{}, lengths::fixed{3}}};
  d.start(prompt, budget(4));
  while (!d.done()) d.step();
  CHECK(d.stats().prefill_calls == 1);  // the target's; the drafter reads the prompt and the masks at once
  CHECK(d.stats().drafted == 3);
  CHECK(d.stats().accepted == 3);
  CHECK(small.seen() == 3);

  std::size_t longest = 0;  // text that a row saw
  testing::table_model counts{8, [&](std::span<const token_id> text, std::span<float> row) {
                                longest = (std::max)(longest, text.size());
                                std::fill(row.begin(), row.end(), 0.0F);
                              }};
  const drafters::parallel all{counts, small.masks(), mask_row::own, mask_sight::all};
  decoder other{speculative{target.model(), all, rules::match{}, transforms::temperature{}, lengths::fixed{3}}};
  other.start(prompt, budget(4));
  other.step();
  CHECK(longest == 103);
}

}  // namespace
