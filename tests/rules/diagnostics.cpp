// SPDX-License-Identifier: Apache-2.0
#include <proviso/rules/diagnostics.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <proviso/core/law_math.hpp>
#include <proviso/rules/block.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/testing/enumerator.hpp>

#include "support/catch.hpp"
#include "support/verifying.hpp"

namespace {

using namespace proviso;
using support::law_of_weights;
using support::path_law;
using support::weights;

/// Largest flow from node 0 to the last node; shortest paths first.
double maximum_flow(std::vector<std::vector<double>> capacity) {
  const std::size_t n = capacity.size();
  double flow = 0.0;
  for (;;) {
    std::vector<std::size_t> from(n, n);
    std::vector<std::size_t> queue{0};
    from[0] = 0;
    for (std::size_t i = 0; i < queue.size() && from[n - 1] == n; ++i) {
      for (std::size_t to = 0; to < n; ++to) {
        if (from[to] != n || !(capacity[queue[i]][to] > 1e-15)) continue;
        from[to] = queue[i];
        queue.push_back(to);
      }
    }
    if (from[n - 1] == n) return flow;
    double room = std::numeric_limits<double>::infinity();
    for (std::size_t at = n - 1; at != 0; at = from[at]) room = (std::min)(room, capacity[from[at]][at]);
    for (std::size_t at = n - 1; at != 0; at = from[at]) {
      capacity[from[at]][at] -= room;
      capacity[at][from[at]] += room;
    }
    flow += room;
  }
}

/// The most that a joint law of k independent drafts from q and a token from p can have in "the token is a draft".
double transport(const law_view& p, const law_view& q, std::size_t k) {
  const std::size_t vocab = p.size();
  std::size_t tuples = 1;
  for (std::size_t i = 0; i < k; ++i) tuples *= vocab;
  std::vector<std::vector<double>> capacity(tuples + vocab + 2, std::vector<double>(tuples + vocab + 2, 0.0));
  for (std::size_t t = 0; t < tuples; ++t) {
    double drawn = 1.0;
    std::size_t rest = t;
    for (std::size_t i = 0; i < k; ++i, rest /= vocab) {
      drawn *= q(static_cast<token_id>(rest % vocab));
      capacity[1 + t][1 + tuples + rest % vocab] = 1.0;
    }
    capacity[0][1 + t] = drawn;
  }
  for (std::size_t x = 0; x < vocab; ++x) capacity[1 + tuples + x].back() = p(static_cast<token_id>(x));
  return maximum_flow(capacity);
}

/// Acceptance of K-SEQ with its best discount, by bisection.
double k_seq_acceptance(const law_view& p, const law_view& q, std::size_t k) {
  const auto stands = [&](double rho) {
    double b = 0.0;
    for (std::size_t i = 0; i < q.size(); ++i) {
      b += (std::min)(q.weight(i) / q.total(), p(q.token(i)) / rho);
    }
    return b;
  };
  double low = 1.0;
  double high = static_cast<double>(k);
  for (int i = 0; i < 100; ++i) {
    const double rho = (low + high) / 2.0;
    const double b = stands(rho);
    (1.0 - std::pow(1.0 - b, static_cast<double>(k)) <= rho * b ? high : low) = rho;
  }
  return 1.0 - std::pow(1.0 - stands(high), static_cast<double>(k));
}

TEST_CASE("diagnostics: the order of p / q is ascending, lowest index first, without what q cannot draw") {
  const weights p{4.0, 1.0, 2.0, 0.0, 2.0, 3.0};
  const weights q{2.0, 1.0, 1.0, 1.0, 1.0, 0.0};
  rules::ratio_order order;
  std::vector<std::size_t> found;
  for (const rules::ratio_order::entry& e : order(law_of_weights(p), law_of_weights(q))) found.push_back(e.index);
  CHECK(found == std::vector<std::size_t>{3, 1, 0, 2, 4});
  const std::size_t size = 1000;
  weights a(size);
  weights b(size);
  for (std::size_t i = 0; i < size; ++i) {
    a[i] = static_cast<double>(i * 7919 % 101);
    b[i] = static_cast<double>(1 + i * 104729 % 97);
  }
  const auto sorted = order(law_of_weights(a), law_of_weights(b));
  REQUIRE(sorted.size() == size);
  std::vector<bool> seen(size, false);
  bool ascends = true;
  for (std::size_t i = 0; i < size; ++i) {
    seen[sorted[i].index] = true;
    ascends = ascends && (i == 0 || sorted[i - 1].before(sorted[i]));
  }
  CHECK(ascends);
  CHECK(std::count(seen.begin(), seen.end(), true) == static_cast<std::ptrdiff_t>(size));
}

TEST_CASE("diagnostics: optimal acceptance is the largest flow from tuples of drafts to tokens") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1, 13)));
  const auto k = static_cast<std::size_t>(GENERATE(1, 2, 3));
  const weights p = support::random_laws(seed, 4)({});
  const weights q = support::random_laws(seed + 100, 4)({});
  const double best = rules::optimal_acceptance(law_of_weights(p), law_of_weights(q), k);
  CHECK(std::abs(best - transport(law_of_weights(p), law_of_weights(q), k)) < 1e-12);
  if (k == 1) CHECK(std::abs(best - numeric::overlap(law_of_weights(p), law_of_weights(q))) < 1e-14);
  const double found = k_seq_acceptance(law_of_weights(p), law_of_weights(q), k);
  const double share = 1.0 - std::pow(1.0 - 1.0 / static_cast<double>(k), static_cast<double>(k));
  CHECK(found < best + 1e-12);
  CHECK(found > share * best - 1e-12);
}

