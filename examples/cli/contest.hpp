// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <proviso/drive/decoder.hpp>

#include "commands.hpp"
#include "methods.hpp"
#include "output.hpp"
#include "prompts.hpp"
#include "results.hpp"
#include "stream.hpp"
#include "table.hpp"
#include "terminal.hpp"
#include "tokenizer.hpp"

namespace cli {

/// A way to decode that takes part in a comparison.
struct contestant {
  std::string name;
  std::string like;  ///< the contestant of its group whose text or law it has; its own name where it has none
  promise keeps = promise::same_law;
  bool greedy = false;  ///< takes part at temperature 0 only
  std::function<proviso::decoder(float temperature, std::uint64_t seed)> make;
  /// Adds fields to those that every result has in the file of figures; called when all is measured.
  std::function<void(const result&, nlohmann::ordered_json&)> fields{};
};

/// Contestants that are compared with the first of them.
struct group {
  std::vector<contestant> contestants;
  std::string title{};   ///< one line above the tables; may be empty
  std::string prefix{};  ///< of all names; left out in the tables
  std::vector<column> columns = standard_columns();
};

/// Decodes the bundled prompts with groups of contestants: in view of the user, then measured in turns. Prints tables
/// and writes the file of figures.
class contest {
 public:
  /// Opens the file of figures and reads the prompts, so that wrong input is known before models are loaded.
  /// Errors: `std::runtime_error`, `std::invalid_argument`.
  explicit contest(const compare_options& options);

  /// Returns the exit code of the program: 1 when a contestant broke its promise, that of `interrupt` after Ctrl-C;
  /// what was measured before is printed and written. `capacity`: tokens that a sequence can hold.
  int run(const tokenizer& words, std::size_t capacity, const std::vector<group>& groups);
  /// What was measured, by group.
  const std::vector<std::vector<result>>& results() const noexcept { return results_; }

 private:
  struct runner;

  void show(const tokenizer& words, const group& g) const;
  void measure(const std::vector<group>& groups);
  /// Leaves out what Ctrl-C interrupts.
  void measure(const group& g, std::size_t index, float temperature, std::vector<result>& to) const;
  result outcome(const runner& r, const runner& like, std::size_t index, float temperature) const;
  void print(const std::vector<group>& groups) const;
  void write(const std::vector<group>& groups);
  std::optional<std::string> broken(const std::vector<group>& groups) const;
  void say(const std::vector<styled_run>& runs) const { print_paragraph(out_, runs); }

  const compare_options& options_;
  std::optional<output_file> json_;
  terminal out_;
  proviso::limits limits_;
  std::vector<prompt> prompts_;
  std::vector<std::vector<proviso::token_id>> tokens_;  // of each prompt
  std::vector<std::vector<result>> results_;            // of each group
};

/// Runs a contest of named methods; `plain` always takes part.
int compare_methods(const compare_options& options, const std::vector<std::string>& names);

}  // namespace cli
