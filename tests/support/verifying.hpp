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
#include <proviso/core/law.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/random.hpp>
#include <proviso/testing/enumerator.hpp>

#include "support/numbers.hpp"

// One round of a rule, without models and drivers: laws are weights that depend on the drafted path.
namespace support {

/// Of a law, one per token; their sum need not be 1.
using weights = std::vector<double>;
using path = std::span<const proviso::token_id>;
using path_tokens = std::vector<proviso::token_id>;

/// The law of the token after a path of drafted tokens.
using path_law = std::function<weights(path)>;

inline proviso::law_view law_of_weights(const weights& w) {
  return proviso::law_view::dense(std::span<const double>{w}, proviso::numeric::sum(std::span<const double>{w}));
}

/// Laws that do not depend on the path.
inline path_law always(weights w) {
  return [w = std::move(w)](path) { return w; };
}

/// A law of its own after every path, every fifth probability or so 0. Probabilities add up to 1 and are multiples of
/// a power of two, so a draft, which keeps float weights, records them without rounding.
inline path_law random_laws(std::uint64_t seed, std::size_t vocab = 3) {
  return [seed, vocab](path before) {
    std::uint32_t at = 1;
    for (const proviso::token_id x : before) at = at * 8 + static_cast<std::uint32_t>(x) + 1;
    weights p(vocab);
    double used = 0.0;
    for (std::size_t x = 0; x < vocab; ++x) {
      const double u = proviso::philox{seed}.uniform({proviso::purpose::token, at, static_cast<std::uint32_t>(x), 0});
      used += p[x] = u < 0.2 ? 0.0 : std::floor(1.0 + u * 16.0);
    }
    double total = 1.0;
    while (!(total > used)) total *= 2.0;
    p[at % vocab] += total - used;
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
    path_tokens before;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const auto begin = static_cast<proviso::node_id>(d.size());
      for (const proviso::node_id at : level) {
        d.path(at, before);
        const weights law = q(before);
        std::size_t pushed = kind == children::pushed ? widths[i] : kind == children::mixed ? 1 : 0;
        std::size_t drawn = widths[i] - pushed;
        for (std::size_t x = 0; x < pushed; ++x) d.push(at, static_cast<proviso::token_id>((x + i) % law.size()));
        const auto mode = kind == children::with ? proviso::replacement::with : proviso::replacement::without;
        if (drawn > 0) d.sample_siblings(at, law_of_weights(law), drawn, mode, random);
      }
      level.clear();
      for (auto n = begin; n < static_cast<proviso::node_id>(d.size()); ++n) level.push_back(n);
    }
  }
};

/// Begins a draft and draws a chain of `length` tokens.
inline void draw_chain(proviso::draft& d, std::size_t length, const path_law& q, proviso::random_ref random) {
  d.reset(0, 10, length);
  tree{std::vector<std::size_t>(length, 1), children::with, q}(d, random);
}

/// The target's laws of a round, computed when a rule asks for them.
class lone_target {
 public:
  lone_target(const proviso::draft& d, path_law laws) : draft_{&d}, laws_{std::move(laws)} {}
  proviso::law_view operator()(proviso::node_id node) {
    const auto [known, is_new] = rows_.try_emplace(node);
    if (is_new) {
      path_tokens before;
      draft_->path(node, before);
      known->second = laws_(before);
    }
    return law_of_weights(known->second);
  }
  /// How many nodes' laws were asked for.
  std::size_t asked() const noexcept { return rows_.size(); }

 private:
  const proviso::draft* draft_;
  path_law laws_;
  std::map<proviso::node_id, weights> rows_;
};

using any_rule =
    std::function<proviso::outcome(const proviso::draft&, const proviso::target_laws&, proviso::random_ref)>;
/// Fills a draft, or begins another one and fills that.
using any_build = std::function<void(proviso::draft&, proviso::random_ref)>;

/// One outcome of drafting and verifying.
struct lone_round {
  double probability = 0.0;
  path_tokens accepted;
  proviso::token_id next = 0;
  double deviation = 0.0;  ///< as reported
  std::size_t rows = 0;    ///< laws of the target that were asked for
};

/// Runs `rule` on the drafts of `build`, at most `depth` deep, through every outcome.
inline void each_round(const any_rule& rule, const path_law& p, const any_build& build, std::size_t depth,
                       const std::function<void(const lone_round&)>& see) {
  proviso::testing::enumerator all;
  proviso::draft d;
  all.run([&] {
    proviso::testing::enumerator::source_type source = all.source();
    d.reset(0, 10, depth, 64);
    build(d, source);
    lone_target target{d, p};
    const proviso::outcome o = rule(d, proviso::target_laws{target}, source);
    lone_round r{all.probability(), {}, o.next, o.deviation, target.asked()};
    d.path(o.tip(), r.accepted);
    see(r);
  });
}

/// The law of what a round emits: accepted tokens and the token after them.
using round_law = std::map<std::pair<path_tokens, proviso::token_id>, double>;

