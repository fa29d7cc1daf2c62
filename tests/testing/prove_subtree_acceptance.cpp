// SPDX-License-Identifier: Apache-2.0
#include <proviso/testing/prove_subtree_acceptance.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace {

using namespace proviso;
using probabilities = std::vector<double>;
using path = std::span<const token_id>;

double positive(double x) { return x > 0.0 ? x : 0.0; }

/// The laws of the tests: functions of the path.
probabilities p_after(path drafted) {
  if (drafted.empty()) return {0.2, 0.5, 0.3};
  return drafted.back() == 1 ? probabilities{0.6, 0.1, 0.3} : probabilities{0.3, 0.7, 0.0};
}
probabilities q_after(path drafted) {
  if (drafted.empty()) return {0.5, 0.25, 0.25};
  return drafted.back() == 1 ? probabilities{0.1, 0.6, 0.3} : probabilities{0.4, 0.3, 0.3};
}

/// Draws `widths[i]` children below every node of level i.
struct sampled {
  std::vector<std::size_t> widths;
  replacement mode = replacement::with;

  void operator()(draft& d, random_ref random) const {
    std::vector<node_id> level{draft::root()};
    std::vector<token_id> drafted;
    for (const std::size_t width : widths) {
      std::vector<node_id> below;
      for (const node_id at : level) {
        d.path(at, drafted);
        const probabilities q = q_after(drafted);
        const auto first = static_cast<node_id>(d.size());
        const std::size_t added =
            d.sample_siblings(at, law_view::dense(std::span<const double>{q}, 1.0), width, mode, random);
        for (std::size_t i = 0; i < added; ++i) below.push_back(first + static_cast<node_id>(i));
      }
      level = below;
    }
  }
};

/// Chains from the last token backwards, after Sun et al.; `fault` spoils the chance of an inner token.
class block {
 public:
  enum class fault { none, inner_is_value, uncapped };
  explicit block(fault f) : fault_{f} {}

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    std::vector<double> value{1.0};
    for (node_id v = 1; v < static_cast<node_id>(d.size()); ++v) {
      const double ratio = value.back() * p(v - 1)(d.token(v)) / d.q(v)(d.token(v));
      value.push_back(fault_ == fault::uncapped ? ratio : (std::min)(1.0, ratio));
    }
    path_.clear();
    node_id last = static_cast<node_id>(d.size()) - 1;
    for (; last > 0; --last) {
      const double a = value[static_cast<std::size_t>(last)];
      double chance = a;
      if (d.first_child(last) != prefix_node && fault_ != fault::inner_is_value) {
        double sum = 0.0;
        for (token_id x = 0; x < 3; ++x) sum += positive(a * p(last)(x) - d.q(last + 1)(x));
        chance = sum > 0.0 ? sum / (sum + 1.0 - a) : 0.0;
      }
      if (random.flip(chance, 1.0, purpose::acceptance, last)) break;
    }
    for (node_id v = 1; v <= last; ++v) path_.push_back(v);
    return {path_, 0, origin::corrected};
  }

 private:
  fault fault_;
  std::vector<node_id> path_;
};

/// Trees from the leaves, after Weng et al.; `forgets` leaves out that a refused sibling lowers the chance of its
/// parent.
class traversal {
 public:
  explicit traversal(bool forgets) : forgets_{forgets} {}

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    path_.clear();
    visit(d, p, random, draft::root(), 1.0);
    return {path_, 0, origin::corrected};
  }

 private:
  bool visit(const draft& d, const target_laws& p, random_ref random, node_id v, double a) {
    probabilities rest(3);
    probabilities q(3);
    for (token_id x = 0; x < 3; ++x) rest[static_cast<std::size_t>(x)] = p(v)(x);
    double chance = a;
    for (node_id c = d.first_child(v); c != prefix_node; c = d.next_sibling(c)) {
      if (c == d.first_child(v)) {
        for (token_id x = 0; x < 3; ++x) q[static_cast<std::size_t>(x)] = d.q(c)(x);
      }
      const auto token = static_cast<std::size_t>(d.token(c));
      if (visit(d, p, random, c, (std::min)(1.0, chance * rest[token] / q[token]))) return true;
      double sum = 0.0;
      for (std::size_t x = 0; x < 3; ++x) sum += rest[x] = positive(chance * rest[x] - q[x]);
      for (double& x : rest) x = sum > 0.0 ? x / sum : 0.0;
      chance = sum > 0.0 ? sum / (sum + 1.0 - chance) : 0.0;
      if (d.drawn(c) == replacement::without) {
        const double left = 1.0 - q[token];
        q[token] = 0.0;
        for (double& x : q) x /= left;
      }
    }
    if (v != draft::root() && !random.flip(forgets_ ? a : chance, 1.0, purpose::acceptance, v)) return false;
    for (node_id at = v; at != draft::root(); at = d.parent(at)) path_.insert(path_.begin(), at);
    return true;
  }

  bool forgets_;
  std::vector<node_id> path_;
};

