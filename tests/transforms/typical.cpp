// SPDX-License-Identifier: Apache-2.0
#include <proviso/transforms/typical.hpp>

#include <algorithm>

#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/temperature.hpp>
#include <proviso/transforms/top_k.hpp>

#include "rows.hpp"
#include "support/catch.hpp"

namespace {

using proviso::transforms::chain;
using proviso::transforms::temperature;
using proviso::transforms::top_k;
using proviso::transforms::typical;
using namespace rows;

/// As in the paper, with logarithms and in double. `close` says whether a law is this one, up to tokens whose
/// distances differ by less than the rounding of the logits.
bool close(const std::vector<double>& law, const std::vector<float>& row, double p, double t) {
  const std::vector<double> all = softmax(row, t);
  double entropy = 0.0;
  for (const double x : all) entropy -= x > 0.0 ? x * std::log(x) : 0.0;
  std::vector<double> distance(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) distance[i] = std::abs(-std::log(all[i]) - entropy);
  std::vector<std::size_t> order(row.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return distance[a] < distance[b]; });
  double mass = 0.0;
  std::size_t count = 0;
  while (count < row.size() && mass < p) mass += all[order[count++]];
  const double border = distance[order[count - 1]];
  double kept = 0.0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool in = law[i] > 0.0;
    kept += in ? all[i] : 0.0;
    const bool apart = std::abs(distance[i] - border) > 2e-5 * (1.0 + border);
    if (all[i] > 1e-30 && apart && in != (distance[i] < border)) return false;
  }
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (law[i] > 0.0 && std::abs(law[i] - all[i] / kept) > 3e-5 * law[i]) return false;
  }
  return kept > p - 1e-5 && kept < mass + 1e-4 + 2.0 * all[order[count - 1]];
}

TEST_CASE("typical: equals ordering by distance from the entropy") {
  for (const double p : {0.05, 0.2, 0.5, 0.9, 0.99}) {
    for (const float t : {0.7F, 1.0F}) {
      each([&](const std::vector<float>& row) {
        if (numeric::maximum(row).value > 50.0F) return;  // probabilities underflow: no logarithms to compare with
        CHECK(close(law_of(chain{temperature{t}, typical{p}}, row), row, p, static_cast<double>(t)));
      });
    }
  }
}

TEST_CASE("typical: a hand-computed law, in which the most probable token is dropped") {
  // p = 0.4 and six times 0.1; entropy 1.748; distances 0.832 and 0.555
  std::vector<float> row(7, std::log(0.1F));
  row[2] = std::log(0.4F);
  const auto law = law_of(typical{0.3}, row);
  CHECK(law[2] == 0.0);
  CHECK(same(law, {1.0 / 3, 1.0 / 3, 0.0, 1.0 / 3, 0.0, 0.0, 0.0}, 1e-5));
}

TEST_CASE("typical: what follows sees the tokens that are left") {
  std::vector<float> row(7, std::log(0.1F));
  row[2] = std::log(0.4F);
  CHECK(law_of(chain{typical{0.55}, top_k{1}}, row) == std::vector<double>{1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0});
  CHECK(law_of(chain{typical{0.55}, temperature{0.0F}}, row) == std::vector<double>{1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0});
  CHECK(law_of(chain{temperature{0.0F}, typical{0.55}}, row)[2] == 1.0);
}

TEST_CASE("typical: one token, all tokens") {
  const std::vector<float> row{never, 2.0F, never};
  CHECK(law_of(typical{0.2}, row)[1] == 1.0);
  each([](const std::vector<float>& r) { CHECK(same(law_of(typical{1.0}, r), law_of(temperature{}, r))); });
}

TEST_CASE("typical: bad configurations and rows are refused") {
  for (const double p : {0.0, -0.5, 1.0001, std::nan("")}) CHECK_THROWS_AS(typical{p}, std::invalid_argument);
  CHECK(refuses_faults(typical{0.9}));
}

TEST_CASE("typical: drafted and plain decoding share every law") { CHECK(same_when_drafted(typical{0.8})); }

}  // namespace
