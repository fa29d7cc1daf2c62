// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#if __has_include(<sys/mman.h>) && __has_include(<fcntl.h>) && __has_include(<unistd.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#define PROVISO_EIGEN_HAS_MMAP 1
#else
#include <fstream>
#include <vector>
#define PROVISO_EIGEN_HAS_MMAP 0
#endif

namespace proviso {
inline namespace v0 {
namespace eigen {

#if PROVISO_EIGEN_HAS_MMAP

/// A file in memory, read-only: mapped where the system can, read otherwise.
///
/// Errors: std::runtime_error that names the file, where it cannot be opened or read. A file that another program
/// shortens while it is mapped is outside what this class can guard against.
class mapped_file {
 public:
  explicit mapped_file(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw std::runtime_error(path + ": the file cannot be opened");
    struct stat info {};
    const bool regular = ::fstat(file, &info) == 0 && S_ISREG(info.st_mode);
    size_ = regular ? static_cast<std::size_t>(info.st_size) : 0;
    void* data = size_ == 0 ? nullptr : ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    ::close(file);
    if (!regular) throw std::runtime_error(path + ": not a regular file");
    if (data == MAP_FAILED) throw std::runtime_error(path + ": the file cannot be mapped into memory");
    data_ = static_cast<const std::byte*>(data);
  }
  mapped_file(mapped_file&& other) noexcept
      : data_{std::exchange(other.data_, nullptr)}, size_{std::exchange(other.size_, 0)} {}
  mapped_file& operator=(mapped_file&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~mapped_file() {
    if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  }

  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

#else

class mapped_file {
 public:
  explicit mapped_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) throw std::runtime_error(path + ": the file cannot be opened");
    const auto size = file.tellg();
    if (size < 0) throw std::runtime_error(path + ": not a regular file");
    content_.resize(static_cast<std::size_t>(size));
    file.seekg(0);
    if (!file.read(reinterpret_cast<char*>(content_.data()), size)) {
      throw std::runtime_error(path + ": the file cannot be read");
    }
  }

  std::span<const std::byte> bytes() const noexcept { return content_; }

 private:
  std::vector<std::byte> content_;
};

#endif
#undef PROVISO_EIGEN_HAS_MMAP

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