testing::subtree_setup setup(std::vector<std::size_t> widths, replacement mode = replacement::with) {
  testing::subtree_setup s;
  s.build = sampled{std::move(widths), mode};
  s.target = p_after;
  return s;
}

TEST_CASE("prove_subtree_acceptance: block verification on chains") {
  for (const auto& widths : {std::vector<std::size_t>{1}, {1, 1}, {1, 1, 1}}) {
    testing::subtree_setup s = setup(widths);
    s.rule = block{block::fault::none};
    const testing::proof_report report = prove_subtree_acceptance(s);
    INFO(report.text());
    CHECK(report.passed());
    CHECK(report.find("subtree")->error < 1e-15);
    CHECK(report.outcomes > 3);
  }
}

TEST_CASE("prove_subtree_acceptance: on chains block and traversal accept alike, as many as the values say") {
  testing::subtree_setup s = setup({1, 1});
  s.rule = block{block::fault::none};
  const double by_block = prove_subtree_acceptance(s).first_accepted;
  s.rule = traversal{false};
  CHECK(std::abs(prove_subtree_acceptance(s).first_accepted - by_block) < 1e-15);
  double expected = 0.0;  // sum over prefixes of Q(prefix) times its value
  for (token_id x = 0; x < 3; ++x) {
    const probabilities p = p_after({});
    const probabilities q = q_after({});
    const auto i = static_cast<std::size_t>(x);
    const double value = (std::min)(1.0, p[i] / q[i]);
    expected += q[i] * value;
    const token_id drafted[] = {x};
    for (std::size_t y = 0; y < 3; ++y) {
      expected += q[i] * q_after(drafted)[y] * (std::min)(1.0, value * p_after(drafted)[y] / q_after(drafted)[y]);
    }
  }
  CHECK(std::abs(by_block - expected) < 1e-8);  // a draft records its laws in float
}

TEST_CASE("prove_subtree_acceptance: traversal on trees, with and without replacement") {
  for (const replacement mode : {replacement::with, replacement::without}) {
    for (const auto& widths : {std::vector<std::size_t>{2}, {3}, {2, 1}, {2, 2}}) {
      testing::subtree_setup s = setup(widths, mode);
      s.rule = traversal{false};
      const testing::proof_report report = prove_subtree_acceptance(s);
      INFO(report.text());
      CHECK(report.passed());
      CHECK(report.find("subtree")->error < 1e-15);
    }
  }
}

TEST_CASE("prove_subtree_acceptance: pushed siblings are points") {
  draft d;
  d.reset(0, 0, 4, 4);
  d.push(draft::root(), 0);
  d.push(draft::root(), 1);
  const probabilities p = p_after({});
  auto law_after = [&](node_id) { return law_view::dense(std::span<const double>{p}, 1.0); };
  const target_laws laws{law_after};
  CHECK(testing::traversal_value(d, draft::root(), laws) == 1.0);
  CHECK(std::abs(testing::traversal_value(d, 1, laws) - 0.2) < 1e-15);
  CHECK(std::abs(testing::traversal_value(d, 2, laws) - 0.5 / 0.8) < 1e-15);  // from p without the refused token
}

TEST_CASE("prove_subtree_acceptance: wrong rules fail") {
  testing::subtree_setup s = setup({1, 1});
  s.rule = block{block::fault::inner_is_value};
  CHECK(prove_subtree_acceptance(s).failures() == "subtree");
  s.rule = block{block::fault::uncapped};
  CHECK(prove_subtree_acceptance(s).failures() == "subtree");
  s = setup({2, 2}, replacement::without);
  s.rule = traversal{true};
  const testing::proof_report report = prove_subtree_acceptance(s);
  CHECK(report.failures() == "subtree");
  CHECK(report.find("subtree")->detail.find("is entered with probability") != std::string::npos);
  CHECK(report.text().find("FAIL  subtree") != std::string::npos);
}

TEST_CASE("prove_subtree_acceptance: exceptions, and drafts without nodes") {
  testing::subtree_setup s = setup({1});
  s.rule = [](const draft& d, const target_laws& p, random_ref random) -> outcome {
    random.pick(p(0), purpose::residual, 1);
    random.pick(p(1), purpose::residual, 1);
    return {{}, d.token(0), origin::corrected};
  };
  const testing::proof_report report = prove_subtree_acceptance(s);
  CHECK(report.failures() == "exception");
  CHECK(report.find("exception")->detail.find("residual, root 0, node 1") != std::string::npos);
  s = setup({});
  s.rule = block{block::fault::none};
  CHECK(prove_subtree_acceptance(s).failures() == "subtree");
}

}  // namespace
