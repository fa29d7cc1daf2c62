// SPDX-License-Identifier: Apache-2.0
// Draws that share their noise, and noise of too few bits.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/rules/block.hpp>
#include <proviso/rules/coupled.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/siblings.hpp>
#include <proviso/rules/token.hpp>

#include "mutants/jury.hpp"
#include "mutants/shared_uniforms.hpp"
#include "support/catch.hpp"

namespace {

using namespace mutants;

enum class noise_fault {
  none,
  acceptance_of_draft,        ///< a token is tested with the uniform that drew it
  residual_of_draft,          ///< the correction is drawn with the uniform that drew the refused token
  residual_of_acceptance,     ///< the correction is drawn with the uniform that refused
  bonus_of_acceptance,        ///< the token after a whole draft is drawn with the uniform that accepted the last one
  one_acceptance,             ///< all tokens of a round are tested with one uniform
  acceptance_of_every_round,  ///< rounds use the same uniforms for acceptance
  residual_of_every_round,    ///< rounds use the same uniforms for corrections
  acceptance_by_position,     ///< uniforms belong to positions of the text, not to rounds
  few_bits,                   ///< uniforms of 8 bits
  few_bits_not_strict         ///< uniforms of 8 bits, u q <= p
};

/// A rule whose source of randomness has a fault.
class noisy_rule {
 public:
  static constexpr bool lossless = false;
  noisy_rule(rules::any inner, noise_fault f) : inner_{std::move(inner)}, fault_{f} {}
  void start() { inner_.start(); }
  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    source faulty{random, d, fault_};
    return inner_(d, p, random_ref{faulty});
  }

 private:
  struct source {
    random_ref random;
    const draft& d;
    noise_fault wrong;

    bool flip(double p, double q, const draw_key& key) const {
      const auto node = static_cast<node_id>(key.node);
      switch (wrong) {
        case noise_fault::acceptance_of_draft:
          return random.flip(p, q, purpose::draft, node);
        case noise_fault::one_acceptance:
          return random.flip(p, q, purpose::acceptance, 1);
        case noise_fault::acceptance_of_every_round:
          return random.at_root(0).flip(p, q, purpose::acceptance, node);
        case noise_fault::acceptance_by_position:
          return random.at_root(d.next_position(d.parent(node))).flip(p, q, purpose::acceptance, 0);
        case noise_fault::few_bits:
          return random.flip(std::ceil(256.0 * p / q), 256.0, purpose::acceptance, node);
        case noise_fault::few_bits_not_strict:
          return random.flip(std::floor(256.0 * p / q) + 1.0, 256.0, purpose::acceptance, node);
        default:
          return random.flip(p, q, purpose::acceptance, node);
      }
    }
    token_id pick(const law_view& law, const draw_key& key) const {
      const auto node = static_cast<node_id>(key.node);
      if (key.what == purpose::token) {
        const auto last = static_cast<node_id>(d.size() - 1);
        if (wrong == noise_fault::bonus_of_acceptance && last > 0) return random.pick(law, purpose::acceptance, last);
        return random.pick_token(law, key.at);
      }
      switch (wrong) {
        case noise_fault::residual_of_draft:
          return random.pick(law, purpose::draft, node);
        case noise_fault::residual_of_acceptance:
          return random.pick(law, purpose::acceptance, node);
        case noise_fault::residual_of_every_round:
          return random.at_root(0).pick(law, key.what, node);
        default:
          return random.pick(law, key.what, node);
      }
    }
    token_id race(const law_view& law, const draw_key& key) const { return random.pick_token(law, key.at, draw::race); }
  };

  rules::any inner_;
  noise_fault fault_;
};

enum class draft_noise {
  own,          ///< keyed by root and node, as it should be
  every_round,  ///< rounds use the same uniforms
  by_position,  ///< uniforms belong to positions of the text
  raced         ///< drawn by a race on the noise of the position, and recorded with its law
};

