// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <proviso/drafters/shared_ngrams.hpp>
#include <proviso/proviso.hpp>
#include <proviso/testing/canvas_law.hpp>
#include <proviso/testing/enumerator.hpp>
#include <proviso/testing/prove_lossless.hpp>
#include <proviso/testing/table_denoiser.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/combining.hpp"
#include "support/drafting.hpp"
#include "support/masked.hpp"

namespace support {

/// What a generation that resumes a text at a round's border has in common with the uninterrupted one.
enum class resumption : unsigned char {
  text,  ///< its tokens
  law    ///< its law: what drafters, lengths or rules had learned, or drawn ahead, is lost
};

/// An algorithm and the law of what it writes.
struct algorithm_case {
  std::string name;
  std::function<proviso::sequence(std::uint64_t seed, std::uint32_t stream)> make;
  /// The law of the `count` tokens of one generation after `text`.
  std::function<text_law(const tokens& text, std::size_t count)> law;
  resumption resumes;
};

/// The law of texts whose every token has a law.
inline std::function<text_law(const tokens&, std::size_t)> exact_law_after(proviso::testing::target_law law) {
  return [law = std::move(law)](const tokens& text, std::size_t count) {
    text_law out{{{}, 1.0}};
    for (std::size_t i = 0; i < count; ++i) {
      text_law longer;
      for (const auto& [written, probability] : out) {
        tokens whole = text;
        whole.insert(whole.end(), written.begin(), written.end());
        const std::vector<double> p = law(whole);
        for (std::size_t x = 0; x < p.size(); ++x) {
          if (!(p[x] > 0.0)) continue;
          tokens next = written;
          next.push_back(static_cast<token_id>(x));
          longer[next] += probability * p[x];
        }
      }
      out = std::move(longer);
    }
    return out;
  };
}

/// Every algorithm with every family of policies, over tables of two or three tokens.
class algorithms {
 public:
  algorithms() {
    add_plain();
    add_chains();
    add_trees();
    add_other_drafts();
    add_lengths();
    add_space();
    add_ensembles();
    add_canvases();
    add_lossy();
  }
  algorithms(const algorithms&) = delete;
  algorithms& operator=(const algorithms&) = delete;

  const std::vector<algorithm_case>& all() const noexcept { return all_; }

 private:
  using table = proviso::testing::row_table;
  using model = proviso::testing::table_model;
  using law_of_token = proviso::testing::target_law;
  static constexpr auto same_text = resumption::text;
  static constexpr auto same_law = resumption::law;

  template <class Make>
  void add(std::string name, Make make, std::function<text_law(const tokens&, std::size_t)> law, resumption resumes) {
    const auto made = [make](std::uint64_t seed, std::uint32_t stream) {
      return proviso::sequence{make(), seed, stream};
    };
    all_.push_back({std::move(name), made, std::move(law), resumes});
  }
  /// One that has the law of a target for every token.
  template <class Make>
  void lossless(std::string name, Make make, law_of_token law, resumption resumes = same_text) {
    add(std::move(name), make, exact_law_after(std::move(law)), resumes);
  }
  /// One whose law is that of its enumeration.
  template <class Make>
  void enumerated(std::string name, Make make, resumption resumes = same_text) {
    const auto law = [make, known = std::map<std::pair<tokens, std::size_t>, text_law>{}](const tokens& text,
                                                                                          std::size_t count) mutable {
      const auto found = known.find({text, count});
      if (found != known.end()) return found->second;
      return known[{text, count}] = law_of(make, text, count);
    };
    add(std::move(name), make, law, resumes);
  }

  template <class MakeDrafter, class Rule, class Length = proviso::lengths::fixed>
  void speculate(std::string name, MakeDrafter drafter, Rule rule, resumption resumes = same_text,
                 Length length = Length{2}) {
    lossless(
        std::move(name),
        [this, drafter, rule, length] {
          return proviso::speculative{target_, proviso::drafters::any{drafter()}, proviso::rules::any{rule},
                                      proviso::transforms::temperature{}, length};
        },
        proviso::testing::table_law(p_), resumes);
  }

