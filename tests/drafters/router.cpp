// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/router.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <proviso/drafters/masks.hpp>
#include <proviso/drafters/none.hpp>
#include <proviso/drafters/prompt_lookup.hpp>
#include <proviso/drafters/shared_rates.hpp>
#include <proviso/drafters/suffix.hpp>
#include <proviso/drive/batch_decoder.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/testing/archetypes.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"

namespace {

using namespace proviso;
using drafters::exploration;
using tokens_view = std::span<const token_id>;

/// Languages of eight tokens each: tokens 0 .. 7 are language 0, and so on. A text stays in the language of its last
/// token, except that at two places all texts go over to the next one.
constexpr std::size_t languages = 3;
constexpr std::size_t language_size = 8;
constexpr std::size_t vocab_size = languages * language_size;

std::size_t language_of(token_id x) { return static_cast<std::size_t>(x) / language_size; }

/// Logits of a text: within the language `next` they are noise of `seed`, elsewhere they are low.
void fill(tokens_view text, std::size_t next, std::uint32_t seed, std::span<float> row) {
  std::uint32_t h = static_cast<std::uint32_t>(text.back()) * 2654435761U;
  if (text.size() > 1) h ^= static_cast<std::uint32_t>(text[text.size() - 2]) * 40503U;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const philox::words w = philox::block({h, static_cast<std::uint32_t>(i), seed, 0}, 1);
    row[i] = 3.0F * static_cast<float>(w[0] >> 8U) / 16777216.0F + (i / language_size == next ? 14.0F : 0.0F);
  }
}

std::size_t next_language(tokens_view text, std::size_t period) {
  const std::size_t language = language_of(text.back());
  return period != 0 && text.size() % period == 0 ? (language + 1) % languages : language;
}

/// A target, a general drafter that is fair at all languages, and one drafter per language that is good at that only.
struct world {
  explicit world(std::size_t period = 0)
      : target{vocab_size,
               [period](tokens_view text, std::span<float> row) { fill(text, next_language(text, period), 1, row); }},
        general{vocab_size, blend(0.45F, languages)},
        own{{vocab_size, blend(0.15F, 0)}, {vocab_size, blend(0.15F, 1)}, {vocab_size, blend(0.15F, 2)}} {}

  /// Logits between the target's and noise: a share of `much` noise on texts in `home` (everywhere if that is no
  /// language), else noise alone.
  static testing::table_model::row_function blend(float much, std::size_t home) {
    return [much, home](tokens_view text, std::span<float> row) {
      fill(text, language_of(text.back()), 1, row);
      std::vector<float> noise(row.size());
      fill(text, language_of(text.back()), 2 + static_cast<std::uint32_t>(home), noise);
      const float share = home == languages || language_of(text.back()) == home ? much : 1.0F;
      for (std::size_t i = 0; i < row.size(); ++i) row[i] += share * (noise[i] - row[i]);
    };
  }

  testing::table_model target, general;
  testing::table_model own[languages];
};

/// Knows the language of the last token for sure.
class by_last {
 public:
  void start() noexcept { last_ = 0; }
  void read(tokens_view text) noexcept {
    if (!text.empty()) last_ = text.back();
  }
  double probability(std::string_view language) const noexcept { return language == likeliest() ? 1.0 : 0.0; }
  std::string_view likeliest() const noexcept {
    static constexpr std::string_view names[] = {"0", "1", "2"};
    return names[language_of(last_)];
  }

 private:
  token_id last_ = 0;
};

template <class Prior>
drafters::router<Prior> pool_of(world& w, Prior prior, drafters::routing how = {}) {
  drafters::router<Prior> pool{how, std::move(prior)};
  pool.add(drafters::model{w.general}, {"", 1.4, 0.1, 0.01});
  for (std::size_t i = 0; i < languages; ++i) {
    pool.add(drafters::model{w.own[i]}, {std::to_string(i), 1.6, 0.1, 0.01});
  }
  pool.add(drafters::prompt_lookup{}).add(drafters::none{});
  return pool;
}