TEST_CASE("diagnostics: optimal acceptance at the edges, for sparse and point laws") {
  const weights p{1.0, 2.0, 1.0};
  const weights few{1.0, 1.0};
  const std::vector<token_id> ids{0, 2};
  const weights dense{1.0, 0.0, 1.0};
  const law_view sparse = law_view::sparse(ids, few, 2.0);
  CHECK(rules::optimal_acceptance(law_of_weights(p), law_of_weights(p), 1) == 1.0);
  CHECK(rules::optimal_acceptance(law_of_weights(p), law_of_weights(p), 0) == 0.0);
  CHECK(rules::optimal_acceptance(law_of_weights(p), law_view::point(1), 3) == 0.5);
  CHECK(rules::optimal_acceptance(law_view::point(1), law_of_weights(p), 2) == 0.75);
  CHECK(rules::optimal_acceptance(law_view::point(1), sparse, 5) == 0.0);
  for (std::size_t k = 1; k < 4; ++k) {
    CHECK(rules::optimal_acceptance(law_of_weights(p), sparse, k) ==
          rules::optimal_acceptance(law_of_weights(p), law_of_weights(dense), k));
  }
}

TEST_CASE("diagnostics: coupled acceptance is the probability that two races on one noise agree") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1, 9)));
  const weights p = support::random_laws(seed)({});
  const weights q = support::random_laws(seed + 100)({});
  double agree = 0.0;
  testing::enumerator all;
  all.run([&] {
    const draw_key key{purpose::race, 0, 0, 0};
    if (all.race(law_of_weights(q), key) == all.race(law_of_weights(p), key)) agree += all.probability();
  });
  const double found = rules::coupled_acceptance(law_of_weights(p), law_of_weights(q));
  CHECK(std::abs(found - agree) < 1e-9);
  const double overlap = numeric::overlap(law_of_weights(p), law_of_weights(q));
  CHECK(found <= overlap + 1e-12);
  CHECK(found >= overlap / (2.0 - overlap) - 1e-12);
}