  void add_plain() {
    using namespace proviso;
    const auto plain = [this](float temperature, draw how) {
      return [this, temperature, how] { return autoregressive{target_, transforms::temperature{temperature}, how}; };
    };
    lossless("autoregressive", plain(1.0F, draw::inverse), testing::table_law(p_));
    lossless("autoregressive, race", plain(1.0F, draw::race), testing::table_law(p_));
    const transforms::temperature cool{0.6F};
    lossless("autoregressive, T = .6", plain(0.6F, draw::inverse), testing::table_law(p_, cool));
    lossless(
        "block, T = .6",
        [this, cool] {
          return speculative{target_, drafters::any{drafters::model{small_}}, rules::any{rules::block{}}, cool,
                             lengths::fixed{2}};
        },
        testing::table_law(p_, cool));
  }

  void add_chains() {
    using namespace proviso;
    const auto chain = [this] { return drafters::model{small_}; };
    speculate("chain, token", chain, rules::token{});
    speculate("chain, block", chain, rules::block{});
    speculate("chain, traversal", chain, rules::traversal{});
    speculate("chain, siblings", chain, rules::siblings{});
    speculate("chain, k_seq", chain, rules::k_seq{});
    speculate("chain, greedy_hub", chain, rules::greedy_hub{});
    speculate("chain, selected_path", chain, rules::selected_path{});
    speculate("chain, match", chain, rules::match{});
    speculate("chain, coupled", chain, rules::coupled{});
    speculate("chain, automatic", chain, rules::automatic{});
    speculate("chain, joint", chain, rules::joint{}, same_law);
    speculate(
        "no draft", [] { return drafters::none{}; }, rules::token{});
  }

  void add_trees() {
    using namespace proviso;
    const auto tree = [this](drafters::branching children, replacement mode) {
      return [this, children, mode] { return drafters::sampled_tree{small_, children, mode}; };
    };
    constexpr auto with = replacement::with;
    constexpr auto without = replacement::without;
    speculate("tree, siblings", tree({2, 2}, without), rules::siblings{});
    speculate("tree, traversal", tree({2, 2}, without), rules::traversal{});
    speculate("tree with replacement, traversal", tree({2, 2}, with), rules::traversal{});
    speculate("tree, automatic", tree({3, 1}, without), rules::automatic{});
    speculate("tree, k_seq", tree({2, 2}, with), rules::k_seq{});
    speculate("tree, selected_path", tree({2, 1}, with), rules::selected_path{});
    speculate("tree, match", tree({2, 1}, without), rules::match{});
    const auto hub = [this] { return drafters::hub_tree{small_, {2, 2}}; };
    speculate("hub, greedy_hub", hub, rules::greedy_hub{});
    speculate("hub, automatic", hub, rules::automatic{});
    const auto top = [this] { return drafters::top_k_tree{small_, {2, 2}}; };
    speculate("top-k tree, siblings", top, rules::siblings{});
    speculate(
        "best first, traversal",
        [this] {
          return drafters::best_first_tree{small_, 4};
        },
        rules::traversal{});
  }

  void add_other_drafts() {
    using namespace proviso;
    speculate(
        "lookup, token",
        [] {
          return drafters::prompt_lookup{1, 3, 0.5};
        },
        rules::token{}, same_law, lengths::fixed{3});
    speculate(
        "suffix, block", [] { return drafters::suffix{1}; }, rules::block{}, same_law, lengths::fixed{3});
    speculate(
        "shared n-grams, token",
        [this] {
          return drafters::shared_ngrams{store_, 1, 3, 0.1};
        },
        rules::token{}, same_law);
    speculate(
        "lookahead, siblings",
        [] {
          return drafters::lookahead{3, 3, 2};
        },
        rules::siblings{}, same_law);
    speculate(
        "lookahead, match",
        [] {
          return drafters::lookahead{3, 3, 2};
        },
        rules::match{});
    const auto pool = [this](drafters::exploration explore) {
      return [this, explore] {
        drafters::routing how;
        how.explore = explore;
        how.dwell = 1;
        how.certainty = 1.0;
        drafters::router<> r{how};
        r.add(drafters::model{small_}).add(drafters::suffix{1}).add(drafters::none{});
        return r;
      };
    };
    speculate("router, token", pool(drafters::exploration::thompson), rules::token{}, same_law);
    speculate("router, coupled", pool(drafters::exploration::ucb1), rules::coupled{});
    const auto parallel = [this] { return drafters::parallel{masked_small_, q_masked_.tokens()}; };
    const auto several = [this, parallel](auto rule) {
      return [this, parallel, rule] {
        return speculative{masked_, drafters::any{parallel()}, rules::any{rule}, transforms::temperature{},
                           lengths::fixed{3}};
      };
    };
    lossless("parallel, token", several(rules::token{}), masked_law());
    lossless("parallel, block", several(rules::block{}), masked_law());
    lossless(
        "canvas draft, token",
        [this] {
          return speculative{narrow_, drafters::any{drafters::diffusion{canvas_}}, rules::any{rules::token{}},
                             transforms::temperature{}, lengths::fixed{3}};
        },
        testing::table_law(narrow_table()));
  }

