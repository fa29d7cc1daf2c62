// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/selected_path.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>
#include <vector>

#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drafters/sampled_tree.hpp>

#include "proving.hpp"
#include "support/catch.hpp"
#include "support/drafting.hpp"
#include "support/verifying.hpp"

namespace {

using namespace proviso;
using rules_test::faults;
using support::path_law;
using support::path_tokens;

/// Draws `count` independent chains of `length` tokens.
void draw_chains(draft& d, std::size_t count, std::size_t length, const path_law& q, random_ref random) {
  d.reset(0, 10, length, count * length);
  std::vector<node_id> tips;
  d.sample_siblings(draft::root(), support::law_of_weights(q({})), count, replacement::with, random);
  for (std::size_t i = 1; i <= count; ++i) tips.push_back(static_cast<node_id>(i));
  path_tokens path;
  for (std::size_t depth = 1; depth < length; ++depth) {
    for (node_id& tip : tips) {
      d.path(tip, path);
      tip = d.sample(tip, support::law_of_weights(q(path)), random);
    }
  }
}

template <class Rule>
support::round_law round_on_chains(Rule rule, const path_law& p, const path_law& q, std::size_t count,
                                   std::size_t length) {
  return support::law_of_round(rule, p, [&](draft& d, random_ref random) { draw_chains(d, count, length, q, random); });
}

using chain_law = std::map<path_tokens, double>;

/// The law of one chain.
chain_law law_of_chain(const path_law& q, std::size_t length) {
  chain_law law{{{}, 1.0}};
  for (std::size_t i = 0; i < length; ++i) {
    chain_law longer;
    for (const auto& [path, probability] : law) {
      const support::weights w = q(path);
      for (token_id x = 0; x < static_cast<token_id>(w.size()); ++x) {
        path_tokens next = path;
        next.push_back(x);
        if (w[static_cast<std::size_t>(x)] > 0.0) longer[next] = probability * support::law_of_weights(w)(x);
      }
    }
    law = longer;
  }
  return law;
}

/// sum of E[P_i] for the greatest of `count` chains, by trying all tuples of chains.
double expected_by_enumeration(const path_law& p, const path_law& q, std::size_t count, std::size_t length) {
  const auto greater = [&](const path_tokens& a, const path_tokens& b) {
    for (std::size_t i = 0; i < length; ++i) {
      if (a[i] == b[i]) continue;
      const path_tokens prefix{a.begin(), a.begin() + static_cast<std::ptrdiff_t>(i)};
      const support::weights pw = p(prefix);
      const support::weights qw = q(prefix);
      const law_view pl = support::law_of_weights(pw);
      const law_view ql = support::law_of_weights(qw);
      const double ra = pl(a[i]) / ql(a[i]);
      const double rb = pl(b[i]) / ql(b[i]);
      return ra > rb || (!(rb > ra) && a[i] > b[i]);
    }
    return false;
  };
  const chain_law one = law_of_chain(q, length);
  chain_law best = one;
  for (std::size_t n = 1; n < count; ++n) {
    chain_law next;
    for (const auto& [a, pa] : best) {
      for (const auto& [b, pb] : one) next[greater(b, a) ? b : a] += pa * pb;
    }
    best = next;
  }
  // q~ of prefixes from the law of whole chains
  chain_law mass;
  for (const auto& [path, probability] : best) {
    for (std::size_t i = 0; i <= length; ++i)
      mass[{path.begin(), path.begin() + static_cast<std::ptrdiff_t>(i)}] += probability;
  }
  double sum = 0.0;
  for (const auto& [path, probability] : best) {
    double cap = 1.0;
    path_tokens prefix;
    for (const token_id x : path) {
      const support::weights pw = p(prefix);
      const double before = mass[prefix];
      prefix.push_back(x);
      cap = (std::min)(1.0, cap * support::law_of_weights(pw)(x) / (mass[prefix] / before));
      sum += probability * cap;
    }
  }
  return sum;
}

TEST_CASE("selected_path: the expected length is that of a block drawn from the law of the best chain") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1, 7)));
  const path_law p = support::random_laws(seed);
  const path_law q = support::random_laws(seed + 100);
  const auto [count, length] =
      GENERATE(std::pair<std::size_t, std::size_t>{2, 1}, std::pair<std::size_t, std::size_t>{3, 1},
               std::pair<std::size_t, std::size_t>{2, 2}, std::pair<std::size_t, std::size_t>{3, 2});
  const double found = support::expected_length(round_on_chains(rules::selected_path{}, p, q, count, length));
  CHECK(std::abs(found - expected_by_enumeration(p, q, count, length)) < 1e-12);
}

