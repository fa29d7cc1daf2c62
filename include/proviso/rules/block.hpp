// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include <proviso/core/descent.hpp>
#include <proviso/core/law_math.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/outcome.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// The scan of block verification over a chain of drafted tokens, for laws of any origin. It knows no draft: rows are
/// named by the number of drafted tokens before them.
class block_scan {
 public:
  /// Probabilities of a drafted token under the target's law and under the law it was drawn from (not 0).
  struct chances {
    double p;
    double q;
  };
  /// The target's law after some drafted tokens, and the law that the next drafted token was drawn from.
  struct laws {
    law_view p;
    law_view q;
  };
  /// The first `length` tokens stand. `residual` is the law of the token after them, valid until the next scan and as
  /// long as the laws scanned; empty when the whole chain stands.
  struct verdict {
    std::size_t length = 0;
    law_view residual;
  };
  /// Whether the joint ratio of the prefix is held below 1 after every token, as block verification does.
  enum class ratio : unsigned char { capped, free };

  explicit block_scan(ratio kind = ratio::capped) noexcept : kind_{kind} {}

  /// Scans a chain of `size` tokens. `chances_of(i)` and `laws_of(i)` belong to the token after `i` drafted ones;
  /// `flip(i, p, q)` is true with probability min(1, p / q), decided by a uniform of token `i` alone.
  /// `chances_of` is called for i = 0, 1, .. until a token has no probability under the target; `laws_of` backwards,
  /// for the rows that are reached: none when the whole chain stands.
  /// Cost: one pass over the two rows of each call of `laws_of`; when q is a point, only over the last one.
  template <class Chances, class Laws, class Flip>
  verdict operator()(std::size_t size, Chances&& chances_of, Laws&& laws_of, Flip&& flip) {
    ratios_.clear();
    ratios_.push_back(1.0);
    while (ratios_.size() <= size && ratios_.back() > 0.0) ratios_.push_back(next(chances_of(ratios_.size() - 1)));
    std::size_t i = ratios_.size() - 1;
    const bool emittable = i == size && ratios_[size] > 0.0;
    if (size == 0 || (emittable && flip(size - 1, ratios_[size], 1.0))) return {size, {}};
    laws row;
    do {
      row = laws_of(--i);
      left_ = {};
    } while (i > 0 && !stands(row, i, flip));
    if (!left_.law) subtract(row, i);
    return {i, left_.law ? left_.law : row.p};
  }

  /// P(prefix) / Q(prefix) after the first `i` tokens of the last scan, at most 1 when capped.
  double ratio_after(std::size_t i) const noexcept { return ratios_[i]; }
  /// Takes memory for chains of `size` tokens.
  void reserve(std::size_t size) { ratios_.reserve(size + 1); }

 private:
  double next(const chances& c) const noexcept {
    const double joint = ratios_.back() * c.p;
    if (joint < c.q || (kind_ == ratio::free && c.q > 0.0)) return joint / c.q;
    return joint > 0.0 ? 1.0 : 0.0;
  }
  void subtract(const laws& row, std::size_t i) { left_ = numeric::excess_of(ratios_[i], row.p, 1.0, row.q, buffer_); }
  template <class Flip>
  bool stands(const laws& row, std::size_t i, Flip&& flip) {
    const double joint = ratios_[i];
    double mass = 0.0;
    if (row.q.is_point()) {  // the sum in closed form
      const double at = row.p(row.q.token(0));
      mass = joint * (1.0 - at) + (joint * at > 1.0 ? joint * at - 1.0 : 0.0);
    } else {
      subtract(row, i);
      mass = left_.mass;
    }
    return flip(i - 1, mass, mass + 1.0 - joint);
  }

  detail::list<double> ratios_;
  law_buffer buffer_;
  numeric::excess left_;
  ratio kind_;
};

/// The drafted nodes of a chain, in `path` (cleared first). Throws `std::invalid_argument`, naming `rule`, when the
/// draft branches.
template <class Path>
void chain_nodes(const draft& d, Path& path, const char* rule) {
  path.clear();
  path.reserve(d.expected_size());
  node_id x = draft::root();
  while ((x = only_child(d, x, rule)) != prefix_node) path.push_back(x);
}

/// The outcome of a scan over the nodes of `path`: its correction, or a bonus drawn from the target.
template <class Path>
outcome settle(const draft& d, const Path& path, const block_scan::verdict& v, const target_laws& p,
               random_ref random) {
  const std::span<const node_id> nodes = detail::view(path);
  if (v.residual) {
    const token_id correction = random.pick(v.residual, purpose::residual, nodes[v.length]);
    return {nodes.first(v.length), correction, origin::corrected};
  }
  const node_id tip = nodes.empty() ? draft::root() : nodes.back();
  return {nodes, random.pick_token(p(tip), d.next_position(tip)), nodes.empty() ? origin::fresh : origin::bonus};
}

/// Block verification: the drafted tokens are judged together. With P_0 = 1 and P_i = min(1, P_{i-1} p(x_i) / q(x_i)),
/// the first i tokens of a chain of K stand with probability h_i = S_i / (S_i + 1 - P_i), where S_i is the sum of
/// [P_i p - q]+ over the row after them, and h_K = P_K; the largest such i wins. The token after them is drawn from
/// norm([P_i p - q]+), after a fully accepted draft from p. Chains only; a pushed token counts as the point law at
/// itself.
/// Guarantee: exactly the target's law. The expected number of accepted tokens is the sum of E[P_i]: never less than
/// that of `rules::token`, and the most that a rule without memory can have. With one drafted token, or laws of the
/// draft that are points, it equals that of `rules::token`.
/// Errors: `std::invalid_argument` when the draft branches.
/// Cost: the K laws that the drafted tokens were tested with, up to the first of probability 0; one pass over the row
/// after each token that is refused, scanning from the end (no row when all stand). A row that was scanned is the
/// residual already.
/// Source: Sun et al., "Block verification accelerates speculative decoding", arXiv 2403.10444, algorithm 2.
class block {
 public:
  static constexpr bool lossless = true;

  outcome operator()(const draft& d, const target_laws& p, random_ref random) {
    chain_nodes(d, path_, "rules::block");
    scan_.reserve(d.expected_size());
    const auto before = [&](std::size_t i) { return i == 0 ? draft::root() : path_[i - 1]; };
    const auto chances = [&](std::size_t i) {
      const token_id x = d.token(path_[i]);
      return block_scan::chances{p(before(i))(x), d.q(path_[i])(x)};
    };
    const auto laws = [&](std::size_t i) { return block_scan::laws{p(before(i)), d.q(path_[i])}; };
    const auto flip = [&](std::size_t i, double a, double b) {
      return random.flip(a, b, purpose::acceptance, path_[i]);
    };
    return settle(d, path_, scan_(path_.size(), chances, laws, flip), p, random);
  }

 private:
  detail::list<node_id> path_;
  block_scan scan_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
