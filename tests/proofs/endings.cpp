// SPDX-License-Identifier: Apache-2.0
// End tokens, stop sequences and stop strings inside drafts, under a grammar that has no word after the end: the exact
// law of the texts, for every rule, drafter and algorithm, and nothing drafted or evaluated behind the end.
#include <string>
#include <utility>
#include <vector>

#include <proviso/decode/space.hpp>
#include <proviso/drafters/diffusion.hpp>
#include <proviso/drafters/lookahead.hpp>
#include <proviso/drafters/parallel.hpp>
#include <proviso/drafters/shared_ngrams.hpp>
#include <proviso/proviso.hpp>
#include <proviso/testing/prove_lossless.hpp>
#include <proviso/testing/table_denoiser.hpp>

#include "support/catch.hpp"
#include "support/combining.hpp"
#include "support/decoding.hpp"
#include "support/drafting.hpp"
#include "support/endings.hpp"
#include "support/masked.hpp"
#include "support/shapes.hpp"

namespace {

using namespace proviso;
using support::endings;
using support::last_word;

const std::vector<token_id> before_end{1, 2, 0, 1, 2};

const testing::row_table& ending_table() {
  static const testing::row_table table = support::with_holes(testing::random_table(3, 2, 5), 2);
  return table;
}

/// Proves drafts of `make(small)` under `rule`, however texts end.
template <class MakeDrafter, class Rule>
void prove_ends(const std::string& name, std::size_t tokens, MakeDrafter make, Rule rule, std::size_t length = 2) {
  testing::table_model target{ending_table()};
  testing::table_model small{testing::random_table(3, 2, 105)};
  for (const endings& how : support::all_endings(tokens)) {
    const support::ending_proof found = support::prove_endings(
        [&] {
          return speculative{target, make(small), rules::any{rule}, last_word{&how, before_end.size()},
                             lengths::fixed{length}};
        },
        testing::table_law(ending_table()), before_end, how);
    INFO(name << ", " << how.name << ": error " << found.error << " " << found.thrown);
    CHECK(found.passed());
    CHECK(found.drafted > 0.1);
  }
}

TEST_CASE("endings: chains of a model") {
  const auto chain = [](testing::table_model& small) { return drafters::model{small}; };
  prove_ends("token", 4, chain, rules::token{});
  prove_ends("block", 4, chain, rules::block{}, 3);
  prove_ends("coupled", 4, chain, rules::coupled{}, 3);
  prove_ends("match", 4, chain, rules::match{}, 3);
  prove_ends("traversal", 4, chain, rules::traversal{});
  prove_ends("siblings", 4, chain, rules::siblings{});
  prove_ends("k_seq", 4, chain, rules::k_seq{});
  prove_ends("selected_path", 4, chain, rules::selected_path{});
  prove_ends("greedy_hub", 4, chain, rules::greedy_hub{});
  prove_ends("automatic", 4, chain, rules::automatic{});
  prove_ends("joint", 4, chain, rules::joint{}, 3);
  prove_ends("joint, longer texts", 5, chain, rules::joint{}, 2);
  prove_ends("typical", 4, chain, rules::typical{1.0, 1e300});
  prove_ends("top_n", 4, chain, rules::top_n{0});
  prove_ends("lenience", 4, chain, rules::lenience{1.0});
  prove_ends("static_ensemble", 4, chain, rules::static_ensemble{1.0});
  prove_ends("thresholds", 4, chain, rules::thresholds{1.0, 1.0});
  prove_ends("neighbours", 4, chain, rules::neighbours{{}, 0, 0.0});
}

TEST_CASE("endings: trees of a model") {
  const auto tree = [](drafters::branching children, replacement mode) {
    return [=](testing::table_model& small) { return drafters::sampled_tree{small, children, mode}; };
  };
  const auto hub = [](testing::table_model& small) { return drafters::hub_tree{small, {2, 2}}; };
  const auto top = [](testing::table_model& small) { return drafters::top_k_tree{small, {2, 2}}; };
  const auto best = [](testing::table_model& small) { return drafters::best_first_tree{small, 5}; };
  prove_ends("siblings", 3, tree({2, 2}, replacement::without), rules::siblings{});
  prove_ends("traversal", 3, tree({2, 2}, replacement::without), rules::traversal{});
  prove_ends("traversal with replacement", 3, tree({2, 2}, replacement::with), rules::traversal{});
  prove_ends("automatic", 3, tree({2, 2}, replacement::without), rules::automatic{});
  prove_ends("k_seq", 3, tree({2, 2}, replacement::with), rules::k_seq{});
  prove_ends("selected_path", 3, tree({2, 1}, replacement::with), rules::selected_path{});
  prove_ends("selected_path, three chains", 3, tree({3, 1}, replacement::with), rules::selected_path{});
  prove_ends("match", 3, tree({2, 1}, replacement::without), rules::match{});
  prove_ends("greedy_hub", 3, hub, rules::greedy_hub{});
  prove_ends("automatic on hubs", 3, hub, rules::automatic{});
  prove_ends("match on the most probable", 5, top, rules::match{});
  prove_ends("siblings on the most probable", 4, top, rules::siblings{});
  prove_ends("match, best first", 5, best, rules::match{}, 3);
  prove_ends("traversal, best first", 4, best, rules::traversal{}, 3);
}

TEST_CASE("endings: a drafter that knows of no end") {
  for (const support::growth kind : {support::growth::with, support::growth::without, support::growth::pushed}) {
    const auto unaware = [kind](testing::table_model&) {
      static const testing::row_table q = testing::random_table(3, 2, 105);
      return support::shaped{q, {"", {2, 1}, kind}};
    };
    prove_ends("traversal", 3, unaware, rules::traversal{});
    prove_ends("siblings", 3, unaware, rules::siblings{});
  }
  const auto chain = [](testing::table_model&) {
    static const testing::row_table q = testing::random_table(3, 2, 105);
    return support::shaped{q, {"", {1, 1, 1}, support::growth::with}};
  };
  prove_ends("block", 4, chain, rules::block{}, 3);
  prove_ends("joint", 4, chain, rules::joint{}, 3);
}

TEST_CASE("endings: copies and windows") {
  const auto lookup = [](testing::table_model&) { return drafters::prompt_lookup{1}; };
  const auto suffix = [](testing::table_model&) { return drafters::suffix{1}; };
  const auto window = [](testing::table_model&) { return drafters::lookahead{3, 3, 2}; };
  prove_ends("lookup", 6, lookup, rules::match{}, 4);
  prove_ends("lookup, block", 5, lookup, rules::block{}, 4);
  prove_ends("suffix", 6, suffix, rules::match{}, 4);
  prove_ends("lookahead", 6, window, rules::match{});
  prove_ends("lookahead, traversal", 5, window, rules::traversal{});
  for (const endings& how : support::all_endings(5)) {
    testing::table_model target{ending_table()};
    drafters::ngram_store store{1024};
    const support::ending_proof found = support::prove_endings(
        [&] {
          return speculative{target, drafters::shared_ngrams{store, 1}, rules::match{},
                             last_word{&how, before_end.size()}, lengths::fixed{3}};
        },
        testing::table_law(ending_table()), before_end, how);
    INFO(how.name << " " << found.thrown);
    CHECK(found.thrown == "");
  }
}

TEST_CASE("endings: masks, parallel heads and denoisers") {
  const support::masked_rows p = support::random_masks(3, 2, 21);
  const support::masked_rows q = support::random_masks(3, 2, 22);
  testing::table_model target = support::model_of(p);
  testing::table_model small = support::model_of(q);
  const testing::target_law law = testing::row_law(p.vocab(), p);
  for (const endings& how : support::all_endings(4)) {
    const last_word shape{&how, before_end.size()};
    const auto prove = [&](const char* name, auto make) {
      const support::ending_proof found = support::prove_endings(make, law, before_end, how);
      INFO(name << ", " << how.name << ": error " << found.error << " " << found.thrown);
      CHECK(found.passed());
    };
    prove("space", [&] { return space{target, drafters::masks{p.tokens()}, rules::block{}, shape}; });
    prove("space with branches", [&] {
      return space{target, drafters::masks{p.tokens(), 0.0, 2}, rules::traversal{}, shape};
    });
    prove("parallel", [&] {
      return speculative{target, drafters::parallel{small, q.tokens()}, rules::block{}, shape, lengths::fixed{3}};
    });
  }

  const support::masked_rows words = support::random_masks(3, 1, 23);
  testing::table_model writer = support::model_of(words);
  testing::markov_denoiser net{testing::random_table(3, 1, 8)};
  canvas_model canvases{net};
  for (const endings& how : support::all_endings(4)) {
    for (const std::size_t steps : {1U, 3U}) {
      const support::ending_proof found = support::prove_endings(
          [&] {
            return speculative{writer, drafters::diffusion{canvases, steps}, rules::block{},
                               last_word{&how, before_end.size()}, lengths::fixed{3}};
          },
          testing::row_law(words.vocab(), words), before_end, how);
      INFO("diffusion, " << how.name << ": error " << found.error << " " << found.thrown);
      CHECK(found.passed());
    }
  }
}

TEST_CASE("endings: several models") {
  testing::table_model base{ending_table()};
  testing::table_model peer{testing::random_table(3, 2, 6)};
  testing::table_model small{testing::random_table(3, 2, 105)};
  const testing::target_law a = testing::table_law(ending_table());
  const testing::target_law b = testing::table_law(testing::random_table(3, 2, 6));
  const testing::target_law law = [&](std::span<const token_id> text) {
    std::vector<double> mean = a(text);
    const std::vector<double> other = b(text);
    for (std::size_t x = 0; x < mean.size(); ++x) mean[x] = mean[x] / 2.0 + other[x] / 2.0;
    return mean;
  };
  const auto both = [&] { return combined{combine::weighted{0.5, 0.5}, base, peer}; };
  for (const endings& how : support::all_endings(4)) {
    const last_word shape{&how, before_end.size()};
    const auto prove = [&](const char* name, auto make) {
      const support::ending_proof found = support::prove_endings(make, law, before_end, how);
      INFO(name << ", " << how.name << ": error " << found.error << " " << found.thrown);
      CHECK(found.passed());
    };
    prove("plain", [&] { return autoregressive{both(), shape}; });
    prove("speculative", [&] { return speculative{both(), drafters::model{small}, rules::block{}, shape}; });
    prove("ensemble", [&] { return ensemble{both(), {1, 1}, shape}; });
    prove("ensemble, 2 and 1", [&] { return ensemble{both(), {2, 1}, shape}; });
    prove("ensemble, one proposes", [&] { return ensemble{both(), {2, 1}, shape, proposers::first}; });
  }
}

TEST_CASE("endings: chains that close leave nodes to others, and what is cut does not depend on them") {
  testing::table_model small{testing::random_table(3, 2, 105)};
  const testing::target_law law = testing::table_law(ending_table());
  const endings how = support::all_endings(4)[0];
  for (const std::size_t nodes : {4U, 5U}) {
    testing::table_model target{ending_table(), before_end.size() + nodes};  // its capacity bounds the draft
    const support::ending_proof found = support::prove_endings(
        [&] {
          return speculative{target, drafters::sampled_tree{small, {3, 1, 1}, replacement::with},
                             rules::selected_path{}, last_word{&how, before_end.size()}, lengths::fixed{3}};
        },
        law, before_end, how);
    INFO(nodes << " nodes: error " << found.error << " " << found.thrown);
    CHECK(found.passed());
  }
}

}  // namespace
