// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sentencepiece_processor.h>

#include <proviso/core/types.hpp>

namespace cli {

/// Text to tokens and back, with a SentencePiece vocabulary whose language tags are pieces such as `<|en|>`.
class tokenizer {
 public:
  /// Errors: `std::runtime_error` when the file is missing or is not a vocabulary.
  explicit tokenizer(const std::string& file) {
    if (!processor_.Load(file).ok()) {
      throw std::runtime_error(file + " is missing or is not a SentencePiece vocabulary");
    }
    for (int id = 0; id < processor_.GetPieceSize(); ++id) pieces_.push_back(bytes_of(id));
  }

  std::size_t size() const noexcept { return pieces_.size(); }
  proviso::token_id end() const { return processor_.eos_id(); }

  /// The tokens of a text; a literal `<|en|>` in it is a language tag.
  std::vector<proviso::token_id> encode(std::string_view text) const {
    std::vector<int> ids;
    if (!processor_.Encode(text, &ids).ok()) throw std::runtime_error("the vocabulary cannot encode this text");
    return {ids.begin(), ids.end()};
  }

  /// The bytes that a token adds to the text; they may be a part of a character. Tags and control tokens add none.
  std::string_view bytes(proviso::token_id token) const { return pieces_.at(static_cast<std::size_t>(token)); }

  /// The languages that have a tag, in the order of the vocabulary.
  std::vector<std::string> languages() const {
    std::vector<std::string> names;
    for (int id = 0; id < processor_.GetPieceSize(); ++id) {
      const std::string& piece = processor_.IdToPiece(id);
      if (is_tag(piece) && piece.find("mask") == std::string::npos) names.push_back(piece.substr(2, piece.size() - 4));
    }
    return names;
  }

  /// The tag of a language, as text to put before a document.
  static std::string tag(std::string_view language) { return "<|" + std::string{language} + "|>"; }

 private:
  static bool is_tag(std::string_view piece) {
    return piece.size() > 4 && piece.substr(0, 2) == "<|" && piece.substr(piece.size() - 2) == "|>";
  }
  std::string bytes_of(int id) const {
    const std::string& piece = processor_.IdToPiece(id);
    if (processor_.IsByte(id)) return {static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16))};  // "<0x0A>"
    if (processor_.IsControl(id) || processor_.IsUnknown(id) || is_tag(piece)) return {};
    static constexpr std::string_view space = "\xE2\x96\x81";  // U+2581 stands for a space
    std::string text;
    for (std::string_view rest = piece; !rest.empty();) {
      const bool is_space = rest.substr(0, space.size()) == space;
      text += is_space ? ' ' : rest.front();
      rest.remove_prefix(is_space ? space.size() : 1);
    }
    return text;
  }

  sentencepiece::SentencePieceProcessor processor_;
  std::vector<std::string> pieces_;
};

}  // namespace cli