TEST_CASE("diagnostics: coupled acceptance by its formula") {
  const weights p = support::random_laws(3, 50)({});
  const weights q = support::random_laws(4, 50)({});
  const law_view a = law_of_weights(p);
  const law_view b = law_of_weights(q);
  double sum = 0.0;
  for (token_id x = 0; x < 50; ++x) {
    if (!(a(x) > 0.0) || !(b(x) > 0.0)) continue;
    double worst = 0.0;
    for (token_id y = 0; y < 50; ++y) worst += (std::max)(a(y) / a(x), b(y) / b(x));
    sum += 1.0 / worst;
  }
  CHECK(std::abs(rules::coupled_acceptance(a, b) - sum) < 1e-12);
  CHECK(std::abs(rules::coupled_acceptance(b, a) - sum) < 1e-12);
  CHECK(std::abs(rules::coupled_acceptance(a, a) - 1.0) < 1e-12);
  CHECK(rules::coupled_acceptance(law_view::point(1), law_view::point(2)) == 0.0);
}

/// Expected accepted tokens of a rule on chains whose laws depend on the depth alone.
template <class Rule>
double enumerated(Rule rule, const std::vector<weights>& p, const std::vector<weights>& q) {
  const auto by_depth = [](const std::vector<weights>& rows) -> path_law {
    return [rows](support::path path) { return rows[(std::min)(path.size(), rows.size() - 1)]; };
  };
  return support::expected_length(support::law_of_round(
      rule, by_depth(p), [&](draft& d, random_ref random) { support::draw_chain(d, q.size(), by_depth(q), random); }));
}

std::vector<law_view> laws_of(const std::vector<weights>& rows) {
  std::vector<law_view> laws;
  for (const weights& w : rows) laws.push_back(law_of_weights(w));
  return laws;
}

TEST_CASE("diagnostics: expected length of token verification") {
  CHECK(rules::expected_token_length(0.5, 3) == 0.875);
  CHECK(rules::expected_token_length(1.0, 4) == 4.0);
  CHECK(rules::expected_token_length(0.0, 4) == 0.0);
  CHECK(rules::expected_token_length(0.5, 0) == 0.0);
  const std::vector<weights> p(2, weights{1.0, 2.0});
  const std::vector<weights> q(2, weights{2.0, 1.0});
  CHECK(std::abs(rules::expected_token_length(2.0 / 3.0, 2) - 10.0 / 9.0) < 1e-14);
  CHECK(std::abs(enumerated(rules::token{}, p, q) - 10.0 / 9.0) < 1e-14);
}

TEST_CASE("diagnostics: expected length of block verification") {
  const std::vector<weights> p(2, weights{1.0, 2.0});
  const std::vector<weights> q(2, weights{2.0, 1.0});
  CHECK(std::abs(rules::expected_block_length(laws_of(p), laws_of(q)) - 11.0 / 9.0) < 1e-14);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    std::vector<weights> a;
    std::vector<weights> b;
    for (std::uint64_t i = 0; i < 3; ++i) {
      a.push_back(support::random_laws(seed * 10 + i)({}));
      b.push_back(support::random_laws(seed * 10 + i + 500)({}));
    }
    const double exact = enumerated(rules::block{}, a, b);
    const double fine = rules::expected_block_length(laws_of(a), laws_of(b), 4096);
    const double coarse = rules::expected_block_length(laws_of(a), laws_of(b), 64);
    CHECK(fine < exact + 1e-12);
    CHECK(fine > exact - 9.0 / (8.0 * 4096.0));
    CHECK(coarse < fine + 1e-12);
    CHECK(coarse > exact - 9.0 / (8.0 * 64.0));
  }
  CHECK(rules::expected_block_length({}, {}) == 0.0);
}

TEST_CASE("diagnostics: a missing law or no points are refused with a sentence") {
  const std::vector<weights> p(2, weights{1.0, 2.0});
  const std::vector<weights> q(1, weights{2.0, 1.0});
  REQUIRE_THROWS_AS(rules::expected_block_length(laws_of(p), laws_of(q)), std::invalid_argument);
  REQUIRE_THROWS_AS(rules::expected_block_length(laws_of(p), laws_of(p), 0), std::invalid_argument);
}

}  // namespace
