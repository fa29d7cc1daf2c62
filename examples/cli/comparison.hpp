// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "commands.hpp"

namespace CLI {
class App;
}  // namespace CLI

namespace cli {

/// One kind of `proviso compare`, chosen by a flag: a file compare_NAME.cpp with a function that makes it, which is
/// declared below and listed in compare.cpp.
class comparison {
 public:
  comparison() = default;
  comparison(const comparison&) = delete;
  comparison& operator=(const comparison&) = delete;
  virtual ~comparison() = default;

  /// The flag, "--rules"; empty for the one that runs without a flag.
  virtual std::string flag() const = 0;
  /// One line for the user.
  virtual std::string summary() const = 0;
  /// Adds the flags that only this kind reads. They are refused without its own.
  virtual void add_flags(CLI::App&) {}
  /// Temperatures where the user names none.
  virtual std::vector<float> temperatures() const { return {0.0F, 0.7F, 1.0F}; }
  /// Languages where the user names none; empty = all.
  virtual std::vector<std::string> languages() const { return {}; }
  /// Returns the exit code of the program; throws for wrong input.
  virtual int run(const compare_options& options) = 0;
};

std::unique_ptr<comparison> methods_comparison();
std::unique_ptr<comparison> rules_comparison();
std::unique_ptr<comparison> ensemble_comparison();
std::unique_ptr<comparison> space_comparison();
std::unique_ptr<comparison> languages_comparison();
std::unique_ptr<comparison> diffusion_comparison();

/// Every kind; the first one needs no flag.
std::span<const std::unique_ptr<comparison>> comparisons();

}  // namespace cli
