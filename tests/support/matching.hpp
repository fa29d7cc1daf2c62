// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <proviso/core/context.hpp>

namespace support {

using token_span = std::span<const proviso::token_id>;

/// How many tokens before `a` in `x` equal those before `b` in `y`.
inline std::size_t common_end(token_span x, std::size_t a, token_span y, std::size_t b) {
  std::size_t n = 0;
  while (n < a && n < b && x[a - 1 - n] == y[b - 1 - n]) ++n;
  return n;
}

/// Length of the longest end of `text` that stands at an earlier end in it, by comparing everything.
inline std::size_t longest_repeat(token_span text) {
  std::size_t best = 0;
  for (std::size_t e = 1; e < text.size(); ++e) best = (std::max)(best, common_end(text, e, text, text.size()));
  return best;
}

/// The token `i` places after index `end` when the copy goes on in itself.
inline proviso::token_id copied(token_span text, std::size_t end, std::size_t i) {
  std::vector<proviso::token_id> longer{text.begin(), text.end()};
  while (longer.size() <= end + i) longer.push_back(longer[end + (longer.size() - text.size())]);
  return longer[end + i];
}

/// The tokens of a chain.
inline std::vector<proviso::token_id> chain(const proviso::draft& d) {
  std::vector<proviso::token_id> out;
  d.path(static_cast<proviso::node_id>(d.size() - 1), out);
  return out;
}

/// A drafter that hands every draft of another to `check(text, limit, tokens)`.
template <class Inner, class Check>
class watched {
 public:
  watched(Inner inner, Check check) : inner_{std::move(inner)}, check_{std::move(check)} {}
  void start(token_span prompt) { inner_.start(prompt); }
  void propose(const proviso::context& c, proviso::draft& d) {
    inner_.propose(c, d);
    check_(c.text(), c.limit(), chain(d));
  }
  void commit(const proviso::feedback& f) { inner_.commit(f); }

 private:
  Inner inner_;
  Check check_;
};

}  // namespace support
