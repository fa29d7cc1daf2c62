// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace proviso {
inline namespace v0 {
namespace testing {

/// A place where a law was compared: what stood before, how probable that is, and both laws of what comes next.
struct proof_context {
  std::string where;
  double probability = 0.0;
  std::vector<double> expected;
  std::vector<double> got;
};

/// One check of a proof and how it ended.
struct proof_check {
  std::string name;
  bool passed = true;
  bool skipped = false;
  double error = 0.0;     ///< largest error found
  std::string detail{};   ///< what was checked, or why it failed or was skipped
  proof_context worst{};  ///< where the error is largest; `where` is empty when the check compares no laws
};

/// What a proof found.
struct proof_report {
  std::vector<proof_check> checks;
  std::size_t outcomes = 0;       ///< random outcomes that were walked
  double probability = 0.0;       ///< their total probability
  double first_accepted = 0.0;    ///< expected accepted tokens of the first round
  double accepted = 0.0;          ///< expected accepted tokens of the whole text
  double tokens_per_round = 0.0;  ///< expected tokens of the text / expected rounds
  std::size_t most_rounds = 0;    ///< rounds of the longest outcome

  /// Nothing failed.
  bool passed() const noexcept {
    for (const proof_check& c : checks) {
      if (!c.passed) return false;
    }
    return true;
  }
  /// The check of that name, or null.
  const proof_check* find(std::string_view name) const noexcept {
    for (const proof_check& c : checks) {
      if (c.name == name) return &c;
    }
    return nullptr;
  }
  /// Whether the check of that name is there and failed.
  bool failed(std::string_view name) const noexcept {
    const proof_check* c = find(name);
    return c != nullptr && !c->passed;
  }
  /// Names of the checks that failed: "output, conditional"; empty when the proof passed.
  std::string failures() const {
    std::string names;
    for (const proof_check& c : checks) {
      if (!c.passed) names += (names.empty() ? "" : ", ") + c.name;
    }
    return names;
  }
  /// Adds a check that passes when `failure` is empty; `about` says what was checked.
  proof_check& add(const char* name, const char* about, std::string failure, double error = 0.0) {
    proof_check c;
    c.name = name;
    c.passed = failure.empty();
    c.error = error;
    c.detail = c.passed ? about : std::move(failure);
    checks.push_back(std::move(c));
    return checks.back();
  }
  /// Adds a check that was not made.
  void skip(const char* name, const char* why) { add(name, why, {}).skipped = true; }
  /// A line per check, below a failed one the worst context with both laws, then the figures.
  std::string text() const;
};

namespace detail {

inline std::string number(const char* form, double x) {
  char digits[40];
  std::snprintf(digits, sizeof digits, form, x);
  return digits;
}

}  // namespace detail

inline std::string proof_report::text() const {
  using detail::number;
  std::string out;
  for (const proof_check& c : checks) {
    out += c.passed ? c.skipped ? "skip  " : "pass  " : "FAIL  ";
    out += c.name + std::string(c.name.size() < 13 ? 13 - c.name.size() : 1, ' ') + c.detail;
    if (c.error > 0.0) out += "; error " + number("%.1e", c.error);
    out += '\n';
    if (c.passed || c.worst.where.empty()) continue;
    out += "      worst after " + c.worst.where + ", reached with probability " + number("%.6f", c.worst.probability) +
           "\n        next    target       got\n";
    for (std::size_t x = 0; x < c.worst.got.size(); ++x) {
      const double expected = x < c.worst.expected.size() ? c.worst.expected[x] : 0.0;
      out += "      " + number("%6.0f", static_cast<double>(x)) + number("  %8.6f", expected) +
             number("  %8.6f", c.worst.got[x]) + '\n';
    }
  }
  out += std::to_string(outcomes) + " outcomes; accepted tokens: " + number("%.6f", first_accepted) +
         " in the first round, " + number("%.6f", accepted) + " in all; " + number("%.6f", tokens_per_round) +
         " tokens per round\n";
  return out;
}

}  // namespace testing
}  // namespace v0
}  // namespace proviso
