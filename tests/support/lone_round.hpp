// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <proviso/core/draft.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/random.hpp>
#include <proviso/testing/enumerator.hpp>

// One round of a rule, without models and drivers: laws are weights that depend on the drafted path.
namespace support {

using weights = std::vector<float>;
using path_tokens = std::vector<proviso::token_id>;
using weights_after = std::function<weights(const path_tokens& path)>;

inline proviso::law_view law_of_weights(const weights& w) {
  return proviso::law_view::dense(w, proviso::numeric::sum(w));
}

/// Laws that do not depend on the path.
inline weights_after always(weights w) {
  return [w = std::move(w)](const path_tokens&) { return w; };
}

/// Laws that differ after every path: weights 1 .. 16, every fifth or so 0, never all.
inline weights_after scrambled(std::size_t vocab, std::uint64_t seed) {
  return [vocab, seed](const path_tokens& path) {
    std::uint32_t at = 1;
    for (const proviso::token_id x : path) at = at * 8 + static_cast<std::uint32_t>(x) + 1;
    weights w(vocab);
    for (std::size_t i = 0; i < vocab; ++i) {
      const double u = proviso::philox{seed}.uniform({proviso::purpose::token, at, static_cast<std::uint32_t>(i), 0});
      w[i] = u < 0.2 && i != at % vocab ? 0.0F : static_cast<float>(1 + static_cast<int>(u * 16.0));
    }
    return w;
  };
}

/// The target's laws of a round, computed when a rule asks for them.
class lone_target {
 public:
  lone_target(const proviso::draft& d, weights_after laws) : draft_{&d}, laws_{std::move(laws)} {}
  proviso::law_view operator()(proviso::node_id node) {
    if (asked_.insert(node).second) {
      path_tokens path;
      draft_->path(node, path);
      rows_[node] = laws_(path);
    }
    return law_of_weights(rows_[node]);
  }
  /// The nodes whose law was asked for.
  const std::set<proviso::node_id>& asked() const noexcept { return asked_; }

 private:
  const proviso::draft* draft_;
  weights_after laws_;
  std::map<proviso::node_id, weights> rows_;
  std::set<proviso::node_id> asked_;
};

/// Draws a chain of `length` tokens.
inline void draw_chain(proviso::draft& d, std::size_t length, const weights_after& q, proviso::random_ref random) {
  d.reset(0, 10, length);
  path_tokens path;
  for (proviso::node_id at = proviso::draft::root(); d.depth(at) < length;) {
    d.path(at, path);
    at = d.sample(at, law_of_weights(q(path)), random);
  }
}

/// The law of what a round emits: accepted tokens and the token after them.
using round_law = std::map<std::pair<path_tokens, proviso::token_id>, double>;

/// Every outcome of a round of `rule` on drafts made by `fill(draft, random)`.
template <class Rule, class Fill>
round_law law_of_round(Rule&& rule, const weights_after& p, Fill&& fill) {
  round_law law;
  proviso::testing::enumerator all;
  all.run([&] {
    auto source = all.source();
    const proviso::random_ref random{source};
    proviso::draft d;
    fill(d, random);
    lone_target target{d, p};
    const proviso::outcome o = rule(d, proviso::target_laws{target}, random);
    path_tokens accepted;
    d.path(o.tip(), accepted);
    law[{accepted, o.next}] += all.probability();
  });
  return law;
}

inline double expected_length(const round_law& law) {
  double sum = 0.0;
  for (const auto& [emitted, probability] : law) sum += probability * static_cast<double>(emitted.first.size());
  return sum;
}

/// Randomness by the book of a test: acceptance flips have the answers given in advance (the last one for all that
/// follow), tokens are the most probable ones; what was asked is remembered.
struct scripted {
  std::vector<bool> answers{true};
  std::size_t flips = 0;
  std::vector<std::pair<double, double>> odds{};
  std::vector<std::vector<double>> picked{};  ///< the laws that tokens were drawn from

  bool flip(double p, double q, const proviso::draw_key&) {
    odds.emplace_back(p, q);
    const bool answer = answers[flips < answers.size() ? flips : answers.size() - 1];
    ++flips;
    return answer;
  }
  proviso::token_id pick(const proviso::law_view& law, const proviso::draw_key&) {
    std::vector<double> probabilities;
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
