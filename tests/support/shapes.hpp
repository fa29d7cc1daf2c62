// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <proviso/core/context.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/drafting.hpp"

namespace support {

/// The target's and the drafter's.
struct tables {
  proviso::testing::row_table p, q;
};

/// A table with one logit of every row raised by 2 and the next one by 1.2: laws that propose one token far too often
/// and both others too rarely, one of them hardly. With three tokens, only then two are left after a refusal, and the
/// second draw may be refused, too.
inline proviso::testing::row_table overconfident(const proviso::testing::row_table& table) {
  std::vector<float> logits(table.logits().begin(), table.logits().end());
  for (std::size_t i = 0; i < logits.size(); i += table.vocab()) {
    const std::size_t raised = i / table.vocab() % table.vocab();
    logits[i + raised] += 2.0F;
    logits[i + (raised + 1) % table.vocab()] += 1.2F;
  }
  return {table.vocab(), table.order(), std::move(logits)};
}

/// Laws that differ after every two tokens. In the second pair, some tokens are impossible for one model or the other;
/// in the third, the drafter is overconfident.
inline const std::vector<tables>& all_tables() {
  static const std::vector<tables> all{
      {proviso::testing::random_table(3, 2, 1), proviso::testing::random_table(3, 2, 101)},
      {with_holes(proviso::testing::random_table(3, 2, 2), 2),
       with_holes(proviso::testing::random_table(3, 2, 102), 3)},
      {proviso::testing::random_table(3, 2, 3, 0.2F), overconfident(proviso::testing::random_table(3, 2, 3, 0.2F))}};
  return all;
}
/// How the children of a node are chosen.
enum class growth : unsigned char {
  with,     ///< drawn with replacement
  without,  ///< drawn without replacement
  pushed,   ///< the most probable ones
  hub,      ///< all but one the most probable ones, the last drawn from the other tokens
  mixed,    ///< levels in turns: drawn without replacement, pushed
  raced     ///< one child, as the rule wants it drawn
};

/// Branching from the root down, and how the children are chosen.
struct draft_shape {
  std::string name;
  std::vector<std::size_t> widths;
  growth kind = growth::with;

  std::size_t depth() const noexcept { return widths.size(); }
  bool is_chain() const noexcept {
    for (const std::size_t w : widths) {
      if (w != 1) return false;
    }
    return true;
  }
  /// Chains that part at the root.
  bool is_paths() const noexcept {
    for (std::size_t i = 1; i < widths.size(); ++i) {
      if (widths[i] != 1) return false;
    }
    return kind == growth::with;
  }
};

/// Drafts of one shape from the laws of a table.
class shaped {
 public:
  shaped(const proviso::testing::row_table& table, draft_shape shape) : table_{&table}, shape_{std::move(shape)} {}
  void start(std::span<const proviso::token_id>) const noexcept {}
  void propose(const proviso::context& c, proviso::draft& d) {
    std::vector<proviso::node_id> level{proviso::draft::root()};
    for (std::size_t i = 0; i < shape_.widths.size() && i < c.limit(); ++i) {
      const auto begin = static_cast<proviso::node_id>(d.size());
      for (const proviso::node_id at : level) grow(c, d, at, i);
      level.clear();
      for (auto n = begin; n < static_cast<proviso::node_id>(d.size()); ++n) level.push_back(n);
    }
  }
  void commit(const proviso::feedback&) const noexcept {}

 private:
  void grow(const proviso::context& c, proviso::draft& d, proviso::node_id at, std::size_t depth) {
    using proviso::replacement;
    const std::size_t width = shape_.widths[depth];
    const growth kind = shape_.kind != growth::mixed ? shape_.kind : depth % 2 == 0 ? growth::without : growth::pushed;
    proviso::law_view rest = law_after(c, d, at);
    if (kind == growth::raced) {
      c.sample(d, at, rest);
      return;
    }
    if (kind == growth::with || kind == growth::without) {
      d.sample_siblings(at, rest, width, kind == growth::with ? replacement::with : replacement::without, c.random());
      return;
    }
    for (std::size_t i = 0; i < width && rest; ++i) {
      if (kind == growth::hub && i + 1 == width) {
        d.sample(at, rest, c.random());
      } else {
        const proviso::token_id x = rest.argmax();
        d.push(at, x);
        rest = proviso::numeric::without(rest, x, buffer_);
      }
    }
  }
  proviso::law_view law_after(const proviso::context& c, const proviso::draft& d, proviso::node_id at) {
    std::vector<proviso::token_id> text;
    d.path(at, text);
    text.insert(text.begin(), c.text().begin(), c.text().end());
    builder_.begin(table_->row(text), buffer_);
    return builder_.finish();
  }

  const proviso::testing::row_table* table_;
  draft_shape shape_;
  proviso::law_builder builder_;
  proviso::law_buffer buffer_;
};

}  // namespace support