/// Cost of a generation in evaluations of the target, as a router reckons it; every token read late costs, too.
template <class Drafter>
double cost_of(world& w, Drafter drafter, token_id first, std::size_t count, std::uint64_t seed) {
  w.general.reset_counts();
  for (testing::table_model& m : w.own) m.reset_counts();
  decoder d{speculative{w.target, std::move(drafter), rules::token{}, transforms::temperature{}, lengths::fixed{4}},
            seed};
  support::decode(d, support::token_list(20, first), support::budget(count));
  std::size_t drafted = 0;
  std::size_t read = 0;
  const auto add = [&](const testing::table_model& m) {
    drafted += m.counts().rows;
    read += m.counts().tokens - m.counts().rows;
  };
  add(w.general);
  for (const testing::table_model& m : w.own) add(m);
  return static_cast<double>(d.stats().rounds) + 0.1 * static_cast<double>(d.stats().drafted + drafted) +
         0.01 * static_cast<double>(read);
}

template <class Make>
double mean_cost(world& w, token_id first, std::size_t count, Make make) {
  double sum = 0.0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) sum += cost_of(w, make(), first, count, seed) / 8.0;
  return sum;
}

TEST_CASE("router: with a prior, close to the drafter of the language from the first round on") {
  world w;
  for (std::size_t l = 0; l < languages; ++l) {
    const auto first = static_cast<token_id>(l * language_size);
    const double general = mean_cost(w, first, 128, [&] { return drafters::model{w.general}; });
    const double own = mean_cost(w, first, 128, [&] { return drafters::model{w.own[l]}; });
    const double foreign = mean_cost(w, first, 128, [&] { return drafters::model{w.own[(l + 1) % languages]}; });
    const double routed = mean_cost(w, first, 128, [&] { return pool_of(w, by_last{}); });
    INFO("own " << own << ", general " << general << ", foreign " << foreign << ", router " << routed);
    CHECK(own < general);
    CHECK(general < foreign);
    CHECK(routed < 1.03 * own);
  }
}

TEST_CASE("router: on a text that changes its language twice, better than every single drafter") {
  world w{64};
  const double general = mean_cost(w, 0, 180, [&] { return drafters::model{w.general}; });
  const double routed = mean_cost(w, 0, 180, [&] { return pool_of(w, by_last{}); });
  INFO("general " << general << ", router " << routed);
  CHECK(routed < general);
  for (testing::table_model& m : w.own)
    CHECK(routed < mean_cost(
                       w, 0, 180, [&] { return drafters::model{m}; }));
}

TEST_CASE("router: without a prior it learns which drafter is good, by either policy") {
  world w;
  drafters::routing how;
  how.explore = GENERATE(exploration::thompson, exploration::ucb1);
  how.certainty = 4.0;
  how.memory = 1000.0;
  const double general = mean_cost(w, 8, 1500, [&] { return drafters::model{w.general}; });
  const double own = mean_cost(w, 8, 1500, [&] { return drafters::model{w.own[1]}; });
  const double foreign = mean_cost(w, 8, 1500, [&] { return drafters::model{w.own[0]}; });
  const double routed = mean_cost(w, 8, 1500, [&] { return pool_of(w, drafters::no_prior{}, how); });
  INFO("own " << own << ", general " << general << ", foreign " << foreign << ", router " << routed);
  const double allowed = how.explore == exploration::thompson ? 0.15 : 0.5;  // of what playing badly would cost
  CHECK(routed < own + allowed * (foreign - own));
}

TEST_CASE("router: what other sequences learned replaces the prior") {
  world w;
  drafters::routing how;
  drafters::shared_rates rates;
  const auto routed = [&](std::uint64_t seed) {
    auto pool = pool_of(w, drafters::no_prior{}, how);
    pool.share(rates);
    return cost_of(w, std::move(pool), 16, 128, seed);
  };
  double alone = 0.0;
  double later = 0.0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    alone += cost_of(w, pool_of(w, drafters::no_prior{}, how), 16, 128, seed) / 8.0;
    routed(seed);
  }
  for (std::uint64_t seed = 0; seed < 8; ++seed) later += routed(seed) / 8.0;
  const double own = mean_cost(w, 16, 128, [&] { return drafters::model{w.own[2]}; });
  INFO("own " << own << ", alone " << alone << ", later " << later);
  CHECK(later < alone);
  CHECK(later < 1.03 * own);
  bandits::record learned[6];
  rates.read("", learned);
  CHECK(learned[3].weight > learned[1].weight + learned[2].weight);
  CHECK(learned[3].mean() > learned[0].mean());
}

