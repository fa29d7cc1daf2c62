// SPDX-License-Identifier: Apache-2.0
#include <proviso/lengths/cost_model.hpp>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include <proviso/drafters/model.hpp>
#include <proviso/drafters/sampled_tree.hpp>
#include <proviso/lengths/fixed.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/rules/traversal.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"

namespace {

using namespace proviso;

/// A law over 101 tokens with the largest probability `top`.
class peaked {
 public:
  explicit peaked(double top) : weights_(101, static_cast<float>((1.0 - top) / 100.0)) {
    weights_[1] = static_cast<float>(top);
  }
  law_view law() const { return law_view::dense(std::span<const float>{weights_}, 1.0); }

 private:
  std::vector<float> weights_;
};

/// A round: the policy is asked before each token, all with the same `top`; `accepted` tokens stand. Returns how many
/// were drafted.
std::size_t play(lengths::cost_model& length, double top, std::size_t accepted) {
  const peaked q{top};
  draft d;
  d.reset(0, 0, length.limit());
  std::vector<node_id> path;
  node_id at = draft::root();
  while (d.depth(at) < length.limit() && length.proceed(d.depth(at), q.law())) {
    at = d.push(at, 1);
    if (path.size() < accepted) path.push_back(at);
  }
  const std::vector<token_id> text{0};
  const outcome o{path, 0, origin::corrected};
  length.observe({d, o, text, path.size()});
  return d.proposed();
}

/// The length that the rule of the page names, for a constant chance.
std::size_t best_length(double chance, double cost, std::size_t most) {
  std::size_t best = 0;
  double highest = 1.0;
  double expected = 1.0;
  for (std::size_t n = 1; n <= most; ++n) {
    expected += std::pow(chance, static_cast<double>(n));
    const double rate = expected / (1.0 + static_cast<double>(n) * cost);
    if (rate >= highest) {
      highest = rate;
      best = n;
    }
  }
  return best;
}

TEST_CASE("cost_model: the draft has the length that maximises expected tokens per cost") {
  for (const double cost : {0.05, 0.1, 0.2, 0.4, 0.8}) {
    for (const double top : {0.05, 0.3, 0.6, 0.99}) {
      lengths::cost_model length{12, 0.0, cost};
      CHECK(play(length, top, 0) == best_length(lengths::cost_model{}.chance(top), cost, 12));
    }
  }
}

TEST_CASE("cost_model: an evaluation that does not pay is not asked for, one that is paid already is used") {
  lengths::cost_model length{8, 0.6, 0.1};
  CHECK(!length.proceed(0, {}));  // 0.62 expected, 0.7 to pay
  const peaked q{0.4};
  CHECK(length.proceed(0, q.law()));  // 0.52 expected, 0.1 to pay
  CHECK(!length.proceed(1, {}));
  CHECK(lengths::cost_model{8, 0.4, 0.1}.proceed(0, {}));
  for (int i = 0; i < 30; ++i) play(length, 0.95, 8);
  CHECK(length.proceed(0, {}));  // the mean chance has become better
}

TEST_CASE("cost_model: what a token cost to draft is spent when its law is looked at") {
  lengths::cost_model length{8, 0.5, 0.6};
  CHECK(length.proceed(0, peaked{0.3}.law()));  // 0.45 more expected, 0.6 to pay, after 1.5 for one token
  CHECK(!lengths::cost_model{8, 0.2, 0.6}.proceed(0, peaked{0.3}.law()));
}

TEST_CASE("cost_model: learns per confidence, from tested tokens only, and forgets at the start") {
  lengths::cost_model length{8, 0.0, 0.2};
  const double sure = length.chance(0.95);
  const double unsure = length.chance(0.1);
  for (int i = 0; i < 200; ++i) play(length, 0.95, 0);
  CHECK(length.chance(0.95) < 0.3);
  CHECK(length.chance(0.1) == unsure);
  for (int i = 0; i < 400; ++i) play(length, 0.1, 8);
  CHECK(length.chance(0.1) > 0.9);
  CHECK(play(length, 0.1, 8) == 8);
  CHECK(play(length, 0.95, 0) < 3);
  length.start();
  CHECK(length.chance(0.95) == sure);

  // Of eight tokens the first stood and the second did not: two results, six tokens without any.
  lengths::cost_model free_tokens{8, 0.0, 0.0};
  play(free_tokens, 0.7, 1);
  const double before = lengths::cost_model{}.chance(0.7);
  const double once = before + (1.0 - before) / 9.0;
  CHECK(std::abs(free_tokens.chance(0.7) - (once - once / 10.0)) < 1e-12);
}

TEST_CASE("cost_model: costs less than the best fixed length where easy and hard texts alternate") {
  // In stretches of 16 tokens the drafter knows the target exactly, and the next 16 it knows nothing.
  const auto row = [](bool exact) {
    return [exact](std::span<const token_id> text, std::span<float> out) {
      const bool easy = text.size() / 16 % 2 == 0;
      for (std::size_t i = 0; i < out.size(); ++i) {
        const auto h = (static_cast<std::uint32_t>(text.size() * 31 + i) ^ (easy || exact ? 0U : 77U)) * 2654435761U;
        out[i] = static_cast<float>(h >> 16U) / 65536.0F * (easy ? 30.0F : exact ? 12.0F : 1.0F);
      }
    };
  };
  testing::table_model target{16, row(true)};
  testing::table_model draft_model{16, row(false)};
  constexpr double cost = 0.1;  // of an evaluation of the drafter, and of a token more to verify
  const auto cost_of = [&](auto length) {
    decoder d{speculative{target, drafters::model{draft_model}, rules::token{}, transforms::temperature{}, length}, 3};
    support::decode(d, {1}, support::budget(600));
    return static_cast<double>(d.stats().rounds) +
           cost * static_cast<double>(d.stats().drafted + d.stats().drafter_calls);
  };
  const double adaptive = cost_of(lengths::cost_model{12, 0.1, 0.1});
  for (std::size_t n = 1; n <= 12; ++n) CHECK(adaptive < 0.95 * cost_of(lengths::fixed{n}));
}

TEST_CASE("cost_model: trees are drafted, and teach nothing") {
  testing::table_model target{testing::random_table(4, 1, 1)};
  testing::table_model draft_model{testing::random_table(4, 1, 2)};
  decoder d{speculative{target, drafters::sampled_tree{draft_model, {2, 2}, replacement::without}, rules::traversal{},
                        transforms::temperature{}, lengths::cost_model{2, 0.01, 0.01}},
            1};
  support::decode(d, {1}, support::budget(60));
  CHECK(d.stats().drafted > 2 * d.stats().rounds);
}

TEST_CASE("cost_model: a draft that seems not worth its cost is tried now and then, so that it can learn") {
  // 0.62 expected, 0.7 to pay; the drafter is the target itself.
  testing::table_model target{testing::random_table(5, 2, 3)};
  testing::table_model small{testing::random_table(5, 2, 3)};
  decoder d{speculative{target, drafters::model{small}, rules::token{}, transforms::temperature{0.0F},
                        lengths::cost_model{8, .05, .65}}};
  support::decode(d, {1}, support::budget(400));
  CHECK(d.stats().acceptance_rate() == 1.0);
  CHECK(d.stats().tokens_per_call() > 2.5);
  support::decode(d, {1}, support::budget(1000));
  CHECK(d.stats().drafted_at[7] > 10);  // all depths are learned

  // One that is never right: trials become rare.
  lengths::cost_model length{8, .05, .65};
  std::size_t drafted = 0;
  for (int i = 0; i < 1000; ++i) {
    if (!length.proceed(0, {})) {
      draft none;
      none.reset(0, 0, length.limit());
      const std::vector<token_id> text{0};
      length.observe({none, {}, text, 0});
      continue;
    }
    drafted += play(length, 0.95, 0);
  }
  CHECK(drafted > 5);
  CHECK(drafted < 15);

  // One that is right nearly as often as it would have to be: trials cost little, though most of them stand.
  length.start();
  double spent = 0.0;
  double emitted = 0.0;
  for (std::size_t i = 0; i < 1000; ++i) {
    const std::size_t stands = i % 5 < 3 ? 1 : 0;
    std::size_t n = 0;
    if (length.proceed(0, {})) {
      n = play(length, 0.6, stands);
    } else {
      draft none;
      none.reset(0, 0, length.limit());
      const std::vector<token_id> text{0};
      length.observe({none, {}, text, 0});
    }
    spent += 1.0 + 0.7 * static_cast<double>(n);
    emitted += 1.0 + static_cast<double>(n < stands ? n : stands);
  }
  CHECK(emitted > 0.99 * spent);
  length.start();
  CHECK(!length.proceed(0, {}));
}

TEST_CASE("cost_model: senseless arguments are refused") {
  REQUIRE_THROWS_AS((lengths::cost_model{0, 0.1, 0.1}), std::invalid_argument);
  REQUIRE_THROWS_AS((lengths::cost_model{4, 1.0, 0.1}), std::invalid_argument);
  REQUIRE_THROWS_AS((lengths::cost_model{4, 0.1, -0.1}), std::invalid_argument);
}

}  // namespace
