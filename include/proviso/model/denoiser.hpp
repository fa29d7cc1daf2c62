// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <proviso/core/block.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>
#include <proviso/model/concepts.hpp>

namespace proviso {
inline namespace v0 {

/// A denoiser with sessions of its own, which may keep what they computed for a prefix. A canvas session is a session
/// in which every token of a block sees every token of the block and every token held; a block with a visibility of
/// its own shows each node exactly what it says.
template <class D>
concept caching_denoiser = denoiser<D> && requires(D& d) {
  { d.open_canvas() } -> session;
};

/// A denoiser that says how long prefix and canvas may be together.
template <class D>
concept bounded_denoiser = denoiser<D> && requires(const D& d) {
  { d.capacity() } -> std::convertible_to<std::size_t>;
};

/// Explains, in sentences, which requirement of `denoiser` a type misses. Always true when it compiles.
template <class D>
consteval bool explain_denoiser() {
  constexpr bool has_vocab = requires(const D& d) {
    { d.vocab_size() } -> std::convertible_to<std::size_t>;
  };
  static_assert(has_vocab,
                "proviso: a denoiser needs `std::size_t vocab_size() const` - the number of columns of its logits.");
  constexpr bool has_mask = requires(const D& d) {
    { d.mask_token() } -> std::convertible_to<token_id>;
  };
  static_assert(has_mask,
                "proviso: a denoiser needs `token_id mask_token() const` - the token that stands at open positions.");
  constexpr bool has_score = requires(D & d, std::span<const token_id> tokens) { d.score(tokens, tokens); };
  static_assert(has_score,
                "proviso: a denoiser needs `score(prefix, canvas)` - it takes two spans of tokens and returns one row "
                "of logits per canvas token.");
  if constexpr (has_score) {
    using L = std::remove_cvref_t<decltype(std::declval<D&>().score(std::span<const token_id>{},
                                                                    std::span<const token_id>{}))>;
    static_assert(host_logits<L>,
                  "proviso: `score` must return rows of logits in host memory whose entries convert to `float` - a "
                  "`proviso::logits_view`, or `proviso::as_logits(x)` of an Eigen or xtensor matrix.");
  }
  return true;
}

/// A denoiser as a model whose sessions evaluate canvases, so that requests and drivers carry it like any model:
///
///     my_denoiser net;                       // or proviso::eigen::denoiser
///     proviso::canvas_model canvases{net};
///     proviso::decoder d{proviso::diffusion{canvases, settings, orders::threshold{0.9}}};
///
/// The session of a plain denoiser remembers tokens only. A row of a block costs one `score` of everything held and
/// the block; rows of one block share it. A node that does not see every node of the block must see exactly one node
/// of each depth (a mask that stands in for a token); each such node costs one more `score`.
/// Errors: `std::invalid_argument` for other visibilities, `std::logic_error` when `score` returns rows of another
/// shape. The denoiser outlives the model, the model its sessions; neither moves.
template <class D>
class canvas_model {
 public:
  static_assert(explain_denoiser<D>());
  static constexpr bool fills_canvases = true;

  explicit canvas_model(D& d) noexcept : denoiser_{&d} {}
  explicit canvas_model(const D&& d) : canvas_model{refuse_temporary(d)} {}

  std::size_t vocab_size() const { return denoiser_->vocab_size(); }
  token_id mask_token() const { return denoiser_->mask_token(); }

  /// See `canvas_model`.
  class session_type {
   public:
    explicit session_type(D& d) : denoiser_{&d} {}

    std::size_t length() const noexcept { return tokens_.size(); }
    std::size_t capacity() const {
      if constexpr (bounded_denoiser<D>) {
        return denoiser_->capacity();
      } else {
        return (std::numeric_limits<std::size_t>::max)();
      }
    }
    void rewind(std::size_t n) { tokens_.resize(n < tokens_.size() ? n : tokens_.size()); }
    /// Keeps leading nodes of the block evaluated last.
    void keep(std::span<const node_id> path) {
      for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] != static_cast<node_id>(i)) {
          throw std::invalid_argument("proviso: canvas_model: keep(path) can only keep the first nodes of a canvas");
        }
      }
      rewind(base_ + path.size());
    }

