// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace cli {

/// "1 token", "2 tokens".
inline std::string counted(std::size_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

/// Letters to insert, delete, replace or swap with a neighbour on the way from one word to another (optimal string
/// alignment).
inline std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = (std::min)({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = (std::min)(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

/// "; did you mean 'plain'?" for the known word that a misspelt one is nearest to, or that it begins; else nothing.
inline std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  std::pair<std::size_t, const std::string*> best{word.size() / 3 + 1, nullptr};
  for (const std::string& k : known) {
    const bool begun = word.size() >= 3 && k.substr(0, word.size()) == word;
    const std::size_t far = begun ? 0 : distance(word, k);
    if (far < best.first || (best.second == nullptr && far == best.first)) best = {far, &k};
  }
  return best.second == nullptr ? std::string{} : fmt::format("; did you mean {}?", *best.second);
}

}  // namespace cli
