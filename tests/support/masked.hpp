// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <proviso/testing/table_model.hpp>

namespace support {

/// A model with mask tokens: `words` ordinary tokens, then `masks` distinct ones that no row gives any probability. An
/// ordinary row follows `p`; the row of the j-th mask after a text follows a table of its own after that text.
class masked_rows {
 public:
  masked_rows(proviso::testing::row_table p, std::vector<proviso::testing::row_table> masks)
      : p_{std::move(p)}, masks_{std::move(masks)} {}

  std::size_t words() const noexcept { return p_.vocab(); }
  std::size_t vocab() const noexcept { return words() + masks_.size(); }
  /// The mask tokens.
  std::vector<proviso::token_id> tokens() const {
    std::vector<proviso::token_id> all;
    for (std::size_t j = words(); j < vocab(); ++j) all.push_back(static_cast<proviso::token_id>(j));
    return all;
  }
  /// The row over ordinary tokens of the `j`-th mask after `text`; j = 0 is the ordinary row.
  std::span<const float> row(std::span<const proviso::token_id> text, std::size_t j) const {
    return (j == 0 ? p_ : masks_[j - 1]).row(text);
  }

  void operator()(std::span<const proviso::token_id> context, std::span<float> row) const {
    std::size_t j = 0;
    while (j < context.size() && static_cast<std::size_t>(context[context.size() - 1 - j]) >= words()) ++j;
    const std::span<const float> from = this->row(context.first(context.size() - j), j);
    for (std::size_t x = 0; x < row.size(); ++x) {
      row[x] = x < words() ? from[x] : -std::numeric_limits<float>::infinity();
    }
  }

 private:
  proviso::testing::row_table p_;
  std::vector<proviso::testing::row_table> masks_;
};

/// Laws that depend on the last two tokens, `spread` from 0 to 1 away from one law for all texts. Those of the masks
/// are `far` away from it: with 1 they have laws of their own, with 0 many candidates stand.
inline masked_rows random_masks(std::size_t words, std::size_t masks, std::uint64_t seed, double far = 1.0,
                                double spread = 1.0) {
  using proviso::testing::blended;
  using proviso::testing::random_table;
  const proviso::testing::row_table one = random_table(words, 0, seed + 50);
  std::vector<float> logits;
  for (std::size_t i = 0; i < words * words; ++i) logits.insert(logits.end(), one.logits().begin(), one.logits().end());
  const proviso::testing::row_table common{words, 2, std::move(logits)};
  std::vector<proviso::testing::row_table> q;
  for (std::size_t j = 1; j <= masks; ++j) q.push_back(blended(common, random_table(words, 2, seed + 100 * j), far));
  return {blended(common, random_table(words, 2, seed), spread), q};
}

/// The model of these rows.
inline proviso::testing::table_model model_of(const masked_rows& rows, std::size_t capacity = proviso::unlimited) {
  return {rows.vocab(), rows, capacity};
}

}  // namespace support
