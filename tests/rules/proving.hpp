// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include <proviso/decode/speculative.hpp>
#include <proviso/testing/prove_lossless.hpp>

#include "support/drafting.hpp"

namespace rules_test {

inline const support::tokens prompt_of_two{1, 0};

/// Total variation distance of the law of the first tokens from the target's.
template <class Rule, class Drafter>
double error_of(const Rule& rule, const proviso::testing::row_table& p, const Drafter& drafter, std::size_t length,
                float temperature = 1.0F) {
  constexpr std::size_t count = 4;
  proviso::testing::table_model target{p};
  auto make = [&] {
    return proviso::speculative{target, drafter, rule, proviso::transforms::temperature{temperature},
                                proviso::lengths::fixed{length}};
  };
  return support::distance(support::law_of(make, prompt_of_two, count),
                           support::exact_law(p, prompt_of_two, count, static_cast<double>(temperature)));
}

/// What a proof over two rounds finds wrong: nothing.
template <class Rule, class Drafter>
std::string faults(const Rule& rule, const proviso::testing::row_table& p, const Drafter& drafter, std::size_t length,
                   float temperature = 1.0F) {
  proviso::testing::table_model target{p};
  proviso::testing::proof_options options;
  options.prompt = prompt_of_two;
  options.tokens = length + 2;
  const proviso::transforms::temperature shape{temperature};
  const proviso::testing::proof_report report = proviso::testing::prove_lossless(
      [&] {
        return proviso::speculative{target, drafter, rule, shape, proviso::lengths::fixed{length}};
      },
      proviso::testing::table_law(p, shape), options);
  return report.passed() ? "" : report.text();
}

}  // namespace rules_test