    logits_view<float> eval(const masked_block& block) {
      const std::size_t size = block.size();
      const std::size_t want = block.nodes.want;
      const std::size_t cols = denoiser_->vocab_size();
      base_ = tokens_.size();
      for (const token_id token : block.nodes.tokens) tokens_.push_back(token);
      rows_.resize(want * cols);
      if (block.visible.empty()) {
        score(detail::view(tokens_), want, 0, want);
        return {rows_.data(), want, cols};
      }
      for (std::size_t r = 0; r < want;) {
        const std::size_t node = size - want + r;
        const std::size_t canvas = seen_from(block, node);
        std::size_t last = r + 1;  // rows that see the same nodes are scored together
        while (last < want && same_view(block, node, size - want + last)) ++last;
        score(detail::view(seen_), canvas, depth_[node] + canvas - seen_.size() + base_, last - r, r);
        r = last;
      }
      return {rows_.data(), want, cols};
    }

   private:
    /// Scores `all`, of which the last `canvas` tokens are the canvas, and copies rows [first, first + count) of it.
    void score(std::span<const token_id> all, std::size_t canvas, std::size_t first, std::size_t count,
               std::size_t to = 0) {
      if (count == 0) return;
      const auto view = denoiser_->score(all.first(all.size() - canvas), all.subspan(all.size() - canvas));
      const logits_rows rows{view};
      const std::size_t cols = denoiser_->vocab_size();
      if (rows.rows() != canvas || rows.cols() != cols) {
        throw std::logic_error("proviso: canvas_model: score() returned " + std::to_string(rows.rows()) + " rows of " +
                               std::to_string(rows.cols()) + " logits for a canvas of " + std::to_string(canvas) +
                               " tokens over a vocabulary of " + std::to_string(cols));
      }
      scratch_.resize(cols);
      for (std::size_t i = 0; i < count; ++i) {
        const std::span<const float> row = rows.row(first + i, detail::writable(scratch_));
        for (std::size_t x = 0; x < cols; ++x) rows_[(to + i) * cols + x] = row[x];
      }
    }

    static bool same_view(const masked_block& block, std::size_t a, std::size_t b) {
      for (std::size_t c = 0; c < block.size(); ++c) {
        if (block.sees(a, c) != block.sees(b, c)) return false;
      }
      return b == a + 1 && block.nodes.parent(b) == static_cast<node_id>(a);
    }

    /// The sequence that `node` sees, by depth, in `seen_`; returns how many of its last tokens are the canvas.
    std::size_t seen_from(const masked_block& block, std::size_t node) {
      const std::size_t size = block.size();
      depth_.resize(size);
      std::size_t deepest = 0;
      for (std::size_t i = 0; i < size; ++i) {
        const node_id parent = block.nodes.parent(i);
        depth_[i] = parent == prefix_node ? 0 : depth_[static_cast<std::size_t>(parent)] + 1;
        deepest = depth_[i] > deepest ? depth_[i] : deepest;
      }
      seen_.assign(base_ + deepest + 1, nothing);
      for (std::size_t i = 0; i < base_; ++i) seen_[i] = tokens_[i];
      bool fits = block.sees(node, node);
      for (std::size_t c = 0; c < size; ++c) {
        if (!block.sees(node, c)) continue;
        token_id& place = seen_[base_ + depth_[c]];
        fits = fits && place == nothing;
        place = block.nodes.tokens[c];
      }
      for (const token_id token : seen_) fits = fits && token != nothing;
      if (!fits) {
        throw std::invalid_argument("proviso: canvas_model: node " + std::to_string(node) +
                                    " of a block does not see exactly one node of each depth, itself among them; a "
                                    "denoiser without `open_canvas()` scores whole canvases only");
      }
      return deepest + 1;
    }

    static constexpr token_id nothing = -1;
    D* denoiser_;
    detail::list<token_id> tokens_, seen_;
    detail::list<std::size_t> depth_;
    detail::list<float> rows_, scratch_;
    std::size_t base_ = 0;
  };

  auto open() {
    if constexpr (caching_denoiser<D>) {
      return denoiser_->open_canvas();
    } else {
      return session_type{*denoiser_};
    }
  }

 private:
  D* denoiser_;
};

}  // namespace v0
}  // namespace proviso