TEST_CASE("selected_path: golden values, and more than one chain gives") {
  const path_law p = support::always({1.0, 2.0});
  const path_law q = support::always({2.0, 1.0});
  // Two chains of one token: q~ = (4/9, 5/9), sum of min(p, q~) = 1/3 + 5/9.
  CHECK(std::abs(support::expected_length(round_on_chains(rules::selected_path{}, p, q, 2, 1)) - 8.0 / 9.0) < 1e-14);
  double one = 0.0;
  double best = 0.0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const path_law a = support::random_laws(seed);
    const path_law b = support::random_laws(seed + 100);
    one += support::expected_length(round_on_chains(rules::block{}, a, b, 1, 2));
    best += support::expected_length(round_on_chains(rules::selected_path{}, a, b, 2, 2));
  }
  CHECK(best > 1.05 * one);
}

TEST_CASE("selected_path: a single chain is verified as rules::block verifies it") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1, 5)));
  const path_law p = support::random_laws(seed);
  const path_law q = support::random_laws(seed + 100);
  CHECK(round_on_chains(rules::selected_path{}, p, q, 1, 3) == round_on_chains(rules::block{}, p, q, 1, 3));
}

TEST_CASE("selected_path: the law of the text is the target's") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2));
  const testing::row_table p = support::with_holes(testing::random_table(3, 2, seed), 2);
  testing::table_model small{support::with_holes(testing::random_table(3, 2, seed + 100), 3)};
  CHECK(faults(rules::selected_path{}, p, drafters::sampled_tree{small, {2}, replacement::with}, 1) == "");
  CHECK(faults(rules::selected_path{}, p, drafters::sampled_tree{small, {3}, replacement::with}, 1) == "");
  CHECK(faults(rules::selected_path{}, p, drafters::sampled_tree{small, {2, 1}, replacement::with}, 2, 0.0F) == "");
  CHECK(faults(rules::selected_path{}, p, drafters::model{small}, 2) == "");
  CHECK(faults(rules::selected_path{}, p, support::pushed_tree{{1, 1}, 3}, 2) == "");
  const testing::row_table a = testing::random_table(2, 2, seed);
  testing::table_model b{testing::random_table(2, 2, seed + 100)};
  testing::table_model same{a};
  CHECK(faults(rules::selected_path{}, a, drafters::sampled_tree{b, {2, 1}, replacement::with}, 2) == "");
  CHECK(faults(rules::selected_path{}, a, drafters::sampled_tree{same, {2, 1}, replacement::with}, 2) == "");
  testing::table_model narrow{testing::random_table(2, 2, seed + 100), 5};  // near the end it cuts chains
  CHECK(faults(rules::selected_path{}, a, drafters::sampled_tree{narrow, {2, 1}, replacement::with}, 2) == "");
}

/// What a rule does with a draft that a test makes.
template <class Fill>
std::size_t rows_asked(const path_law& p, support::scripted& source, Fill&& fill) {
  draft d;
  fill(d);
  support::lone_target target{d, p};
  rules::selected_path rule;
  rule(d, target_laws{target}, random_ref{source});
  return target.asked();
}

/// Two chains of two tokens: 0 then 0, and 1 then 1.
void two_chains(draft& d, const support::weights& q) {
  support::dictated source{{}, {0, 1, 0, 1}};
  d.reset(0, 10, 2, 4);
  d.sample_siblings(draft::root(), support::law_of_weights(q), 2, replacement::with, random_ref{source});
  d.sample(1, support::law_of_weights(q), random_ref{source});
  d.sample(2, support::law_of_weights(q), random_ref{source});
}

