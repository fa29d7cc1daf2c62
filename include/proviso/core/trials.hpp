// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace proviso {
inline namespace v0 {

/// When to try what seems not worth its cost: what is never tried teaches nothing. The first trial comes after 8
/// occasions; the next one after half as many when it stood, 4 at least, and after twice as many when it was refused,
/// 128 at most. So what is never worth it is tried once in 128 occasions.
class trials {
 public:
  void start() noexcept {
    since_ = 0;
    interval_ = 8;
  }
  /// Counts an occasion.
  void pass() noexcept { ++since_; }
  bool due() const noexcept { return since_ >= interval_; }
  /// Says how a trial ended.
  void judge(bool stood) noexcept {
    since_ = 0;
    if (stood) {
      interval_ = interval_ > 2 * fewest ? interval_ / 2 : fewest;
    } else {
      interval_ = 2 * interval_ < most ? 2 * interval_ : most;
    }
  }

 private:
  static constexpr std::size_t fewest = 4;
  static constexpr std::size_t most = 128;
  std::size_t since_ = 0;
  std::size_t interval_ = 8;
};

}  // namespace v0
}  // namespace proviso
