// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <proviso/backends/eigen/transformer.hpp>

#include "methods.hpp"
#include "tokenizer.hpp"

namespace cli {

/// Where the models are: files given by the user, else those of the bundled zoo.
struct model_files {
  std::string zoo;  ///< folder; empty = found
  std::string base;
  std::string draft;
  std::string vocabulary;
  std::size_t threads = 2;
  std::size_t draft_threads = 1;  ///< a small model is over before a second thread has woken up
};

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

/// The vocabulary and the models in use.
class models {
 public:
  /// Errors: `std::runtime_error` naming a file that is missing or malformed; `std::invalid_argument` when the
  /// vocabularies do not fit.
  models(const model_files& files, bool with_draft)
      : words_{zoo_file(files, files.vocabulary, "tokenizer.model")},
        base_{load(files, files.base, "base.safetensors", files.threads)} {
    if (with_draft)
      draft_ = std::make_unique<model>(load(files, files.draft, "draft.safetensors", files.draft_threads));
  }

  const tokenizer& words() const noexcept { return words_; }
  model& base() noexcept { return base_; }
  model* draft() noexcept { return draft_.get(); }
  /// Tokens that one sequence can hold.
  std::size_t capacity() { return base_.open().capacity(); }

 private:
  model load(const model_files& files, const std::string& given, const char* name, std::size_t threads) const {
    const std::string file = zoo_file(files, given, name);
    model m{file, {.threads = threads}};
    if (m.vocab_size() != words_.size()) {
      throw std::invalid_argument(
          fmt::format("{} has {} tokens, but the vocabulary has {}", file, m.vocab_size(), words_.size()));
    }
    return m;
  }

  tokenizer words_;
  model base_;
  std::unique_ptr<model> draft_;
};

/// A prompt as tokens: the tag of its language, then the text. Throws `std::invalid_argument` for a language that
/// the vocabulary has no tag for, and where the model cannot hold the prompt and one token more.
inline std::vector<proviso::token_id> encode_prompt(models& m, const std::string& language, const std::string& text) {
  std::string known;
  bool found = false;
  for (const std::string& name : m.words().languages()) {
    found = found || name == language;
    known += (known.empty() ? "" : ", ") + name;
  }
  if (!found) throw std::invalid_argument(fmt::format("there is no language '{}'; choose from {}", language, known));
  std::vector<proviso::token_id> tokens = m.words().encode(tokenizer::tag(language));
  const std::vector<proviso::token_id> rest = m.words().encode(text);
  tokens.insert(tokens.end(), rest.begin(), rest.end());
  if (tokens.size() >= m.capacity()) {
    throw std::invalid_argument(
        fmt::format("the prompt has {} tokens, but the model holds {}", tokens.size(), m.capacity()));
  }
  return tokens;
}

}  // namespace cli
