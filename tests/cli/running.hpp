// SPDX-License-Identifier: Apache-2.0
// Runs the program as a user does.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.hpp"
#include "utf8.hpp"

namespace cli_test {

namespace fs = std::filesystem;

/// A folder for one test, removed at its end.
struct scratch {
  scratch() {
    std::string pattern = (fs::temp_directory_path() / "proviso-cli-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() { fs::remove_all(path); }
  std::string file(std::string_view name, std::string_view content) const {
    const fs::path p = path / name;
    std::ofstream{p, std::ios::binary} << content;
    return p.string();
  }
  fs::path path;
};

inline std::string content(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream{file, std::ios::binary}.rdbuf();
  return out.str();
}

/// How often `part` stands in `text`.
inline std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

struct finished {
  int code = -1;
  std::string out, err;
};

/// Runs the program with arguments as a shell reads them.
inline finished run_program(const std::string& arguments) {
  const scratch s;
  const std::string command =
      "'" PROVISO_PROGRAM "' " + arguments + " >" + (s.path / "out").string() + " 2>" + (s.path / "err").string();
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(s.path / "out"), content(s.path / "err")};
}

/// Runs the program in a terminal of `columns` columns and returns what it wrote there. Once `wanted` was written
/// there, `keys` are pressed.
inline finished in_terminal(std::size_t columns, const std::string& arguments, const std::string& environment,
                            const std::string& wanted = {}, const std::string& keys = {}) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = 50;
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    const std::string command = environment + " exec '" PROVISO_PROGRAM "' " + arguments;
    execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  finished f;
  bool pressed = keys.empty();
  char buffer[4096];
  for (ssize_t n = read(terminal, buffer, sizeof buffer); n > 0; n = read(terminal, buffer, sizeof buffer)) {
    f.out.append(buffer, static_cast<std::size_t>(n));
    if (pressed || f.out.find(wanted) == std::string::npos) continue;
    pressed = write(terminal, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size());
  }
  close(terminal);
  int status = 0;
  waitpid(child, &status, 0);
  f.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  CHECK((f.code == 0 || !keys.empty()));
  return f;
}

/// Columns of the widest line that was written to a terminal.
inline std::size_t widest_line(const std::string& text) {
  std::size_t most = 0;
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {  // escape sequences end with a letter
      while (i < text.size() && std::isalpha(static_cast<unsigned char>(text[i])) == 0) ++i;
    } else if (text[i] == '\n' || text[i] == '\r') {
      most = (std::max)(most, cli::columns_of(line));
      line.clear();
    } else {
      line += text[i];
    }
  }
  return most;
}

/// Wrong input: exit code 2, nothing on the output, and one line of complaint that names the fault.
inline void check_refused(const std::string& arguments, const std::string& fault) {
  const finished f = run_program(arguments);
  INFO(arguments << "\n" << f.err);
  CHECK(f.code == 2);
  CHECK(f.out.empty());
  CHECK(f.err.rfind("proviso: ", 0) == 0);
  CHECK(f.err.find('\n') == f.err.size() - 1);
  CHECK(f.err.find(fault) != std::string::npos);
}

}  // namespace cli_test
