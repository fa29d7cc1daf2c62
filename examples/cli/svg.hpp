// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace cli {

/// An SVG file: `content` on white. `fonts` are families, the preferred one first.
inline std::string svg_document(std::size_t width, std::size_t height, std::string_view fonts,
                                std::string_view content) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"{2}\" font-size=\"12\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n{3}</svg>\n",
      width, height, fonts, content);
}

/// A line of text at (x, y): its start, middle or end, as `anchor` says. Markup characters in `words` are escaped.
inline std::string svg_text(std::size_t x, std::size_t y, std::string_view words, const char* anchor,
                            const char* colour = "#1f2328", int size = 12) {
  std::string escaped;
  for (const char c : words) escaped += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string{c};
  return fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\" fill=\"{}\" font-size=\"{}\">{}</text>\n", x, y,
                     anchor, colour, size, escaped);
}

}  // namespace cli
