// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stdexcept>

#include <proviso/core/law.hpp>
#include <proviso/core/outcome.hpp>

namespace proviso {
inline namespace v0 {
namespace lengths {

/// Two tokens more after a draft that was accepted whole, one less after any other, between 1 and `most`. Rounds
/// in which nothing was drafted change nothing; every generation begins with `first`.
/// Source: the rule known from Hugging Face transformers' assisted generation ("heuristic" schedule).
class heuristic {
 public:
  static constexpr bool reads_laws = false;

  explicit heuristic(std::size_t first = 4, std::size_t most = 8) : first_{first}, most_{most}, length_{first} {
    if (first == 0 || first > most) {
      throw std::invalid_argument("proviso: lengths::heuristic needs 1 <= first <= most");
    }
  }
  void start() noexcept { length_ = first_; }
  std::size_t limit() const noexcept { return length_; }
  bool proceed(std::size_t, const law_view&) const noexcept { return true; }
  void observe(const feedback& f) noexcept {
    const std::size_t drafted = f.proposal.proposed();
    if (drafted == 0) return;
    if (f.accepted == drafted) {
      length_ = length_ + 2 < most_ ? length_ + 2 : most_;
    } else if (length_ > 1) {
      --length_;
    }
  }

 private:
  std::size_t first_;
  std::size_t most_;
  std::size_t length_;
};

}  // namespace lengths
}  // namespace v0
}  // namespace proviso
