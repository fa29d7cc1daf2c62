// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "output.hpp"
#include "terminal.hpp"

namespace cli {

/// Where the models are: files given by the user, else those of the bundled zoo.
struct model_files {
  std::string zoo;  ///< folder; empty = found
  std::string base;
  std::string draft;
  std::string vocabulary;
  std::size_t threads = 2;
  std::string kernels{};  ///< an instruction set; empty = the strongest of this machine
};

/// Options that decoding commands share.
struct decode_options {
  model_files files;
  std::size_t max_tokens = 0;
  std::optional<std::size_t> draft_length;
  std::string lengths{};      ///< "fixed", "heuristic" or "cost_model"; empty = the method's own
  std::vector<double> costs;  ///< of drafting and of verifying a token; empty = measured
  std::uint64_t seed = 1;
  std::string json;              ///< file of figures; empty = none
  std::string colours = "auto";  ///< or "always", "never"; auto asks the terminal and the environment

  /// Where text and tables go: the standard output, but the standard error where the figures go to the former.
  terminal output() const {
    const bool taken = !json.empty() && destination::of(json).standard_output();
    terminal t = terminal::of(taken ? stderr : stdout);
    if (colours != "auto") t.colours = colours == "always";
    return t;
  }
};

/// Options that all kinds of comparison share.
struct compare_options : decode_options {
  std::vector<float> temperatures;
  std::vector<std::string> languages;  ///< empty = all that have prompts
  std::size_t prompts = 0;             ///< per language; 0 = as many as fit into `budget`
  double budget = 40.0;                ///< seconds of measuring
  std::size_t repeats = 1;
  std::size_t shown = 2;  ///< prompts whose text is shown
  bool mixed = false;     ///< prompts that switch language instead
};

/// A text that the user gives.
struct text_source {
  std::optional<std::string> typed;   ///< as an argument; "-" is the standard input
  std::optional<std::string> option;  ///< as the value of an option
  std::optional<std::string> file;    ///< "-" is the standard input
};

struct generate_options : decode_options {
  std::string method = "draft-token";
  text_source prompt;
  std::string language = "en";
  float temperature = 0.7F;
  std::optional<std::size_t> top_k;
  std::optional<double> top_p;
  std::optional<double> min_p;
};

struct infill_options : decode_options {
  text_source text;                         ///< with gaps, written [[8]]
  std::string model = "diffusion-student";  ///< a denoiser, by its name or its file
  std::string language = "en";
  float temperature = 0.7F;
  std::size_t steps = 16;
  std::size_t pause = 120;  ///< milliseconds per step of the animation
};

/// The commands of the program. They return its exit code and throw for wrong input.
int generate(const generate_options& options);
int infill(const infill_options& options);
int list_models(const model_files& files);

}  // namespace cli
