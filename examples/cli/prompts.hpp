// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "utf8.hpp"

namespace cli {

/// A bundled prompt: the beginning of a held-out document.
struct prompt {
  std::string name;  ///< language and number within it, "en-1"
  std::string language;
  std::string text;
  std::size_t number = 0;  ///< within the language, from 0
  std::string tag{};       ///< language that it begins in
};

/// Reads prompts, one JSON object with `language` and `text` per line.
/// Errors: `std::runtime_error` naming the file and the line.
inline std::vector<prompt> read_prompts(const std::string& file) {
  std::ifstream in{file};
  if (!in) throw std::runtime_error(fmt::format("cannot read the prompts in {}", file));
  std::vector<prompt> prompts;
  std::map<std::string, std::size_t> seen;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    const nlohmann::json entry = nlohmann::json::parse(line, nullptr, false);
    const auto has_text = [&](const char* field) { return entry.contains(field) && entry[field].is_string(); };
    if (!entry.is_object() || !has_text("language") || !has_text("text") || entry["text"].get<std::string>().empty()) {
      throw std::runtime_error(fmt::format("{}, line {}: not an object with `language` and `text`", file, number));
    }
    const std::string language = entry["language"];
    const std::size_t index = seen[language]++;
    prompts.push_back({fmt::format("{}-{}", language, index + 1), language, entry["text"], index, language});
  }
  if (prompts.empty()) throw std::runtime_error(fmt::format("{} holds no prompts", file));
  return prompts;
}

/// Prompts in the language "mixed" that switch twice: each prompt, then those with its number in the next two
/// languages. Requirement: they are ordered by number. Errors: `std::invalid_argument` for fewer than three languages.
inline std::vector<prompt> mixed(const std::vector<prompt>& prompts) {
  std::vector<prompt> result;
  for (std::size_t first = 0, last = 0; first < prompts.size(); first = last) {
    while (last < prompts.size() && prompts[last].number == prompts[first].number) ++last;
    const std::size_t languages = last - first;
    if (languages < 3) throw std::invalid_argument("a prompt that switches language twice needs three languages");
    for (std::size_t i = 0; i < languages; ++i) {
      const prompt& a = prompts[first + i];
      const prompt& b = prompts[first + (i + 1) % languages];
      const prompt& c = prompts[first + (i + 2) % languages];
      result.push_back({fmt::format("{}+{}+{}", a.language, b.language, c.name), "mixed",
                        fmt::format("{}\n\n{}\n\n{}", a.text, b.text, c.text), a.number, a.language});
    }
  }
  return result;
}

/// Reads a text file, or the standard input for "-". One newline at the end is dropped: editors add it.
/// Errors: `std::runtime_error` when the file cannot be read.
inline std::string read_text(const std::string& file) {
  std::string text;
  const auto slurp = [&](std::FILE* in) {
    char buffer[4096];
    while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, in)) text.append(buffer, n);
    return std::ferror(in) == 0;
  };
  if (file == "-") {
    if (!slurp(stdin)) throw std::runtime_error("cannot read the standard input");
  } else {
    std::FILE* in = std::fopen(file.c_str(), "rb");
    const bool good = in != nullptr && slurp(in);
    if (in != nullptr) std::fclose(in);
    if (!good) throw std::runtime_error(fmt::format("cannot read the file {}", file));
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

/// The text that a user gives. `what` names it, `option` is its option. Errors: `std::invalid_argument` when it is
/// given twice or not at all, empty or not UTF-8; those of `read_text`.
inline std::string text_from(const text_source& source, std::string_view what, std::string_view option) {
  const int given = int{source.typed.has_value()} + int{source.option.has_value()} + int{source.file.has_value()};
  if (given != 1) {
    throw std::invalid_argument(fmt::format("give the {} either as an argument{} or with --file FILE", what, option));
  }
  const bool piped = source.typed && *source.typed == "-";
  const std::string text = source.file     ? read_text(*source.file)
                           : piped         ? read_text("-")
                           : source.option ? *source.option
                                           : *source.typed;
  if (text.empty()) throw std::invalid_argument(fmt::format("the {} is empty", what));
  if (!is_utf8(text)) throw std::invalid_argument(fmt::format("the {} is not valid UTF-8", what));
  return text;
}

}  // namespace cli
