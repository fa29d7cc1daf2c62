// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <proviso/core/draft.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/random.hpp>
#include <proviso/testing/enumerator.hpp>

namespace support {

using probabilities = std::vector<double>;
using path = std::span<const proviso::token_id>;

/// The law of the token after a path of drafted tokens.
using path_law = std::function<probabilities(path)>;

inline proviso::law_view dense(const probabilities& p) {
  return proviso::law_view::dense(std::span<const double>{p}, 1.0);
}

/// A law of its own after every path, some of them with zeros.
inline path_law random_laws(std::uint64_t seed, std::size_t vocab = 3) {
  return [seed, vocab](path before) {
    std::uint32_t at = 1;
    for (const proviso::token_id x : before) at = at * 8 + static_cast<std::uint32_t>(x) + 1;
    const proviso::philox source{seed};
    probabilities p(vocab);
    double total = 0.0;
    for (std::size_t x = 0; x < vocab; ++x) {
      const double u = source.uniform({proviso::purpose::selection, at, static_cast<std::uint32_t>(x), 0});
      total += p[x] = u < 0.15 ? 0.0 : u * u;
    }
    if (!(total > 0.0)) total = p[0] = 1.0;
    for (double& x : p) x /= total;
    return p;
  };
}

enum class children { with, without, pushed, mixed };

/// A draft of `widths[i]` children below every node of level i: drawn from `q`, or pushed in the order of the
/// vocabulary, or pushed ones and drawn ones in turns.
struct tree {
  std::vector<std::size_t> widths;
  children kind = children::with;
  path_law q;

  void operator()(proviso::draft& d, proviso::random_ref random) const {
    std::vector<proviso::node_id> level{proviso::draft::root()};
    std::vector<proviso::token_id> before;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const auto begin = static_cast<proviso::node_id>(d.size());
      for (const proviso::node_id at : level) {
        d.path(at, before);
        const probabilities law = q(before);
        std::size_t pushed = kind == children::pushed ? widths[i] : kind == children::mixed ? 1 : 0;
        std::size_t drawn = widths[i] - pushed;
        for (std::size_t x = 0; x < pushed; ++x) d.push(at, static_cast<proviso::token_id>((x + i) % law.size()));
        const auto mode = kind == children::with ? proviso::replacement::with : proviso::replacement::without;
        if (drawn > 0) d.sample_siblings(at, dense(law), drawn, mode, random);
      }
      level.clear();
      for (auto n = begin; n < static_cast<proviso::node_id>(d.size()); ++n) level.push_back(n);
    }
  }
};

/// What a rule does on a draft, over all outcomes of drafting and verifying.
struct verified {
  std::map<std::vector<proviso::token_id>, double> texts;  ///< tokens of one round, then tokens drawn from the target
  double error = 0.0;         ///< total variation distance of `texts` from the target's law
  double accepted = 0.0;      ///< expected number of drafted tokens that stand
  double deviation = 0.0;     ///< expected deviation reported
  double impossible = 0.0;    ///< probability of texts that the target never emits
  std::size_t most_rows = 0;  ///< most laws of the target that an outcome asked for

  double probability(const std::vector<proviso::token_id>& text) const {
    const auto found = texts.find(text);
    return found == texts.end() ? 0.0 : found->second;
  }
};

using any_rule =
    std::function<proviso::outcome(const proviso::draft&, const proviso::target_laws&, proviso::random_ref)>;
using any_build = std::function<void(proviso::draft&, proviso::random_ref)>;

/// Runs `rule` on the drafts of `build`, at most `depth` deep, through every outcome. Texts have `depth` + 1 tokens.
inline verified verify(const any_rule& rule, const any_build& build, const path_law& p, std::size_t depth) {
  using tokens = std::vector<proviso::token_id>;
  verified v;
  std::map<tokens, probabilities> known;
  auto target = [&](const tokens& before) -> const probabilities& {
    const auto found = known.find(before);
    return found != known.end() ? found->second : known[before] = p(before);
  };
  // The text goes on as the target has it.
  std::function<void(const tokens&, double, std::map<tokens, double>&)> complete =
      [&](const tokens& text, double probability, std::map<tokens, double>& to) {
        if (text.size() == depth + 1) {
          to[text] += probability;
          return;
        }
        const probabilities& law = target(text);
        for (std::size_t x = 0; x < law.size(); ++x) {
          tokens longer = text;
          longer.push_back(static_cast<proviso::token_id>(x));
          if (law[x] > 0.0) complete(longer, probability * law[x], to);
        }
      };
  proviso::testing::enumerator all;
  proviso::draft d;
  all.run([&] {
    proviso::testing::enumerator::source_type source = all.source();
    d.reset(0, 0, depth, 64);
    build(d, source);
    tokens text;
    std::size_t rows = 0;
    auto law_after = [&](proviso::node_id n) {
      d.path(n, text);
      ++rows;
      return dense(target(text));
    };
    const proviso::outcome o = rule(d, proviso::target_laws{law_after}, source);
    d.path(o.tip(), text);
    text.push_back(o.next);
    complete(text, all.probability(), v.texts);
    v.accepted += all.probability() * static_cast<double>(o.path.size());
    v.deviation += all.probability() * o.deviation;
    v.most_rows = rows > v.most_rows ? rows : v.most_rows;
  });
  std::map<tokens, double> exact;
  complete({}, 1.0, exact);
  for (const auto& [text, probability] : exact) v.error += std::abs(probability - v.probability(text)) / 2.0;
  for (const auto& [text, probability] : v.texts) v.impossible += exact.count(text) != 0 ? 0.0 : probability;
  v.error += v.impossible / 2.0;
  return v;
}

/// The law of the first token.
inline probabilities first_token(const verified& v, std::size_t vocab) {
  probabilities p(vocab, 0.0);
  for (const auto& [text, probability] : v.texts) p[static_cast<std::size_t>(text[0])] += probability;
  return p;
}

inline bool near(double a, double b, double tolerance = 1e-12) { return std::abs(a - b) < tolerance; }
inline bool near(const probabilities& a, const probabilities& b, double tolerance = 1e-12) {
  bool all = a.size() == b.size();
  for (std::size_t i = 0; all && i < a.size(); ++i) all = near(a[i], b[i], tolerance);
  return all;
}

}  // namespace support