/// A drawn chain.
proposal chain_of(draft_noise noise, const tables& t, std::size_t depth) {
  return [noise, &t, depth](const context& c, draft& d) {
    node_id at = draft::root();
    for (std::size_t i = 0; i < depth && i < c.limit(); ++i) {
      const narrow_law q{t.q, text_at(c, d, at)};
      const auto node = static_cast<node_id>(d.size());
      const std::size_t position = d.next_position(at);
      token_id x = 0;
      switch (noise) {
        case draft_noise::own:
          x = c.random().pick(q.view(), purpose::draft, node);
          break;
        case draft_noise::every_round:
          x = c.random().at_root(0).pick(q.view(), purpose::draft, node);
          break;
        case draft_noise::by_position:
          x = c.random().at_root(position).pick(q.view(), purpose::draft, 0);
          break;
        case draft_noise::raced:
          x = c.random().pick_token(q.view(), position, draw::race);
          break;
      }
      at = record(d, at, q.view(), x);
    }
  };
}

/// Token verification that draws the correction by a race on the noise of its position.
class raced_correction {
 public:
  static constexpr bool lossless = false;
  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    source racing{random, d};
    return token_(d, p, random_ref{racing});
  }

 private:
  struct source {
    random_ref random;
    const draft& d;
    bool flip(double p, double q, const draw_key& key) const {
      return random.flip(p, q, key.what, static_cast<node_id>(key.node));
    }
    token_id pick(const law_view& law, const draw_key& key) const {
      if (key.what == purpose::token) return random.pick_token(law, key.at);
      return random.pick_token(law, d.next_position(d.parent(static_cast<node_id>(key.node))), draw::race);
    }
    token_id race(const law_view& law, const draw_key& key) const { return random.pick_token(law, key.at, draw::race); }
  };
  rules::token token_;
};

suspect with(noise_fault f, const char* name) {
  return {name, [f] { return noisy_rule{rules::token{}, f}; }};
}
suspect block_with(noise_fault f, const char* name) {
  return {name, [f] { return noisy_rule{rules::block{}, f}; }};
}
suspect siblings_with(noise_fault f, const char* name) {
  return {name, [f] { return noisy_rule{rules::siblings{}, f}; }};
}
template <class Rule>
suspect drafted_with(draft_noise noise, const char* name) {
  return {name, [] { return Rule{}; },
          [noise](const tables& t, const draft_shape& shape) { return chain_of(noise, t, shape.depth()); }};
}

TEST_CASE("randomness mutants") {
  judge<shared_uniforms>({"shared noise under rules::token",
                          {"rules::token", [] { return rules::token{}; }},
                          {with(noise_fault::none, "double without a fault"),
                           with(noise_fault::acceptance_by_position, "acceptance keyed by position"),
                           drafted_with<rules::token>(draft_noise::own, "drafter without a fault"),
                           drafted_with<rules::token>(draft_noise::by_position, "draft keyed by position"),
                           drafted_with<rules::token>(draft_noise::raced, "draft by a race, own correction")},
                          {with(noise_fault::acceptance_of_draft, "acceptance shares draft's"),
                           with(noise_fault::residual_of_draft, "correction shares draft's"),
                           with(noise_fault::residual_of_acceptance, "correction shares acceptance's"),
                           with(noise_fault::bonus_of_acceptance, "bonus shares acceptance's"),
                           with(noise_fault::one_acceptance, "one uniform for all tokens"),
                           with(noise_fault::acceptance_of_every_round, "acceptance the same every round"),
                           with(noise_fault::residual_of_every_round, "correction the same every round"),
                           with(noise_fault::few_bits, "uniforms of 8 bits"),
                           with(noise_fault::few_bits_not_strict, "uniforms of 8 bits, u q <= p"),
                           drafted_with<rules::token>(draft_noise::every_round, "draft the same every round"),
                           drafted_with<raced_correction>(draft_noise::raced, "draft and correction race together")},
                          chain_of_two(4)});
  judge<shared_uniforms>({"shared noise under rules::block",
                          {"rules::block", [] { return rules::block{}; }},
                          {block_with(noise_fault::none, "double without a fault")},
                          {block_with(noise_fault::acceptance_by_position, "acceptance keyed by position"),
                           drafted_with<rules::block>(draft_noise::by_position, "draft keyed by position")},
                          chain_of_two(4)});
  judge<shared_uniforms>({"shared noise under rules::siblings",
                          {"rules::siblings", [] { return rules::siblings{}; }},
                          {siblings_with(noise_fault::none, "double without a fault")},
                          {siblings_with(noise_fault::one_acceptance, "one uniform for all siblings")},
                          {{{"2 siblings with replacement", {2}}, 3}}});
}

