// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace cli {

/// Where a path leads: symbolic links are followed, also to a place where nothing is yet; the path of an open
/// descriptor, such as /dev/stdout, is that descriptor, and so is "-", the standard output.
struct destination {
  std::filesystem::path path;
  std::optional<int> descriptor{};

  static destination of(const std::string& name) {
    namespace fs = std::filesystem;
    if (name == "-") return {name, STDOUT_FILENO};
    fs::path path{name};
    std::error_code none;
    for (int links = 0; links < 40 && fs::is_symlink(path, none); ++links) {
      const fs::path folder = path.parent_path().empty() ? fs::path{"."} : path.parent_path();
      if (fs::equivalent(folder, "/proc/self/fd", none)) return {name, std::atoi(path.filename().c_str())};
      const fs::path target = fs::read_symlink(path, none);
      path = target.is_absolute() ? target : folder / target;
    }
    return {path};
  }
  bool standard_output() const noexcept { return descriptor == STDOUT_FILENO; }
};

/// A file that the program writes, in one piece. A regular file appears complete or not at all: it is written beside
/// its place and then renamed. Links are followed; pipes, devices and open descriptors are written through.
class output_file {
 public:
  /// Checks the path, so that a wrong one is known before the work. Errors: `std::runtime_error` that names it.
  explicit output_file(std::string name) : name_{std::move(name)}, to_{destination::of(name_)} {
    namespace fs = std::filesystem;
    std::error_code none;
    const fs::file_status status = fs::status(to_.path, none);
    if (to_.descriptor) {
      const int copy = dup(*to_.descriptor);
      stream_ = copy < 0 ? nullptr : fdopen(copy, "wb");
    } else if (fs::exists(status) && !fs::is_regular_file(status)) {
      stream_ = std::fopen(to_.path.c_str(), "wb");  // a folder cannot be opened
    } else {
      const bool there = access(to_.path.c_str(), F_OK) == 0;
      if (!there && errno != ENOENT) fail();  // also where links lead in a circle
      if ((there && access(to_.path.c_str(), W_OK) != 0) || access(folder().c_str(), W_OK | X_OK) != 0) fail();
      return;
    }
    if (stream_ == nullptr) fail();
  }
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;
  ~output_file() {
    if (stream_ != nullptr) std::fclose(stream_);
  }

  /// Writes the whole content, once. Errors: `std::runtime_error`; a regular file is then what it was.
  void write(std::string_view content) {
    if (stream_ != nullptr) {
      if (!put(std::exchange(stream_, nullptr), content)) fail();
      return;
    }
    struct stat old {};
    const bool replaces = stat(to_.path.c_str(), &old) == 0;
    const mode_t mask = umask(0);
    umask(mask);
    std::string part = to_.path.string() + ".XXXXXX";
    const int made = mkstemp(part.data());
    if (made < 0) fail();
    const bool shared = fchmod(made, replaces ? old.st_mode & 07777U : 0666U & ~mask) == 0;
    if (!put(fdopen(made, "wb"), content) || !shared || std::rename(part.c_str(), to_.path.c_str()) != 0) {
      const int fault = errno;
      std::remove(part.c_str());
      errno = fault;
      fail();
    }
  }

 private:
  std::filesystem::path folder() const {
    return to_.path.parent_path().empty() ? std::filesystem::path{"."} : to_.path.parent_path();
  }
  /// Writes and closes.
  static bool put(std::FILE* to, std::string_view content) {
    const bool written = std::fwrite(content.data(), 1, content.size(), to) == content.size();
    return std::fclose(to) == 0 && written;
  }
  [[noreturn]] void fail() const {
    throw std::runtime_error(
        fmt::format("cannot write the file {}: {}", name_, std::generic_category().message(errno)));
  }

  std::string name_;
  destination to_;
  std::FILE* stream_ = nullptr;
};

/// Ends what was written to a stream. Throws `std::runtime_error` when a part of it could not be written.
inline void finish(std::FILE* stream) {
  if (std::fflush(stream) != 0 || std::ferror(stream) != 0) throw std::runtime_error("the output cannot be written");
}

}  // namespace cli