TEST_CASE("selected_path: rows of chains that are not selected are not asked for") {
  const support::weights q{2.0, 1.0};
  const auto fill = [&](draft& d) { two_chains(d, q); };
  support::scripted stands{{true}};
  CHECK(rows_asked(support::always({1.0, 2.0}), stands, fill) == 3);  // root, 1, 1 1
  CHECK(stands.flips == 1);
  support::scripted refused{{false, true}};
  CHECK(rows_asked(support::always({1.0, 2.0}), refused, fill) == 2);
  // The target cannot emit 0: the best chain begins with 1. It cannot emit 1: with 0.
  support::scripted first{{true}};
  CHECK(rows_asked(support::always({0.0, 1.0}), first, fill) == 3);
  CHECK(rows_asked(support::always({0.0, 0.0, 1.0}), first, fill) == 1);
}

TEST_CASE("selected_path: below the first, a token drawn alone without replacement is like any drawn one") {
  const support::weights q{2.0, 1.0};
  support::scripted stands{{true}};
  const auto fill = [&](draft& d) {
    support::dictated source{{}, {0, 1, 0, 1}};
    d.reset(0, 10, 2, 4);
    d.sample_siblings(draft::root(), support::law_of_weights(q), 2, replacement::with, random_ref{source});
    for (const node_id n : {1, 2}) {
      d.sample_siblings(n, support::law_of_weights(q), 1, replacement::without, random_ref{source});
    }
  };
  CHECK(rows_asked(support::always({1.0, 2.0}), stands, fill) == 3);
}

TEST_CASE("selected_path: other drafts are refused with a sentence") {
  const path_law p = support::always({1.0, 2.0});
  const support::weights two_to_one{2.0, 1.0};
  const law_view q = support::law_of_weights(two_to_one);
  support::scripted source;
  const random_ref random{source};
  const auto refused = [&](auto&& fill) { REQUIRE_THROWS_AS(rows_asked(p, source, fill), std::invalid_argument); };
  refused([&](draft& d) {  // pushed siblings
    d.reset(0, 10, 1, 2);
    d.push(draft::root(), 0);
    d.push(draft::root(), 1);
  });
  refused([&](draft& d) {  // without replacement
    d.reset(0, 10, 1, 2);
    d.sample_siblings(draft::root(), q, 2, replacement::without, random);
  });
  refused([&](draft& d) {  // two laws
    d.reset(0, 10, 1, 2);
    d.sample(draft::root(), q, random);
    d.sample(draft::root(), q, random);
  });
  refused([&](draft& d) {  // a chain that branches
    d.reset(0, 10, 2, 3);
    d.sample(draft::root(), q, random);
    d.sample_siblings(1, q, 2, replacement::with, random);
  });
  refused([&](draft& d) {  // a pushed token
    d.reset(0, 10, 2, 4);
    d.sample_siblings(draft::root(), q, 2, replacement::with, random);
    d.push(1, 0);
    d.push(2, 0);
  });
  refused([&](draft& d) {  // an earlier chain is shorter: no budget cuts so
    d.reset(0, 10, 2, 3);
    d.sample_siblings(draft::root(), q, 2, replacement::with, random);
    d.sample(2, q, random);
  });
}

TEST_CASE("selected_path: chains that a budget cut are verified as far as all of them go") {
  const path_law p = support::random_laws(1);
  const path_law q = support::random_laws(101);
  const auto cut = [&](draft& d, random_ref random) {
    d.reset(0, 10, 2, 3);
    d.sample_siblings(draft::root(), support::law_of_weights(q({})), 2, replacement::with, random);
    path_tokens path;
    d.path(1, path);
    d.sample(1, support::law_of_weights(q(path)), random);
  };
  const support::round_law with_rest = support::law_of_round(rules::selected_path{}, p, cut);
  const support::round_law whole = round_on_chains(rules::selected_path{}, p, q, 2, 1);
  REQUIRE(with_rest.size() == whole.size());
  for (const auto& [emitted, probability] : whole) CHECK(std::abs(probability - with_rest.at(emitted)) < 1e-14);
}

}  // namespace

static_assert(proviso::rules::selected_path::lossless);