inline round_law law_of_round(const any_rule& rule, const path_law& p, const any_build& build) {
  round_law law;
  each_round(rule, p, build, 8, [&](const lone_round& r) { law[{r.accepted, r.next}] += r.probability; });
  return law;
}

inline double expected_length(const round_law& law) {
  double sum = 0.0;
  for (const auto& [emitted, probability] : law) sum += probability * static_cast<double>(emitted.first.size());
  return sum;
}

/// What a rule does on a draft, over all outcomes of drafting and verifying.
struct verified {
  std::map<path_tokens, double> texts;  ///< tokens of one round, then tokens drawn from the target
  double error = 0.0;                   ///< total variation distance of `texts` from the target's law
  double accepted = 0.0;                ///< expected number of drafted tokens that stand
  double deviation = 0.0;               ///< expected deviation reported
  double impossible = 0.0;              ///< probability of texts that the target never emits
  std::size_t most_rows = 0;            ///< most laws of the target that an outcome asked for

  double probability(const path_tokens& text) const {
    const auto found = texts.find(text);
    return found == texts.end() ? 0.0 : found->second;
  }
};

/// Adds to `to` the texts of `size` tokens that begin with `text` and go on as the target has it.
inline void complete(const path_tokens& text, double probability, std::size_t size, const path_law& p,
                     std::map<path_tokens, double>& to) {
  if (text.size() == size) {
    to[text] += probability;
    return;
  }
  const weights w = p(text);
  const proviso::law_view law = law_of_weights(w);
  for (std::size_t x = 0; x < w.size(); ++x) {
    path_tokens longer = text;
    longer.push_back(static_cast<proviso::token_id>(x));
    if (w[x] > 0.0) complete(longer, probability * law(longer.back()), size, p, to);
  }
}

/// Runs `rule` on the drafts of `build`, at most `depth` deep. Texts have `depth` + 1 tokens.
inline verified verify(const any_rule& rule, const any_build& build, const path_law& p, std::size_t depth) {
  verified v;
  each_round(rule, p, build, depth, [&](const lone_round& r) {
    path_tokens text = r.accepted;
    text.push_back(r.next);
    complete(text, r.probability, depth + 1, p, v.texts);
    v.accepted += r.probability * static_cast<double>(r.accepted.size());
    v.deviation += r.probability * r.deviation;
    v.most_rows = r.rows > v.most_rows ? r.rows : v.most_rows;
  });
  std::map<path_tokens, double> exact;
  complete({}, 1.0, depth + 1, p, exact);
  for (const auto& [text, probability] : exact) v.error += std::abs(probability - v.probability(text)) / 2.0;
  for (const auto& [text, probability] : v.texts) v.impossible += exact.count(text) != 0 ? 0.0 : probability;
  v.error += v.impossible / 2.0;
  return v;
}

/// The law of the first token.
inline weights first_token(const verified& v, std::size_t vocab) {
  weights p(vocab, 0.0);
  for (const auto& [text, probability] : v.texts) p[static_cast<std::size_t>(text[0])] += probability;
  return p;
}

inline bool near(const weights& a, const weights& b, double tolerance = 1e-12) {
  bool all = a.size() == b.size();
  for (std::size_t i = 0; all && i < a.size(); ++i) all = near(a[i], b[i], tolerance);
  return all;
}

/// Randomness by the book of a test: acceptance flips have the answers given in advance (the last one for all that
/// follow), tokens are the most probable ones; what was asked is remembered.
struct scripted {
  std::vector<bool> answers{true};
  std::size_t flips = 0;
  std::vector<std::pair<double, double>> odds{};
  std::vector<weights> picked{};  ///< the laws that tokens were drawn from

  bool flip(double p, double q, const proviso::draw_key&) {
    odds.emplace_back(p, q);
    const bool answer = answers[flips < answers.size() ? flips : answers.size() - 1];
    ++flips;
    return answer;
  }
  proviso::token_id pick(const proviso::law_view& law, const proviso::draw_key&) {
    weights probabilities;
    for (proviso::token_id x = 0; x <= law.token(law.size() - 1); ++x) probabilities.push_back(law(x));
    picked.push_back(std::move(probabilities));
    return law.argmax();
  }
  proviso::token_id race(const proviso::law_view& law, const proviso::draw_key& key) { return pick(law, key); }
};

/// Flips and tokens in the order listed.
struct dictated {
  std::vector<bool> stands;
  std::vector<proviso::token_id> tokens;
  std::size_t flips = 0;
  std::size_t picks = 0;
  bool flip(double, double, const proviso::draw_key&) { return stands[flips++]; }
  proviso::token_id pick(const proviso::law_view&, const proviso::draw_key&) { return tokens[picks++]; }
  proviso::token_id race(const proviso::law_view&, const proviso::draw_key&) { return tokens[picks++]; }
};

}  // namespace support
