// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <proviso/core/context.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/testing/enumerator.hpp>
#include <proviso/testing/table_model.hpp>

namespace support {

using proviso::token_id;
using tokens = std::vector<token_id>;

using text_law = std::map<tokens, double>;

/// The exact law of the `count` tokens that the algorithm made by `make()` emits after `prompt`.
template <class Make>
text_law law_of(Make&& make, const tokens& prompt, std::size_t count) {
  text_law law;
  proviso::testing::enumerator all;
  proviso::limits bounds;
  bounds.max_tokens = count;
  all.run([&] {
    proviso::decoder d{proviso::sequence{make(), all.source()}};
    tokens text;
    d.run(
        prompt, [&](proviso::generated_token t) { text.push_back(t.token); }, bounds);
    law[text] += all.probability();
  });
  return law;
}

/// Total variation distance.
inline double distance(const text_law& a, const text_law& b) {
  double sum = 0.0;
  for (const auto& [text, p] : a) sum += std::abs(p - (b.count(text) != 0 ? b.at(text) : 0.0));
  for (const auto& [text, p] : b) sum += a.count(text) != 0 ? 0.0 : p;
  return sum / 2.0;
}

/// softmax(row / temperature) in double; at 0 the lowest of the largest logits.
inline std::vector<double> softmax(std::span<const float> row, double temperature = 1.0) {
  std::size_t top = 0;
  for (std::size_t i = 1; i < row.size(); ++i) top = row[i] > row[top] ? i : top;
  std::vector<double> p(row.size(), 0.0);
  double total = 0.0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double difference = static_cast<double>(row[i]) - static_cast<double>(row[top]);
    p[i] = temperature > 0.0 ? std::exp(difference / temperature) : i == top ? 1.0 : 0.0;
    total += p[i];
  }
  for (double& x : p) x /= total;
  return p;
}

/// The law of `count` tokens after `prompt`, straight from the table.
inline text_law exact_law(const proviso::testing::row_table& table, const tokens& prompt, std::size_t count,
                          double temperature = 1.0) {
  text_law law{{{}, 1.0}};
  for (std::size_t i = 0; i < count; ++i) {
    text_law longer;
    for (const auto& [text, probability] : law) {
      tokens context = prompt;
      context.insert(context.end(), text.begin(), text.end());
      const std::vector<double> p = softmax(table.row(context), temperature);
      for (std::size_t x = 0; x < p.size(); ++x) {
        if (!(p[x] > 0.0)) continue;
        tokens next = text;
        next.push_back(static_cast<token_id>(x));
        longer[next] += probability * p[x];
      }
    }
    law = std::move(longer);
  }
  return law;
}

/// A table with a logit of -infinity here and there, never a whole row of them.
inline proviso::testing::row_table with_holes(const proviso::testing::row_table& table, std::size_t step) {
  std::vector<float> logits(table.logits().begin(), table.logits().end());
  for (std::size_t i = 0; i < logits.size(); i += table.vocab()) {
    if (i / table.vocab() % step == 0) logits[i + i / step % table.vocab()] = -std::numeric_limits<float>::infinity();
  }
  return {table.vocab(), table.order(), std::move(logits)};
}

/// Pushes a tree: below every node of a level the tokens that `width` names for it, chosen from the text's length.
class pushed_tree {
 public:
  pushed_tree(std::vector<std::size_t> width, std::size_t vocab) : width_{std::move(width)}, vocab_{vocab} {}
  void start(std::span<const token_id>) const noexcept {}
  void propose(const proviso::context& c, proviso::draft& d) const {
    std::vector<proviso::node_id> level{proviso::draft::root()};
    for (std::size_t depth = 0; depth < width_.size(); ++depth) {
      std::vector<proviso::node_id> below;
      for (const proviso::node_id at : level) {
        if (d.is_closed(at)) continue;
        for (std::size_t i = 0; i < width_[depth]; ++i) {
          if (d.room() == 0 || c.limit() <= depth) return;
          const std::size_t x = c.text().size() * 7 + static_cast<std::size_t>(at) * 5 + i + depth;
          below.push_back(d.push(at, static_cast<token_id>(x % vocab_)));
        }
      }
      level = below;
    }
  }
  void commit(const proviso::feedback&) const noexcept {}

 private:
  std::vector<std::size_t> width_;
  std::size_t vocab_;
};

/// `rules::match` over drafts as they are drawn, not over the most probable tokens.
struct match_of_drawn : proviso::rules::match {
  static constexpr bool prefers_likeliest = false;
};

/// Draws `count` siblings below the root, and a chain of one below each, from the laws of a table.
class sampled_tree {
 public:
  sampled_tree(const proviso::testing::row_table& table, std::size_t count, proviso::replacement mode)
      : table_{&table}, count_{count}, mode_{mode} {}
  void start(std::span<const token_id>) const noexcept {}
  void propose(const proviso::context& c, proviso::draft& d) {
    if (c.limit() == 0 || d.room() < count_) return;
    tokens text{c.text().begin(), c.text().end()};
    const std::size_t added = d.sample_siblings(proviso::draft::root(), law(text), count_, mode_, c.random());
    text.push_back(0);
    for (std::size_t i = 1; i <= added && c.limit() > 1; ++i) {
      if (d.is_closed(static_cast<proviso::node_id>(i))) continue;
      text.back() = d.token(static_cast<proviso::node_id>(i));
      d.sample(static_cast<proviso::node_id>(i), law(text), c.random());
    }
  }
  void commit(const proviso::feedback&) const noexcept {}

 private:
  proviso::law_view law(const tokens& text) {
    const std::vector<double> p = softmax(table_->row(text));
    weights_.assign(p.begin(), p.end());
    return proviso::law_view::dense(weights_, proviso::numeric::sum(weights_));
  }
  const proviso::testing::row_table* table_;
  std::size_t count_;
  proviso::replacement mode_;
  std::vector<float> weights_;
};

}  // namespace support