TEST_CASE("router: a drafter that is costly to reach must promise more") {
  world w;
  const auto reads = [&](double prefill_cost) {
    drafters::routing how;
    how.certainty = 1e6;  // only expectations and costs
    drafters::router<> pool{how};
    pool.add(drafters::model{w.general}, {"", 1.4, 0.1, prefill_cost}).add(drafters::none{});
    decoder d{speculative{w.target, std::move(pool), rules::token{}}, 1};
    w.general.reset_counts();
    support::decode(d, support::token_list(100, 1), support::budget(16));
    return w.general.counts().tokens;
  };
  CHECK(reads(0.01) > 100);
  CHECK(reads(1.0) == 0);
}

TEST_CASE("router: keeps an arm for some rounds, and feeds what an arm has missed once") {
  world w{48};
  drafters::routing how;
  how.dwell = 1000;
  w.own[0].reset_counts();
  decoder kept{speculative{w.target, pool_of(w, by_last{}, how), rules::token{}}, 3};
  support::decode(kept, support::token_list(20, 0), support::budget(150));
  std::size_t used = 0;
  for (const testing::table_model& m : w.own) used += m.counts().calls > 0 ? 1U : 0U;
  used += w.general.counts().calls > 0 ? 1U : 0U;
  CHECK(used <= 1);

  for (testing::table_model& m : w.own) m.reset_counts();
  how.dwell = 1;
  decoder d{speculative{w.target, pool_of(w, by_last{}, how), rules::token{}}, 3};
  support::decode(d, support::token_list(20, 0), support::budget(150));
  for (const testing::table_model& m : w.own) {
    CHECK(m.counts().calls > 0);
    CHECK(m.counts().tokens < 170 + 2 * m.counts().rows);  // the text once, and drafts
  }
}

/// Pushes one token again and again, and writes down whose turn it was.
class noted {
 public:
  noted(std::string& turns, char name, token_id token) : turns_{&turns}, name_{name}, token_{token} {}
  void start(tokens_view) const noexcept {}
  void propose(const context& c, draft& d) {
    turns_->push_back(name_);
    node_id at = draft::root();
    for (std::size_t i = 0; i < c.limit(); ++i) at = d.push(at, token_);
  }
  void commit(const feedback&) const noexcept {}

 private:
  std::string* turns_;
  char name_;
  token_id token_;
};

testing::table_model ones() {  // a text of token 1
  return {3, [](tokens_view, std::span<float> row) {
            std::fill(row.begin(), row.end(), 0.0F);
            row[1] = 40.0F;
          }};
}

TEST_CASE("router: either policy finds the good one of two arms, wherever it stands, and tries the other") {
  drafters::routing how;
  how.explore = GENERATE(exploration::thompson, exploration::ucb1);
  const bool good_first = GENERATE(false, true);
  how.certainty = 1.0;
  how.dwell = 1;
  how.reshaping = 1.0;
  testing::table_model target = ones();
  std::string turns;
  drafters::router<> pool{how};
  pool.add(noted{turns, 'a', good_first ? 1 : 0}, {"", 1.3, 0.1, 0.0});
  pool.add(noted{turns, 'b', good_first ? 0 : 1}, {"", 1.3, 0.1, 0.0});
  decoder d{speculative{target, std::move(pool), rules::match{}, transforms::temperature{}, lengths::fixed{4}}, 5};
  support::decode(d, {1}, support::budget(400));
  const auto good = static_cast<std::size_t>(std::count(turns.begin(), turns.end(), good_first ? 'a' : 'b'));
  INFO(turns);
  CHECK(good > turns.size() * 3 / 4);
  CHECK(good < turns.size());
}

TEST_CASE("router: the token after a draft counts: drafting nothing beats drafting what is refused") {
  drafters::routing how;
  how.explore = GENERATE(exploration::thompson, exploration::ucb1);
  how.certainty = 1.0;
  how.dwell = 1;
  testing::table_model target = ones();
  std::string turns;
  drafters::router<> pool{how};
  pool.add(noted{turns, 'a', 0}, {"", 1.0, 0.1, 0.0}).add(drafters::none{}, {"", 1.0, 0.0, 0.0});
  decoder d{speculative{target, std::move(pool), rules::match{}, transforms::temperature{}, lengths::fixed{4}}, 5};
  support::decode(d, {1}, support::budget(200));
  CHECK(turns.size() < 50);  // of 200 rounds
}

/// The language changes with every round.
class fickle {
 public:
  void start() noexcept { rounds_ = 0; }
  void read(tokens_view) noexcept { ++rounds_; }
  double probability(std::string_view language) const noexcept { return language == likeliest() ? 1.0 : 0.0; }
  std::string_view likeliest() const noexcept { return rounds_ % 2 == 1 ? "odd" : "even"; }

