// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <proviso/core/types.hpp>

namespace cli {

/// What an output stream can show.
struct terminal {
  std::FILE* stream = stdout;
  bool moves = false;  ///< a terminal whose cursor can be moved
  bool colours = false;
  std::size_t columns = 80;
  std::size_t rows = 24;

  /// Asks the stream and the environment: NO_COLOR (https://no-color.org), TERM, COLUMNS.
  static terminal of(std::FILE* stream) {
    terminal t;
    t.stream = stream;
    const std::string_view term = variable("TERM");
    t.moves = isatty(fileno(stream)) != 0 && !term.empty() && term != "dumb";
    t.colours = t.moves && variable("NO_COLOR").empty();
    winsize size{};
    if (t.moves && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
      t.columns = (std::max)(std::size_t{size.ws_col}, least_columns);
      t.rows = size.ws_row > 1 ? size.ws_row : t.rows;
    } else if (const unsigned long columns = std::strtoul(variable("COLUMNS").data(), nullptr, 10);
               columns >= least_columns && columns <= 1000) {
      t.columns = columns;
    }
    return t;
  }

 private:
  static constexpr std::size_t least_columns = 20;

  static std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view{""} : std::string_view{value};
  }
};

/// Colours by meaning. Plain text has none.
enum class style : unsigned char { plain, dim, bold, drafted, corrected, bonus, bad };

/// The escape sequence that switches to a style; empty where the terminal has no colours.
inline std::string_view code(style s, bool colours) noexcept {
  if (!colours) return "";
  switch (s) {
    case style::plain:
      return "\x1b[0m";
    case style::dim:
      return "\x1b[0;2m";
    case style::bold:
      return "\x1b[0;1m";
    case style::drafted:
      return "\x1b[0;32m";
    case style::corrected:
      return "\x1b[0;31m";
    case style::bonus:
      return "\x1b[0;36m";
    case style::bad:
      return "\x1b[0;1;31m";
  }
  return "";
}

inline std::string styled(std::string_view text, style s, bool colours) {
  if (!colours) return std::string{text};
  return fmt::format("{}{}{}", code(s, true), text, code(style::plain, true));
}

/// The style of a token by its origin.
inline style style_of(proviso::origin from) noexcept {
  switch (from) {
    case proviso::origin::drafted:
      return style::drafted;
    case proviso::origin::corrected:
      return style::corrected;
    case proviso::origin::bonus:
      return style::bonus;
    case proviso::origin::fresh:
      break;
  }
  return style::plain;
}

/// Lines that are drawn again and again at one place of a terminal. Lines that would scroll away are left out until the
/// last drawing. Where the cursor cannot be moved, every drawing follows the one before.
class live_lines {
 public:
  explicit live_lines(const terminal& t) : terminal_{t} {}

  void draw(std::vector<std::string> lines, bool last) {
    const std::size_t most = terminal_.rows - 1;
    if (!last && lines.size() > most) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
    std::string out = drawn_ > 0 && terminal_.moves ? fmt::format("\x1b[{}A\x1b[J", drawn_) : "";
    for (std::string& line : lines) {
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
    }
    drawn_ = lines.size();
    fmt::print(terminal_.stream, "{}", out);
    std::fflush(terminal_.stream);
  }

 private:
  terminal terminal_;
  std::size_t drawn_ = 0;
};

/// A bar on a terminal's line that is erased at the end; nothing where the cursor cannot be moved.
class progress_bar {
 public:
  progress_bar(const terminal& t, std::string_view what) : terminal_{t}, what_{what} {}
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;
  ~progress_bar() {
    if (drawn_) fmt::print(terminal_.stream, "\r\x1b[K");
    std::fflush(terminal_.stream);
  }

  /// `share` of the work is done, between 0 and 1; `now` names what comes next.
  void show(double share, std::string_view now) {
    if (!terminal_.moves) return;
    const std::string tail = fmt::format("{:3.0f} %  {}", 100.0 * share, now);
    const std::size_t used = what_.size() + tail.size() + 6;
    const std::size_t width =
        terminal_.columns > used + 10 ? (std::min)(terminal_.columns - used, std::size_t{40}) : 10;
    const auto full = static_cast<std::size_t>(share * static_cast<double>(width));
    const std::string line = fmt::format("{} [{:#<{}}{:-<{}}] {}", what_, "", full, "", width - full, tail);
    fmt::print(terminal_.stream, "\r\x1b[K{}", line.substr(0, terminal_.columns - 1));
    std::fflush(terminal_.stream);
    drawn_ = true;
  }

 private:
  terminal terminal_;
  std::string what_;
  bool drawn_ = false;
};

}  // namespace cli
