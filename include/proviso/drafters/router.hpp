// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <proviso/core/bandits.hpp>
#include <proviso/core/context.hpp>
#include <proviso/core/list.hpp>
#include <proviso/drafters/any.hpp>
#include <proviso/drafters/none.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// Reads a text and says which language it is in: `start()` once per generation, `read(tokens)` with the tokens that
/// came to the text, `probability(name)` of a language, `likeliest()` name.
template <class P>
concept text_prior = requires(P& p, const P& known, std::span<const token_id> tokens, std::string_view language) {
  p.start();
  p.read(tokens);
  { known.probability(language) } -> std::convertible_to<double>;
  { known.likeliest() } -> std::convertible_to<std::string_view>;
};

/// Knows no languages: every drafter is taken for fit.
struct no_prior {
  void start() const noexcept {}
  void read(std::span<const token_id>) const noexcept {}
  double probability(std::string_view) const noexcept { return 1.0; }
  std::string_view likeliest() const noexcept { return {}; }
};

/// What is known of a drafter before it is tried. The unit of cost is an evaluation of one token by the target.
struct arm_traits {
  std::string language{};      ///< of the texts that it was made for; empty: of all texts
  double rate = 1.3;           ///< tokens per unit of cost that are expected on these texts
  double token_cost = 0.1;     ///< of drafting one token
  double prefill_cost = 0.01;  ///< of reading one token of the text that it has missed
};

enum class exploration : unsigned char {
  thompson,  ///< an arm is played with the probability that it is the best one; one draw per choice
  ucb1       ///< the arm with the highest upper confidence bound; no draw
};

/// What several routers learn together, such as `shared_rates`: `add(language, arm, rate, cost)` notes a round of an
/// arm on a text in this language, `read(language, arms)` fills in what is known of the arms.
template <class R>
concept rate_book = requires(R& r, const R& known, std::string_view language, std::size_t arm, double value,
                             std::span<bandits::record> arms) {
  r.add(language, arm, value, value);
  known.read(language, arms);
};

/// How a router chooses. Costs, rates and their deviations are in the units of `arm_traits`.
struct routing {
  exploration explore = exploration::thompson;
  double verify_cost = 0.1;   ///< of one more token in an evaluation of the target
  double foreign_rate = 0.8;  ///< expected of a drafter on texts in another language
  double reshaping = 0.4;     ///< share of a belief's deviation that explores; 1 is the policy of its theorem
  double certainty = 20.0;    ///< cost of rounds that expected rates count as much as
  double noise = 0.7;         ///< standard deviation of the rate of a round of cost 1
  double memory = 40.0;       ///< rounds after which what was seen counts 1/e
  double margin = 0.02;       ///< share of its rate by which an arm must be beaten
  double horizon = 60.0;      ///< cost of rounds over which the reading of a missed text must pay; less near the end
  std::size_t dwell = 4;      ///< rounds that an arm is kept at least
};

/// Several drafters, of which each round takes the one that promises most tokens per unit of cost.
///
/// What an arm promises is learned from its rounds (tokens emitted / cost, costs as `arm_traits` and `routing` state
/// them, so nothing depends on a clock), from what the prior says about the language of the recent text, and from
/// other sequences if it shares rates with them (`shared_rates`). An arm whose models missed a part of the text must
/// earn the reading. Arms may be of any type; `none` and `prompt_lookup` belong in most pools.
///
/// Guarantee: the choice is made between rounds from committed text and finished rounds alone, its draw has a key of
/// its own, and the draft carries the laws of the drafter that made it: lossless under every lossless rule. State is
/// forgotten when a generation starts. `commit` reaches the drafter that proposed; the others are shown the text if
/// they have `watch(text)`, and find what they missed in the text of the context when their turn comes.
/// Errors: `std::invalid_argument` for senseless options, and when a generation starts without arms.
/// Cost: some 20 us per choice with 10 arms. Memory: that of all drafters and one session per model.
/// Source: Auer et al. (2002); Thompson (1933); rewards per cost after Hou et al. (BanditSpec), arXiv 2505.15141;
/// `reshaping` after Chapelle and Li, "An empirical evaluation of Thompson sampling" (2011).
template <text_prior Prior = no_prior>
class router {
 public:
  explicit router(routing options = {}, Prior prior = Prior{}) : options_{options}, prior_{std::move(prior)} {
    const routing& o = options_;
    if (!(o.verify_cost >= 0.0 && o.foreign_rate >= 0.0 && o.certainty > 0.0 && o.noise > 0.0 && o.memory > 1.0 &&
          o.reshaping >= 0.0 && o.margin >= 0.0 && o.horizon > 0.0)) {
      throw std::invalid_argument(
          "proviso: drafters::router needs certainty, noise, horizon > 0, memory > 1, and no negative cost, rate, "
          "margin or reshaping");
    }
  }
  explicit router(Prior prior) : router(routing{}, std::move(prior)) {}
  router(const router&) = delete;
  router& operator=(const router&) = delete;
  router(router&&) = default;
  router& operator=(router&&) = default;

