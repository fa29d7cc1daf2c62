// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// How `check_model` looks at a model.
struct check_options {
  /// Two logits agree when they differ by at most `tolerance * max(1, |a|, |b|)`; 0 asks for equal bits' worth.
  double tolerance = 0.0;
  /// Tokens of the text that most checks feed.
  std::size_t text_size = 24;
  /// Rewinds go back at most this many tokens and one, or to the start.
  std::size_t longest_draft = 8;
  /// A session with a larger capacity is not filled.
  std::size_t largest_capacity = 4096;
  /// Tokens that the texts are drawn from; empty: the whole vocabulary.
  std::vector<token_id> tokens{};
  std::uint64_t seed = 0;
};

/// One check and how it ended.
struct check_result {
  std::string name;
  bool passed = true;
  bool skipped = false;  ///< the model does not offer what the check is about
  std::string detail;    ///< why it failed or was skipped
  bool differs = false;  ///< the fields below name the first difference between two logits
  std::size_t row = 0;
  std::size_t column = 0;
  float expected = 0.0F;
  float got = 0.0F;
};

/// What `check_model` found.
struct check_report {
  std::vector<check_result> checks;

  /// Nothing failed.
  bool passed() const noexcept {
    for (const check_result& c : checks) {
      if (!c.passed) return false;
    }
    return true;
  }
  /// The check of that name, or null.
  const check_result* find(std::string_view name) const noexcept {
    for (const check_result& c : checks) {
      if (c.name == name) return &c;
    }
    return nullptr;
  }
  /// One line per check.
  std::string text() const {
    std::string lines;
    for (const check_result& c : checks) {
      lines += c.passed ? (c.skipped ? "skip  " : "pass  ") : "FAIL  ";
      lines += c.name;
      if (!c.detail.empty()) lines += ": " + c.detail;
      lines += '\n';
    }
    return lines;
  }
};

}  // namespace testing
}  // namespace v0
}  // namespace proviso
