// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <proviso/core/types.hpp>

#include "output.hpp"
#include "terminal.hpp"
#include "tokenizer.hpp"
#include "utf8.hpp"

namespace cli {

/// A run of characters of one style.
struct styled_run {
  style look = style::plain;
  std::string text;
};

/// Tokens to characters with the style of the token that completes them. Control characters other than line breaks
/// and tabs become U+FFFD, because text of a model must not steer a terminal.
class token_text {
 public:
  explicit token_text(const tokenizer& words) : words_{&words} {}

  /// The characters that the token completes.
  std::string push(const proviso::generated_token& t) { return printable(joiner_.push(words_->bytes(t.token))); }
  /// An unfinished character at the end becomes U+FFFD.
  std::string finish() { return joiner_.finish(); }

  static std::string printable(std::string text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      const bool second = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
      if (second || (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F) {
        out += "\xEF\xBF\xBD";
        i += second ? 1 : 0;
      } else {
        out += text[i];
      }
    }
    return out;
  }

 private:
  const tokenizer* words_;
  utf8_joiner joiner_;
};

/// Writes tokens to an output as they come.
class token_stream {
 public:
  token_stream(const terminal& t, const tokenizer& words) : terminal_{t}, text_{words} {}

  void push(const proviso::generated_token& t) { write(text_.push(t), style_of(t.from)); }
  ~token_stream() { end_line(); }
  token_stream(const token_stream&) = delete;
  token_stream& operator=(const token_stream&) = delete;
  /// Ends the line. Throws `std::runtime_error` when the output could not be written.
  void finish() {
    end_line();
    cli::finish(terminal_.stream);
  }
  /// Everything written, without colours.
  const std::string& text() const noexcept { return written_; }

 private:
  void end_line() {
    if (ended_) return;
    ended_ = true;
    write(text_.finish(), style::plain);
    if (written_.empty() || written_.back() != '\n') std::fputc('\n', terminal_.stream);
  }
  void write(const std::string& text, style look) {
    if (text.empty()) return;
    fmt::print(terminal_.stream, "{}", look == style::plain ? text : styled(text, look, terminal_.colours));
    std::fflush(terminal_.stream);
    written_ += text;
  }

  terminal terminal_;
  token_text text_;
  std::string written_;
  bool ended_ = false;
};

/// Breaks runs into lines of at most `width` columns, at spaces where there is one, with their escape sequences.
/// Every line is padded with spaces to `width`.
inline std::vector<std::string> wrap(const std::vector<styled_run>& runs, std::size_t width, bool colours) {
  struct cell {
    std::string_view bytes;
    style look;
    std::size_t columns;
  };
  std::vector<std::vector<cell>> lines(1);
  std::size_t used = 0;
  const auto columns = [](const std::vector<cell>& line) {
    std::size_t sum = 0;
    for (const cell& c : line) sum += c.columns;
    return sum;
  };
  for (const styled_run& run : runs) {
    std::string_view rest = run.text;
    while (!rest.empty()) {
      const utf8_front front = read_utf8(rest);
      const std::string_view bytes = rest.substr(0, front.bytes);
      rest.remove_prefix(front.bytes);
      if (bytes == "\n") {
        lines.emplace_back();
        used = 0;
        continue;
      }
      const cell now = bytes == "\t" ? cell{" ", run.look, 1} : cell{bytes, run.look, columns_of(front.code)};
      if (used + now.columns > width) {
        std::vector<cell> moved;
        std::vector<cell>& full = lines.back();
        std::size_t space = full.size();
        while (space > 0 && full[space - 1].bytes != " ") --space;
        if (space > 0 && now.bytes != " ") {
          moved.assign(full.begin() + static_cast<std::ptrdiff_t>(space), full.end());
          full.resize(space);
        }
        used = columns(moved);
        lines.push_back(std::move(moved));
        if (now.bytes == " ") continue;
      }
      used += now.columns;
      lines.back().push_back(now);
    }
  }
  std::vector<std::string> out;
  for (const std::vector<cell>& line : lines) {
    std::string text;
    style look = style::plain;
    for (const cell& c : line) {
      if (c.look != look) text += code(look = c.look, colours);
      text += c.bytes;
    }
    if (look != style::plain) text += code(style::plain, colours);
    text.append(width - (std::min)(width, columns(line)), ' ');
    out.push_back(std::move(text));
  }
  return out;
}

/// Prints a paragraph in lines that fit.
inline void print_paragraph(const terminal& out, const std::vector<styled_run>& runs) {
  for (std::string line : wrap(runs, out.columns - 1, out.colours)) {
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print(out.stream, "{}\n", line);
  }
}

/// Prints a line, in several ones where a terminal is too narrow.
inline void print_line(const terminal& out, const std::string& line) {
  if (out.moves) return print_paragraph(out, {{style::plain, line}});
  fmt::print(out.stream, "{}\n", line);
}

}  // namespace cli
