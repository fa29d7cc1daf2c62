// SPDX-License-Identifier: Apache-2.0
// The lossy rules, claimed to be lossless: the proofs refute the claim, and confirm it at the settings where it holds.
#include <limits>
#include <vector>

#include <proviso/rules/lenience.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/neighbours.hpp>
#include <proviso/rules/static_ensemble.hpp>
#include <proviso/rules/thresholds.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/rules/top_n.hpp>
#include <proviso/rules/typical.hpp>

#include "mutants/jury.hpp"
#include "support/catch.hpp"

namespace {

using namespace mutants;

TEST_CASE("lossy mutants") {
  const std::vector<token_id> ring{1, 2, 2, 0, 0, 1};
  judge({"lossy rules on chains",
         {"rules::token", [] { return rules::token{}; }},
         {{"lenience 1", [] { return rules::lenience{1.0}; }},
          {"static ensemble 1", [] { return rules::static_ensemble{1.0}; }},
          {"neighbours, delta 0",
           [=] {
             return rules::neighbours{ring, 2, 0.0};
           }}},
         {{"lenience 0.5", [] { return rules::lenience{0.5}; }},
          {"lenience 0.99", [] { return rules::lenience{0.99}; }},
          {"static ensemble 0.5", [] { return rules::static_ensemble{0.5}; }},
          {"neighbours, delta 0.5",
           [=] {
             return rules::neighbours{ring, 2, 0.5};
           }}},
         chain_of_two(4)});
  judge({"lossy rules on trees",
         {"rules::match", [] { return rules::match{}; }},
         {{"thresholds 1, 1",
           [] {
             return rules::thresholds{1.0, 1.0};
           }}},
         {{"thresholds 0.4, 1",
           [] {
             return rules::thresholds{0.4, 1.0};
           }},
          {"thresholds 1, 0.8",
           [] {
             return rules::thresholds{1.0, 0.8};
           }},
          {"typical", [] { return rules::typical{}; }},
          {"top 2", [] { return rules::top_n{2}; }}},
         {{{"chain of 2, pushed", {1, 1}, growth::pushed}, 4}, {{"tree 2 1, pushed", {2, 1}, growth::pushed}, 4}}});
  judge({"lossy rules that keep nothing",
         {"top 0", [] { return rules::top_n{0}; }},
         {{"typical, nothing is",
           [] {
             return rules::typical{1.0, std::numeric_limits<double>::infinity()};
           }}},
         {},
         chain_of_two(4)});
}

}  // namespace
