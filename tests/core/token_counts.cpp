// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/token_counts.hpp>

#include <cstddef>
#include <map>
#include <vector>

#include <proviso/core/random.hpp>

#include "support/catch.hpp"

namespace {

using namespace proviso;
using counted = std::map<token_id, std::uint32_t>;

counted seen_in(token_counts& counts, const std::vector<token_id>& prefix, const std::vector<token_id>& path) {
  counted found;
  for (const token_count& s : counts.of(prefix, path, 5)) {
    CHECK(s.count > 0);
    found[s.token] = s.count;
  }
  return found;
}
counted all_of(const std::vector<token_id>& prefix, const std::vector<token_id>& path, std::size_t skip,
               std::size_t window) {
  std::vector<token_id> text = prefix;
  text.insert(text.end(), path.begin(), path.end());
  counted found;
  for (std::size_t i = skip; i < text.size(); ++i) {
    if (i + window >= text.size() && text[i] >= 0 && text[i] < 5) ++found[text[i]];
  }
  return found;
}

TEST_CASE("token_counts: what counting anew finds, as texts grow, paths come and go, and texts begin anew") {
  const philox source{7};
  std::uint32_t draws = 0;
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(source.uniform({purpose::selection, draws++, 0, 0}) * static_cast<double>(n));
  };
  for (const std::size_t skip : {0U, 1U, 3U, 20U}) {
    for (const std::size_t window : {1U, 2U, 5U, 1000U}) {
      token_counts counts{skip, window};
      std::vector<token_id> prefix;
      for (int step = 0; step < 200; ++step) {
        if (below(40) == 0) {
          prefix.clear();
          counts.forget();
        }
        if (below(20) == 0) {  // a shorter text with the same beginning
          prefix.resize(prefix.size() / 2);
          CHECK(seen_in(counts, prefix, {}) == all_of(prefix, {}, skip, window));
        }
        for (std::size_t i = below(4); i > 0; --i) prefix.push_back(static_cast<token_id>(below(7)) - 1);
        for (std::size_t rows = below(4); rows > 0; --rows) {
          std::vector<token_id> path;
          for (std::size_t i = below(6); i > 0; --i) path.push_back(static_cast<token_id>(below(6)));
          CHECK(seen_in(counts, prefix, path) == all_of(prefix, path, skip, window));
        }
      }
    }
  }
}

TEST_CASE("token_counts: another vocabulary begins anew") {
  token_counts counts{0, 100};
  const std::vector<token_id> text{0, 4, 4, 2};
  CHECK(counts.of(text, {}, 3).size() == 2);
  CHECK(counts.of(text, {}, 5).size() == 3);
  CHECK(counts.of(text, {}, 5)[1].count == 2);
}

}  // namespace
