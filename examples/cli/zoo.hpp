// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <proviso/backends/eigen/transformer.hpp>

#include "commands.hpp"
#include "methods.hpp"
#include "prompts.hpp"
#include "stream.hpp"
#include "terminal.hpp"
#include "tokenizer.hpp"
#include "wording.hpp"

namespace cli {

/// The folder of the bundled models: the one that was named, the one of the build, or one beside the program.
/// Throws `std::runtime_error` when there is none.
inline std::filesystem::path find_zoo(const model_files& files) {
  namespace fs = std::filesystem;
  if (!files.zoo.empty()) {
    if (fs::is_directory(files.zoo)) return files.zoo;
    throw std::runtime_error(fmt::format("there is no folder {}", files.zoo));
  }
  std::error_code none;
  const fs::path program = fs::read_symlink("/proc/self/exe", none).parent_path();
  std::vector<fs::path> places{program / "../share/proviso/zoo", program / "zoo"};
#ifdef PROVISO_ZOO_DIR
  places.insert(places.begin(), PROVISO_ZOO_DIR);
#endif
  for (const fs::path& place : places) {
    if (fs::is_regular_file(place / "base.safetensors", none)) return place.lexically_normal();
  }
  throw std::runtime_error("the bundled models were not found; name their folder with --zoo");
}

inline std::string zoo_file(const model_files& files, const std::string& given, const char* name) {
  return given.empty() ? (find_zoo(files) / name).string() : given;
}

/// Where a model is: a file, and the member of it where it is a shared one.
struct model_place {
  std::string file;
  std::string member{};
};

/// The place of a bundled model by its name ("peer", "drafters:de"), or of a file ("my.safetensors",
/// "my.safetensors:de"). Errors: `std::runtime_error` when there is no such file.
inline model_place find_model(const model_files& files, const std::string& name) {
  std::error_code none;
  model_place place{name};
  const std::size_t colon = name.rfind(':');
  if (colon != std::string::npos && !std::filesystem::is_regular_file(name, none)) {
    place = {name.substr(0, colon), name.substr(colon + 1)};
  }
  if (place.file.find_first_of("./") == std::string::npos) {  // the name of a bundled one, before that of a file
    const std::filesystem::path zoo = find_zoo(files);
    std::vector<std::string> bundled;
    for (const auto& entry : std::filesystem::directory_iterator{zoo}) {
      if (entry.path().extension() == ".safetensors") bundled.push_back(entry.path().stem().string());
    }
    if (std::find(bundled.begin(), bundled.end(), place.file) != bundled.end()) {
      place.file = (zoo / (place.file + ".safetensors")).string();
    } else if (!std::filesystem::is_regular_file(place.file, none)) {
      throw std::runtime_error(fmt::format("there is no model file {}{}", place.file, suggestion(place.file, bundled)));
    }
  }
  if (!std::filesystem::exists(place.file, none)) {
    throw std::runtime_error(fmt::format("there is no model file {}", place.file));
  }
  return place;
}

/// Throws `std::invalid_argument` unless a model has the tokens of the vocabulary.
inline void check_vocabulary(const std::string& file, std::size_t tokens, const tokenizer& words) {
  if (tokens == words.size()) return;
  throw std::invalid_argument(fmt::format("{} has {} tokens, but the vocabulary has {}", file, tokens, words.size()));
}

/// How a model of that place runs. Errors: `std::invalid_argument` for kernels that there are not.
inline proviso::eigen::transformer_options running(const model_files& files, const model_place& place) {
  proviso::eigen::transformer_options how{.threads = files.threads, .member = place.member};
  if (!files.kernels.empty()) how.kernels = proviso::eigen::instruction_set_named(files.kernels);
  return how;
}

/// Loads a model that `find_model` finds; the options may name another one for "base" and "draft".
/// Errors: `std::runtime_error` naming a file that is missing or malformed; `std::invalid_argument` when it has
/// another vocabulary.
inline model load_model(const model_files& files, const tokenizer& words, const std::string& name) {
  const std::string given = name == "base" ? files.base : name == "draft" ? files.draft : "";
  const model_place place = find_model(files, given.empty() ? name : given);
  model m{place.file, running(files, place)};
  check_vocabulary(place.file, m.vocab_size(), words);
  return m;
}

/// The vocabulary, the model that decodes and, where it is needed, the one that drafts. Errors: those of `load_model`.
class models {
 public:
  models(const model_files& files, bool with_draft)
      : words_{zoo_file(files, files.vocabulary, "tokenizer.model")}, base_{load_model(files, words_, "base")} {
    if (with_draft) draft_ = std::make_unique<model>(load_model(files, words_, "draft"));
  }