  void add_lengths() {
    using namespace proviso;
    const auto chain = [this] { return drafters::model{small_}; };
    speculate("confidence, block", chain, rules::block{}, same_text, lengths::confidence{3, 0.6});
    speculate("cost model, token", chain, rules::token{}, same_law, lengths::cost_model{3, 0.25, 0.25});
    speculate("bandit, token", chain, rules::token{}, same_law, lengths::bandit{{1, 2}, 0.3, 5.0});
    speculate("heuristic, block", chain, rules::block{}, same_law, lengths::heuristic{1, 3});
  }

  void add_space() {
    using namespace proviso;
    const auto masks = [this](auto rule, std::size_t branches) {
      return [this, rule, branches] {
        return space{masked_, drafters::masks{masked_rows_.tokens(), 0.0, branches}, rules::any{rule}};
      };
    };
    lossless("space, token", masks(rules::token{}, 1), masked_law(), same_law);
    lossless("space, block", masks(rules::block{}, 1), masked_law(), same_law);
    lossless("space, traversal", masks(rules::traversal{}, 2), masked_law(), same_law);
    lossless("space, match", masks(rules::match{}, 1), masked_law());
    lossless("space, coupled", masks(rules::coupled{}, 1), masked_law());
  }

  void add_ensembles() {
    using namespace proviso;
    const auto turns = [](crowd& models, mix how, std::vector<std::size_t> lengths, proposers who = proposers::all) {
      return [&models, how, lengths, who] {
        return ensemble{models.combined(how), lengths, transforms::temperature{}, who};
      };
    };
    lossless("ensemble", turns(pair_, mix::weighted, {1, 1}), pair_.law(mix::weighted), same_law);
    lossless("ensemble, lengths 2 and 1", turns(pair_, mix::product, {2, 1}), pair_.law(mix::product), same_law);
    lossless("ensemble, the first proposes", turns(pair_, mix::weighted, {2, 1}, proposers::first),
             pair_.law(mix::weighted), same_text);
    lossless("ensemble of three", turns(three_, mix::weighted, {1, 2, 1}), three_.law(mix::weighted), same_law);
    lossless("contrastive ensemble", turns(pair_, mix::contrastive, {1, 1}), pair_.law(mix::contrastive), same_law);
    lossless(
        "combined, autoregressive", [this] { return autoregressive{pair_.combined(mix::weighted)}; },
        pair_.law(mix::weighted));
    lossless(
        "combined, block",
        [this] {
          return speculative{pair_.combined(mix::product), drafters::any{drafters::model{small_}},
                             rules::any{rules::block{}}, transforms::temperature{}, lengths::fixed{2}};
        },
        pair_.law(mix::product));
  }

  /// The law of canvases, by the kernels of the order's steps: windows of `block` tokens, one after the other.
  template <class Order>
  void canvas_case(const std::string& name, Order order, std::size_t steps, std::size_t block = 0) {
    using namespace proviso;
    const auto law = [this, order, steps, block, known = std::map<std::pair<token_id, std::size_t>, text_law>{}](
                         const tokens& text, std::size_t count) mutable {
      text_law out{{{}, 1.0}};
      for (std::size_t done = 0; done < count;) {
        const std::size_t size = block == 0 || block > count - done ? count - done : block;
        text_law longer;
        for (const auto& [written, p] : out) {
          tokens before = text;
          before.insert(before.end(), written.begin(), written.end());
          const std::pair key{before.back(), size};  // the chain has order 1
          if (known.find(key) == known.end()) {
            testing::canvas_sampler sampler{net_, before};
            known[key] = sampler.run(order, tokens(size, net_.mask_token()), steps).law;
          }
          for (const auto& [canvas, q] : known[key]) {
            tokens next = written;
            next.insert(next.end(), canvas.begin(), canvas.end());
            longer[next] += p * q;
          }
        }
        out = std::move(longer);
        done += size;
      }
      return out;
    };
    const auto make = [this, order, steps, block] {
      return diffusion{canvas_, {.length = 32, .block = block, .steps = steps, .growing = block != 0}, order};
    };
    add(name, make, law, same_text);
  }

