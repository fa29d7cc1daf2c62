// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <proviso/core/bandits.hpp>
#include <proviso/core/list.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// What the routers of many sequences, also of several threads, have learned: per language and arm, tokens per unit
/// of cost. Give it to routers that have the same arms.
///
/// Guarantee: a router reads it before it chooses, never within a round, so lossless rules stay lossless. The text of
/// a seed then depends on what was learned before. Memory: 16 bytes per language and arm. Cost: one lock per round.
class shared_rates {
 public:
  /// Older rates fade so that no arm's cost counts more than `most`. Throws `std::invalid_argument` unless most > 0.
  explicit shared_rates(double most = 400.0) : most_{most} {
    if (!(most > 0.0)) throw std::invalid_argument("proviso: drafters::shared_rates needs most > 0");
  }
  shared_rates(const shared_rates&) = delete;
  shared_rates& operator=(const shared_rates&) = delete;

  /// A round of `arm` on a text in `language` gave `rate` tokens per unit of cost, at `cost`.
  void add(std::string_view language, std::size_t arm, double rate, double cost) {
    const std::lock_guard<std::mutex> lock{mutex_};
    row* known = const_cast<row*>(find(language));
    if (known == nullptr) known = &rows_.push_back({std::string{language}, {}});
    known->arms.extend(arm + 1);
    bandits::record& r = known->arms[arm];
    r.add(rate, cost);
    if (r.weight > most_) r.fade(most_ / r.weight);
  }

  /// Fills `arms` with what is known of the first `arms.size()` arms on texts in `language`.
  void read(std::string_view language, std::span<bandits::record> arms) const {
    const std::lock_guard<std::mutex> lock{mutex_};
    const row* known = find(language);
    for (std::size_t i = 0; i < arms.size(); ++i) {
      arms[i] = known != nullptr && i < known->arms.size() ? known->arms[i] : bandits::record{};
    }
  }

 private:
  struct row {
    std::string language;
    detail::list<bandits::record> arms{};
  };

  const row* find(std::string_view language) const noexcept {
    for (const row& r : rows_) {
      if (r.language == language) return &r;
    }
    return nullptr;
  }

  double most_;
  mutable std::mutex mutex_;
  detail::list<row> rows_;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
