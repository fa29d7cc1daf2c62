// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/any.hpp>

#include <type_traits>

#include <proviso/rules/coupled.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/token.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"

namespace {

using namespace proviso;

/// Whether a type says when compiled that it is lossless or lossy.
template <class R>
concept known_when_compiled = requires {
  typename std::bool_constant<R::lossless>;
};
static_assert(rule<rules::any> && known_when_compiled<rules::token> && !known_when_compiled<rules::any>);

/// Counts the generations that it was started for.
struct counting {
  static constexpr bool lossless = false;
  int* starts;
  void start() const { ++*starts; }
  outcome operator()(const draft&, const target_laws& p, random_ref) const {
    return {{}, p(draft::root()).argmax(), {}};
  }
};

support::token_list decoded(testing::table_model& target, testing::table_model& small, rules::any rule) {
  decoder d{speculative{target, drafters::model{small}, std::move(rule)}, 7};
  return support::decode(d, {1, 2, 3}, support::budget(30));
}

TEST_CASE("any: the text of the rule that it holds") {
  testing::table_model target = support::whole_text_model(16, 3.0F);
  testing::table_model small = support::whole_text_model(16, 2.0F);
  decoder d{speculative{target, drafters::model{small}, rules::token{}}, 7};
  CHECK(decoded(target, small, rules::token{}) == support::decode(d, {1, 2, 3}, support::budget(30)));
  decoder e{speculative{target, drafters::model{small}, rules::coupled{}}, 7};
  CHECK(decoded(target, small, rules::coupled{}) == support::decode(e, {1, 2, 3}, support::budget(30)));
  CHECK(decoded(target, small, rules::match{}) == support::plain(target, {1, 2, 3}, support::budget(30), 7));
}

TEST_CASE("any: says what the rule says") {
  CHECK(rules::any{rules::token{}}.lossless);
  CHECK_FALSE(rules::any{rules::token{}}.shares_noise);
  CHECK(rules::any{rules::coupled{}}.shares_noise);
  CHECK_FALSE(rules::any{rules::token{}}.prefers_likeliest);
  CHECK(rules::any{rules::match{}}.prefers_likeliest);
  int starts = 0;
  rules::any rule{counting{&starts}};
  CHECK_FALSE(rule.lossless);
  testing::table_model target = support::whole_text_model(4);
  decoder d{speculative{target, drafters::none{}, std::move(rule)}};
  support::decode(d, {1}, support::budget(3));
  support::decode(d, {1}, support::budget(3));
  CHECK(starts == 2);
}

}  // namespace