 private:
  std::size_t rounds_ = 0;
};

TEST_CASE("router: an arm is kept for `dwell` rounds, and left at once after them") {
  drafters::routing how;
  how.explore = GENERATE(exploration::thompson, exploration::ucb1);
  how.certainty = 1e6;
  how.reshaping = 1e-3;
  how.dwell = 3;
  testing::table_model target = ones();
  std::string turns;
  drafters::router<fickle> pool{how};
  pool.add(noted{turns, 'e', 0}, {"even", 2.0, 0.1, 0.0}).add(noted{turns, 'o', 0}, {"odd", 2.0, 0.1, 0.0});
  decoder d{speculative{target, std::move(pool), rules::match{}, transforms::temperature{}, lengths::fixed{1}}};
  support::decode(d, {1}, support::budget(12));
  CHECK(turns.substr(0, 11) == "oooeeeoooee");
}

TEST_CASE("router: same seed, same text, alone, again and in a batch; rule `match` gives the text of plain decoding") {
  world w{48};
  const support::token_list prompt(20, 3);
  decoder d{speculative{w.target, pool_of(w, by_last{}), rules::token{}}, 11};
  const support::token_list text = support::decode(d, prompt, support::budget(100));
  CHECK(support::decode(d, prompt, support::budget(100)) == text);
  batch_decoder batch;
  const auto id =
      batch.add(speculative{w.target, pool_of(w, by_last{}), rules::token{}}, prompt, support::budget(100), 11);
  batch.add(speculative{w.target, pool_of(w, by_last{}), rules::token{}}, prompt, support::budget(50), 12);
  batch.run();
  CHECK(support::tokens_of(batch[id].output()) == text);

  decoder match{speculative{w.target, pool_of(w, by_last{}), rules::match{}}, 11};
  CHECK(support::decode(match, prompt, support::budget(100)) ==
        support::plain(w.target, prompt, support::budget(100), 11));
  CHECK(match.stats().accepted > 0);
}

TEST_CASE("router: senseless options, arms and empty pools are refused") {
  const auto refused = [](double drafters::routing::*option, double value) {
    drafters::routing how;
    how.*option = value;
    REQUIRE_THROWS_AS(drafters::router<>{how}, std::invalid_argument);
  };
  using drafters::routing;
  for (const auto option : {&routing::certainty, &routing::noise, &routing::horizon}) refused(option, 0.0);
  for (const auto option : {&routing::verify_cost, &routing::foreign_rate, &routing::reshaping, &routing::margin}) {
    refused(option, -0.1);
  }
  refused(&routing::memory, 1.0);
  drafters::router<> free{{exploration::thompson, 0.0, 0.0, 0.0, 0.1, 0.1, 1.1, 0.0, 0.1}};  // the least of each
  drafters::router<> pool;
  REQUIRE_THROWS_AS(pool.add(drafters::none{}, {"", -1.0, 0.1, 0.0}), std::invalid_argument);
  REQUIRE_THROWS_AS(pool.add(drafters::none{}, {"", 1.0, -0.1, 0.0}), std::invalid_argument);
  REQUIRE_THROWS_AS(pool.add(drafters::none{}, {"", 1.0, 0.1, -0.1}), std::invalid_argument);
  pool.add(drafters::none{}, {"", 0.0, 0.0, 0.0});
  REQUIRE_THROWS_AS(drafters::shared_rates{0.0}, std::invalid_argument);
  testing::table_model target{testing::random_table(3, 1, 1)};
  decoder d{speculative{target, drafters::router<>{}, rules::token{}}};
  d.start(support::token_list{1}, support::budget(3));
  REQUIRE_THROWS_AS(d.step(), std::invalid_argument);
}

TEST_CASE("router: masks do not read the rows of a round in which another arm drafted") {
  testing::table_model big{testing::random_table(6, 1, 1)};
  testing::stale_logits target{big};  // spoils rows once they may be gone
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    drafters::router<> pool{drafters::routing{.reshaping = 1.0, .dwell = 1}};
    pool.add(drafters::any{drafters::masks{{4, 5}}}, {{}, 1.3, 0.1, 0.0});
    pool.add(drafters::any{drafters::none{}}, {{}, 1.3, 0.0, 0.0});
    decoder d{speculative{target, std::move(pool)}, seed};
    support::decode(d, {1}, support::budget(60));
    CHECK(d.stats().discarded == 0);
  }
}

}  // namespace