  bool needs_trees = false;  ///< of any arm
  bool reads_rows = false;

  /// Adds a drafter. Throws `std::invalid_argument` for negative costs or rates.
  router& add(any proposer, arm_traits traits) {
    if (!(traits.rate >= 0.0 && traits.token_cost >= 0.0 && traits.prefill_cost >= 0.0)) {
      throw std::invalid_argument("proviso: drafters::router: arm " + std::to_string(arms_.size()) +
                                  " has a negative cost or rate");
    }
    needs_trees = needs_trees || proposer.needs_trees;
    reads_rows = reads_rows || proposer.reads_rows;
    arms_.push_back({std::move(proposer), std::move(traits), {}, {}});
    beliefs_.reserve(arms_.size());
    odds_.reserve(arms_.size());
    learned_.extend(arms_.size());
    return *this;
  }
  /// Adds a drafter with the traits of its kind: models as `arm_traits` says; copies of texts cost nothing to draft and
  /// are expected to give 1.1; `none` gives 1.
  template <drafter D>
  requires(!std::same_as<D, any>) router& add(D proposer) {
    arm_traits traits;
    if constexpr (!has_models<D>) {
      traits = {{}, std::same_as<D, none> ? 1.0 : 1.1, 0.0, 0.0};
    }
    return add(any{std::move(proposer)}, std::move(traits));
  }
  /// Learns from and for other sequences, too. `rates` outlive the router.
  template <rate_book Rates>
  router& share(Rates& rates) noexcept {
    shared_ = {&rates,
               [](void* r, std::string_view language, std::size_t i, double rate, double cost) {
                 static_cast<Rates*>(r)->add(language, i, rate, cost);
               },
               [](const void* r, std::string_view language, std::span<bandits::record> arms) {
                 static_cast<const Rates*>(r)->read(language, arms);
               }};
    return *this;
  }

  void visit_models(function_ref<void(model_slot&)> f) {
    for (arm& a : arms_) a.proposer.visit_models(f);
  }

  void start(std::span<const token_id> prompt) {
    if (arms_.empty()) throw std::invalid_argument("proviso: drafters::router has no drafter: `add` one");
    for (arm& a : arms_) {
      a.proposer.start(prompt);
      a.seen = {};
    }
    prior_.start();
    read_ = 0;
    chosen_ = nobody;
    longest_ = 0;
    learn_language();
  }

  task propose(const context& c, draft& d) {
    prior_.read(c.text().subspan(read_));
    read_ = c.text().size();
    longest_ = c.limit() > longest_ ? c.limit() : longest_;
    if (chosen_ == nobody || ++kept_ >= options_.dwell) choose(c);
    return arms_[chosen_].proposer.propose(c, d);
  }

  void commit(const feedback& f) {
    arm& a = arms_[chosen_];
    a.proposer.commit(f);
    const auto drafted = static_cast<double>(f.proposal.proposed());
    const double cost = 1.0 + drafted * (options_.verify_cost + a.traits.token_cost);
    const double rate = static_cast<double>(f.result.path.size() + 1) / cost;
    for (std::size_t i = 0; i < arms_.size(); ++i) {
      arms_[i].seen.fade(1.0 - 1.0 / options_.memory);
      if (i != chosen_) arms_[i].proposer.watch(f.text);
    }
    a.seen.add(rate, cost);
    if (shared_) shared_.add(shared_.rates, language_, chosen_, rate, cost);
  }