  void add_canvases() {
    using namespace proviso;
    canvas_case("canvas, ancestral", orders::ancestral{}, 3);
    canvas_case("canvas, first hitting", orders::first_hitting{}, 1);
    canvas_case("canvas, quota", orders::quota{}, 2);
    canvas_case("canvas, quota at random", orders::quota{orders::ranking::random}, 2);
    canvas_case("canvas, threshold", orders::threshold{0.7}, 1);
    canvas_case("canvas, factor", orders::factor{1.2}, 1);
    canvas_case("canvas, entropy bound", orders::entropy_bound{0.7}, 1);
    canvas_case("canvas, remasking", orders::remasking{0.6, 0.55}, 1);
    canvas_case("windows of two, ancestral", orders::ancestral{}, 2, 2);
    canvas_case("windows of two, first hitting", orders::first_hitting{}, 1, 2);
    canvas_case("windows of two, random quota", orders::quota{orders::ranking::random}, 2, 2);
    canvas_case("windows of two, remasking", orders::remasking{0.6, 0.55}, 1, 2);
    enumerated("windows of one, energy", [this] {
      return diffusion{canvas_,
                       {.length = 32, .block = 1, .steps = 1, .growing = true},
                       orders::energy{narrow_, 2, orders::first_hitting{}}};
    });
  }

  void add_lossy() {
    using namespace proviso;
    const auto chain = [this](auto rule) {
      return [this, rule] {
        return speculative{target_, drafters::any{drafters::model{small_}}, rules::any{rule}, transforms::temperature{},
                           lengths::fixed{2}};
      };
    };
    enumerated("lossy: lenience", chain(rules::lenience{0.5}));
    enumerated("lossy: static ensemble", chain(rules::static_ensemble{0.5}));
    enumerated("lossy: typical", chain(rules::typical{}));
    enumerated("lossy: thresholds", chain(rules::thresholds{0.5, 0.2}));
    enumerated("lossy: top_n", chain(rules::top_n{1}));
    enumerated("lossy: neighbours", chain(rules::neighbours{{1, 2, 0}, 1, 0.3}));
  }

  law_of_token masked_law() const { return proviso::testing::row_law(masked_rows_.vocab(), masked_rows_); }
  /// A table over the tokens of the denoiser, which never emits the mask.
  static table narrow_table() {
    const table drawn = proviso::testing::random_table(3, 1, 5);
    std::vector<float> logits(drawn.logits().begin(), drawn.logits().end());
    for (std::size_t row = 0; row < 3; ++row) logits[row * 3 + 2] = -std::numeric_limits<float>::infinity();
    return {3, 1, std::move(logits)};
  }

  table p_ = with_holes(proviso::testing::random_table(3, 2, 5), 2);
  model target_{p_};
  model small_{proviso::testing::random_table(3, 2, 105)};
  masked_rows masked_rows_ = random_masks(3, 2, 21, 0.5, 0.8);
  masked_rows q_masked_ = random_masks(3, 2, 22);
  model masked_ = model_of(masked_rows_);
  model masked_small_ = model_of(q_masked_);
  model narrow_{narrow_table()};
  proviso::testing::markov_denoiser net_{proviso::testing::random_table(2, 1, 8)};
  proviso::canvas_model<proviso::testing::markov_denoiser> canvas_{net_};
  proviso::drafters::ngram_store store_{1024};
  crowd pair_{2, 3, 2, 3};
  crowd three_{3, 3, 2, 4};
  std::vector<algorithm_case> all_;
};

}  // namespace support
