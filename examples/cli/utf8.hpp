// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace cli {

/// What stands at the front of some bytes: a character, the beginning of one, or bytes that are not UTF-8.
struct utf8_front {
  enum class kind : unsigned char { character, unfinished, invalid };
  kind what = kind::invalid;
  std::size_t bytes = 1;  ///< of the character, or to skip
  char32_t code = U'\uFFFD';
};

/// Reads one character. Overlong forms, surrogates and codes above U+10FFFF are invalid. Requirement: not empty.
inline utf8_front read_utf8(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {utf8_front::kind::character, 1, lead};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte excludes overlong forms, surrogates and codes that are too large.
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  auto code = static_cast<char32_t>(lead & (0x7FU >> length));
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {utf8_front::kind::unfinished, i};
    if (byte(i) < (i == 1 ? low : 0x80) || byte(i) > (i == 1 ? high : 0xBF)) return {utf8_front::kind::invalid, i};
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  return {utf8_front::kind::character, length, code};
}

/// Whether the whole text is UTF-8.
inline bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const utf8_front front = read_utf8(text);
    if (front.what != utf8_front::kind::character) return false;
    text.remove_prefix(front.bytes);
  }
  return true;
}

/// Joins bytes to whole characters: tokens may end inside a character, which is held back until it is complete.
/// Bytes that are not UTF-8 become U+FFFD.
class utf8_joiner {
 public:
  /// The characters that these bytes complete.
  std::string push(std::string_view bytes) {
    held_ += bytes;
    std::string out;
    std::string_view rest = held_;
    while (!rest.empty()) {
      const utf8_front front = read_utf8(rest);
      if (front.what == utf8_front::kind::unfinished) break;
      out += front.what == utf8_front::kind::character ? rest.substr(0, front.bytes) : replacement;
      rest.remove_prefix(front.bytes);
    }
    held_.erase(0, held_.size() - rest.size());
    return out;
  }
  /// What is left at the end of the text: nothing, or one U+FFFD for an unfinished character.
  std::string finish() {
    const bool unfinished = !held_.empty();
    held_.clear();
    return unfinished ? std::string{replacement} : std::string{};
  }

 private:
  static constexpr std::string_view replacement = "\xEF\xBF\xBD";
  std::string held_;
};

/// Columns that a character takes in a terminal: 0 (control, combining), 1, or 2 (East Asian wide, emoji).
/// The ranges are those of Unicode's EastAsianWidth W and F, joined across small gaps.
inline std::size_t columns_of(char32_t code) noexcept {
  struct range {
    char32_t first, last;
  };
  static constexpr std::array<range, 10> none{{{0x0000, 0x001F},
                                               {0x007F, 0x009F},
                                               {0x0300, 0x036F},
                                               {0x0483, 0x0489},
                                               {0x1AB0, 0x1AFF},
                                               {0x1DC0, 0x1DFF},
                                               {0x200B, 0x200F},
                                               {0x20D0, 0x20FF},
                                               {0xFE00, 0xFE0F},
                                               {0xFE20, 0xFE2F}}};
  static constexpr std::array<range, 14> wide{{{0x1100, 0x115F},
                                               {0x2E80, 0x303E},
                                               {0x3041, 0x33FF},
                                               {0x3400, 0x4DBF},
                                               {0x4E00, 0xA4CF},
                                               {0xA960, 0xA97F},
                                               {0xAC00, 0xD7A3},
                                               {0xF900, 0xFAFF},
                                               {0xFE30, 0xFE6F},
                                               {0xFF00, 0xFF60},
                                               {0xFFE0, 0xFFE6},
                                               {0x1F300, 0x1F64F},
                                               {0x1F680, 0x1FAFF},
                                               {0x20000, 0x3FFFD}}};
  for (const range& r : none) {
    if (code >= r.first && code <= r.last) return 0;
  }
  for (const range& r : wide) {
    if (code >= r.first && code <= r.last) return 2;
  }
  return 1;
}

/// Columns that a text without line breaks takes.
inline std::size_t columns_of(std::string_view text) noexcept {
  std::size_t columns = 0;
  while (!text.empty()) {
    const utf8_front front = read_utf8(text);
    columns += columns_of(front.code);
    text.remove_prefix(front.bytes);
  }
  return columns;
}

}  // namespace cli