 private:
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);
  static constexpr std::uint32_t lane = 1;  // of the draws of `purpose::selection`

  struct arm {
    any proposer;
    arm_traits traits;
    bandits::record seen;  // in this generation
    bandits::belief now;
  };

  struct shared {  // a `rate_book` of any type
    void* rates = nullptr;
    void (*add)(void*, std::string_view, std::size_t, double, double) = nullptr;
    void (*read)(const void*, std::string_view, std::span<bandits::record>) = nullptr;
    explicit operator bool() const noexcept { return rates != nullptr; }
  };

  void learn_language() {
    language_ = prior_.likeliest();
    if (shared_) shared_.read(shared_.rates, language_, detail::writable(learned_));
  }

  void choose(const context& c) {
    if (prior_.likeliest() != language_) learn_language();
    beliefs_.clear();
    for (std::size_t i = 0; i < arms_.size(); ++i) beliefs_.push_back(expect(i));
    // The rate that reading and switching cost time of: that of the arm in use, else of the most promising one.
    double rate = 0.0;
    for (const bandits::belief& b : beliefs_) rate = b.mean > rate ? b.mean : rate;
    if (chosen_ != nobody) rate = beliefs_[chosen_].mean;
    const double to_come = static_cast<double>(c.room()) / (rate > 1.0 ? rate : 1.0);
    const double horizon = to_come < options_.horizon ? to_come : options_.horizon;
    for (std::size_t i = 0; i < arms_.size(); ++i) {
      if (i == chosen_) continue;
      if (chosen_ != nobody) beliefs_[i].mean -= options_.margin * rate;
      beliefs_[i].mean -= missing(arms_[i], c.text().size()) * arms_[i].traits.prefill_cost * rate / horizon;
    }
    chosen_ = options_.explore == exploration::thompson ? sampled(c.random()) : highest();
    kept_ = 0;
  }

  bandits::belief expect(std::size_t i) const {
    const arm& a = arms_[i];
    const double fits = a.traits.language.empty() ? 1.0 : prior_.probability(a.traits.language);
    double expected = options_.foreign_rate + (a.traits.rate - options_.foreign_rate) * fits;
    if (shared_) {
      const bandits::record& r = learned_[i];
      expected = (options_.certainty * expected + r.gain) / (options_.certainty + r.weight);
    }
    return bandits::posterior(expected, options_.certainty, a.seen, options_.reshaping * options_.noise);
  }

  /// Tokens of the text that the models of an arm have not read.
  static double missing(arm& a, std::size_t text) {
    std::size_t most = 0;
    auto look = [&](model_slot& slot) {
      const std::size_t lacks = text > slot.length() ? text - slot.length() : 0;
      most = lacks > most ? lacks : most;
    };
    a.proposer.visit_models(look);
    return static_cast<double>(most);
  }

  std::size_t sampled(random_ref random) {
    bandits::odds_of_best(beliefs_, odds_);
    const std::span<const double> odds = detail::view(odds_);
    const law_view law = law_view::dense(odds, numeric::sum(odds));
    return static_cast<std::size_t>(random.pick(law, purpose::selection, draft::root(), lane));
  }

  std::size_t highest() const {
    double range = 0.0;  // the largest rate that a round can have
    double total = 0.0;
    const auto most = static_cast<double>(longest_);
    for (const arm& a : arms_) {
      const double top = (most + 1.0) / (1.0 + most * (options_.verify_cost + a.traits.token_cost));
      range = top > range ? top : range;
      total += options_.certainty + a.seen.weight;
    }
    std::size_t best = 0;
    double above = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < arms_.size(); ++i) {
      const double n = options_.certainty + arms_[i].seen.weight;
      const double index = bandits::ucb1_index(beliefs_[i].mean, n, total, options_.reshaping * range);
      if (!(index > above)) continue;
      above = index;
      best = i;
    }
    return best;
  }

  routing options_;
  Prior prior_;
  detail::list<arm> arms_;
  shared shared_;
  detail::list<bandits::record> learned_;  // of the arms, on texts in `language_`
  detail::list<bandits::belief> beliefs_;
  detail::list<double> odds_;
  std::string_view language_;
  std::size_t read_ = 0;  // tokens of the text that the prior has read
  std::size_t chosen_ = nobody;
  std::size_t kept_ = 0;  // rounds since the choice
  std::size_t longest_ = 0;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