  const tokenizer& words() const noexcept { return words_; }
  model& base() noexcept { return base_; }
  model* draft() noexcept { return draft_.get(); }
  /// Tokens that one sequence can hold.
  std::size_t capacity() { return base_.open().capacity(); }

 private:
  tokenizer words_;
  model base_;
  std::unique_ptr<model> draft_;
};

/// What drafting costs, where a method minds it: as the options say, else measured. Says so where drafts of a model
/// cannot pay.
inline costs costs_of(const std::vector<double>& given, std::string_view lengths, std::span<const method* const> used,
                      models& loaded) {
  const auto minds = [&](const method* m) { return minds_costs(*m, lengths); };
  if (std::none_of(used.begin(), used.end(), minds)) return {};
  const costs c = given.empty() ? measured_costs(loaded.base(), loaded.draft()) : costs{given.front(), given.back()};
  if (std::any_of(used.begin(), used.end(), [&](const method* m) { return decodes_plainly(*m, lengths, c); })) {
    print_line(terminal::of(stderr),
               fmt::format("[drafting a token costs {:.2f} of an evaluation, verifying it {:.2f}: drafts of a model "
                           "cannot pay, so their methods decode plainly; see --costs and --lengths]",
                           c.draft, c.verify));
  }
  return c;
}

/// The tag of a language as tokens. Throws `std::invalid_argument` for one that the vocabulary has no tag for.
inline std::vector<proviso::token_id> language_tag(const tokenizer& words, const std::string& language) {
  const std::vector<std::string> known = words.languages();
  if (std::find(known.begin(), known.end(), language) == known.end()) {
    throw std::invalid_argument(
        fmt::format("there is no language '{}'; choose from {}", language, fmt::join(known, ", ")));
  }
  return words.encode(tokenizer::tag(language));
}

/// A prompt as tokens: the tag of its language, then the text. Errors: those of `language_tag`; `std::invalid_argument`
/// where a model of this capacity cannot hold the prompt and one token more.
inline std::vector<proviso::token_id> encode_prompt(const tokenizer& words, std::size_t capacity,
                                                    const std::string& language, const std::string& text) {
  std::vector<proviso::token_id> tokens = language_tag(words, language);
  const std::vector<proviso::token_id> rest = words.encode(text);
  tokens.insert(tokens.end(), rest.begin(), rest.end());
  if (tokens.size() >= capacity) {
    throw std::invalid_argument(
        fmt::format("the prompt has {}, but the model holds {}", counted(tokens.size(), "token"), capacity));
  }
  return tokens;
}

/// The bundled prompts of the languages that were asked for, first the first of every language, and so on; `mixed` if
/// that is asked for. Errors: those of `read_prompts` and `mixed`; `std::invalid_argument` for a language without
/// prompts.
inline std::vector<prompt> chosen_prompts(const compare_options& options) {
  std::vector<prompt> prompts = read_prompts((find_zoo(options.files) / "prompts.jsonl").string());
  for (const std::string& language : options.languages) {
    const auto speaks = [&](const prompt& p) { return p.language == language; };
    if (std::none_of(prompts.begin(), prompts.end(), speaks)) {
      throw std::invalid_argument(fmt::format("there are no prompts in the language '{}'", language));
    }
  }
  std::erase_if(prompts, [&](const prompt& p) {
    const auto& wanted = options.languages;
    return !wanted.empty() && std::find(wanted.begin(), wanted.end(), p.language) == wanted.end();
  });
  std::stable_sort(prompts.begin(), prompts.end(),
                   [](const prompt& a, const prompt& b) { return a.number < b.number; });
  if (options.prompts > 0) std::erase_if(prompts, [&](const prompt& p) { return p.number >= options.prompts; });
  return options.mixed ? mixed(prompts) : prompts;
}

}  // namespace cli