TEST_CASE("randomness mutants: the enumerator names draws that share a key") {
  judge({"shared keys",
         {"rules::token", [] { return rules::token{}; }},
         {},
         {with(noise_fault::acceptance_of_draft, "acceptance shares draft's"),
          with(noise_fault::residual_of_acceptance, "correction shares acceptance's"),
          with(noise_fault::acceptance_of_every_round, "acceptance the same every round")},
         chain_of_two(4)});
}

enum class key_fault {
  none,
  by_root,     ///< tokens are drawn with keys of the root and node
  other_verb,  ///< by a race where plain decoding inverts, or the other way round
  one_position_off
};

/// `rules::match` and `rules::coupled`: the law is right under every fault, the text is no longer that of plain
/// decoding.
class match_double {
 public:
  static constexpr bool lossless = false;
  match_double(key_fault f, draw how) : shares_noise{how == draw::race}, fault_{f}, how_{how} {}
  bool shares_noise;

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    return follow(d, path_, [&](node_id at) {
      const std::size_t position = d.next_position(at);
      const draw other = how_ == draw::race ? draw::inverse : draw::race;
      if (fault_ == key_fault::by_root) return random.pick(p(at), purpose::residual, at);
      if (fault_ == key_fault::one_position_off) return random.pick_token(p(at), position + 1, how_);
      return random.pick_token(p(at), position, fault_ == key_fault::other_verb ? other : how_);
    });
  }

 private:
  key_fault fault_;
  draw how_;
  std::vector<node_id> path_;
};

std::vector<token_id> text_of(decoder& d) {
  std::vector<token_id> text;
  limits bounds;
  bounds.max_tokens = 12;
  d.run(
      prompt(), [&](generated_token t) { text.push_back(t.token); }, bounds);
  return text;
}

/// "identity": for 20 seeds, the text of plain decoding.
verdict compare_with_plain(key_fault f, draw how) {
  verdict v;
  const tables& t = all_tables()[0];
  testing::table_model target{t.p};
  const suspect s{"", [f, how] { return match_double{f, how}; }};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    v.next();
    decoder plain{autoregressive{target, transforms::temperature{}, how}, seed};
    decoder drafted{sequence{speculative{target, drafting{s.drafter(t, {"chain of 2", {1, 1}})}, s.rule(),
                                         transforms::temperature{}, lengths::fixed{2}},
                             seed}};
    if (text_of(plain) != text_of(drafted)) v.fail("identity");
  }
  return v;
}

TEST_CASE("identity mutants") {
  const book all{"text of plain decoding"};
  for (const draw how : {draw::inverse, draw::race}) {
    const std::string rule = how == draw::race ? "coupled: " : "match: ";
    all.sound(rule + "double without a fault", compare_with_plain(key_fault::none, how));
    all.wrong(rule + "keys of root and node", compare_with_plain(key_fault::by_root, how));
    all.wrong(rule + "drawn the other way", compare_with_plain(key_fault::other_verb, how));
    all.wrong(rule + "position off by one", compare_with_plain(key_fault::one_position_off, how));
  }
}

}  // namespace
