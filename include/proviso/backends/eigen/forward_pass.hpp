// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <proviso/backends/eigen/aligned_array.hpp>
#include <proviso/backends/eigen/attention.hpp>
#include <proviso/backends/eigen/thread_team.hpp>
#include <proviso/backends/eigen/weights.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Evaluates nodes of several sequences together: every weight is read once per pass.
///
/// The team shares the rows of every matrix and the attention heads; all sums have an order of their own, so the
/// number of threads, nodes and sequences never changes a result. Allocates only when a pass is larger than all before.
class forward_pass {
 public:
  forward_pass(const transformer_weights& weights, std::size_t threads, std::size_t positions)
      : weights_{weights},
        hidden_width_{padded(weights.config.hidden_size)},
        projected_width_{padded(weights.config.query_size() + 2 * weights.config.key_value_size())},
        attended_width_{padded(weights.config.query_size())},
        active_width_{padded(weights.config.intermediate_size)},
        attention_(weights, positions),
        team_(threads),
        attention_scratch_(team_.size()) {}

  /// Floats from one row of logits to the next, and from one hidden row to the next.
  std::size_t logits_stride() const noexcept { return weights_.head.rows(); }
  std::size_t features_stride() const noexcept { return hidden_width_; }

  /// Evaluates all nodes of these parts: extends the caches, writes wanted logits and features.
  void run(std::span<const block_part> parts) {
    prepare(parts);
    const std::size_t layers = weights_.layers.size();
    for (std::size_t i = 0; i < layers; ++i) {
      const layer_weights& layer = weights_.layers[i];
      // Behind the keys and values of the last layer, only the wanted rows matter.
      const bool last = i + 1 == layers;
      const std::vector<std::size_t>& rows = last ? wanted_ : all_;

      normalise(all_, layer.attention_norm, layer.query_key_value);
      multiply(all_, layer.query_key_value, projected_, projected_width_, false);
      attend(i, last);
      take(rows, attended_, attended_width_, layer.output);
      multiply(rows, layer.output, hidden_, hidden_width_, true);
      normalise(rows, layer.feed_forward_norm, layer.gate_up);
      multiply_gated(rows, layer.gate_up);
      take(rows, active_, active_width_, layer.down);
      multiply(rows, layer.down, hidden_, hidden_width_, true);
    }
    score();
  }

 private:
  struct node_row {
    const block_part* part;
    std::size_t node;
  };

  void prepare(std::span<const block_part> parts) {
    parts_.clear();
    rows_.clear();
    all_.clear();
    wanted_.clear();
    std::size_t places = 0;
    for (const block_part& part : parts) {
      parts_.push_back({&part, rows_.size()});
      for (std::size_t node = part.first; node < part.last; ++node) {
        if (node >= part.wanted) wanted_.push_back(rows_.size());
        all_.push_back(rows_.size());
        rows_.push_back({&part, node});
      }
      places = (std::max)(places, part.base + part.last);
    }
    const std::size_t n = rows_.size();
    const std::size_t widest = padded((std::max)({hidden_width_, attended_width_, active_width_}), fixed_point_columns);
    hidden_.reserve(n * hidden_width_);
    projected_.reserve(n * projected_width_);
    attended_.reserve(n * attended_width_);
    gate_up_.reserve(n * 2 * active_width_);
    active_.reserve(n * active_width_);
    normed_.reserve(n * hidden_width_);
    digits_.reserve(padded(n, fixed_point_rows_at_once) * 3 * widest);
    unit_.reserve(n);
    offset_.reserve(3 * n);
    in_.resize((std::max)(n, in_.size()));
    out_.resize((std::max)(n, out_.size()));
    for (attention::scratch& own : attention_scratch_) attention_.prepare(own, places);
    for (std::size_t t = 0; t < n; ++t) {
      const token_id token = rows_[t].part->tokens[rows_[t].node];
      weights_.embedding.read(static_cast<std::size_t>(token), hidden_.data() + t * hidden_width_);
    }
  }

  /// Whole key-value heads of whole parts, with the query heads that share them.
  void attend(std::size_t layer, bool last) {
    const std::size_t heads = weights_.config.num_key_value_heads;
    team_.run(parts_.size() * heads, [&](std::size_t member, std::size_t piece) {
      const auto& [part, row] = parts_[piece / heads];
      attention_.run(attention_scratch_[member], layer, piece % heads, *part, last,
                     projected_.data() + row * projected_width_, projected_width_,
                     attended_.data() + row * attended_width_, attended_width_);
    });
  }

  void score() {
    normalise(wanted_, weights_.final_norm, weights_.head);
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      const auto& [part, node] = rows_[wanted_[i]];
      const float* row = normed_.data() + i * hidden_width_;
      std::copy(row, row + hidden_width_, part->features + (node - part->wanted) * hidden_width_);
      out_[i] = part->logits + (node - part->wanted) * logits_stride();
    }
    product call = product_of(weights_.head, wanted_.size(), false);
    for_panels(weights_.head, wanted_.size(),
               [&](std::size_t first, std::size_t last) { weights_.head.multiply(call, first, last); });
  }

  /// RMSNorm of rows of the residual stream, made ready to be multiplied by `matrix`.
  void normalise(const std::vector<std::size_t>& rows, const aligned_array<float>& gain, const packed_matrix& matrix) {
    for_rows(rows.size(), [&](std::size_t i) {
      float* out = normed_.data() + i * hidden_width_;
      weights_.kernels.normalise(hidden_.data() + rows[i] * hidden_width_, gain.data(), hidden_width_,
                                 static_cast<float>(weights_.config.hidden_size),
                                 static_cast<float>(weights_.config.rms_norm_eps), out);
      make_ready(i, out, hidden_width_, matrix);
    });
  }

  /// Rows of a buffer, made ready to be multiplied by `matrix`.
  void take(const std::vector<std::size_t>& rows, const aligned_array<float>& from, std::size_t width,
            const packed_matrix& matrix) {
    for_rows(rows.size(), [&](std::size_t i) { make_ready(i, from.data() + rows[i] * width, width, matrix); });
  }

  void make_ready(std::size_t i, const float* row, std::size_t width, const packed_matrix& matrix) {
    in_[i] = row;
    if (matrix.fixed()) weights_.kernels.fix(row, width, fixed_rows(matrix), i);
  }

  fixed_point_rows fixed_rows(const packed_matrix& matrix) {
    return {digits_.data(), matrix.stride(), unit_.data(), offset_.data()};
  }

  /// The product of a matrix with the rows that are ready, as far as it is the same for all panels.
  product product_of(const packed_matrix& matrix, std::size_t rows, bool add) {
    product call;
    call.tokens = rows;
    call.x = in_.data();
    call.fixed = fixed_rows(matrix);
    call.out = out_.data();
    call.add = add;
    return call;
  }

  void multiply(const std::vector<std::size_t>& rows, const packed_matrix& matrix, aligned_array<float>& to,
                std::size_t width, bool add) {
    for (std::size_t i = 0; i < rows.size(); ++i) out_[i] = to.data() + rows[i] * width;
    const product call = product_of(matrix, rows.size(), add);
    for_panels(matrix, rows.size(), [&](std::size_t first, std::size_t last) { matrix.multiply(call, first, last); });
  }

  void multiply_gated(const std::vector<std::size_t>& rows, const packed_matrix& matrix) {
    for (std::size_t i = 0; i < rows.size(); ++i) out_[i] = gate_up_.data() + rows[i] * 2 * active_width_;
    const product call = product_of(matrix, rows.size(), false);
    for_panels(matrix, rows.size(), [&](std::size_t first, std::size_t last) {
      matrix.multiply(call, first, last);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        weights_.kernels.gated(out_[i] + first * panel_rows,
                               active_.data() + rows[i] * active_width_ + first / 2 * panel_rows, (last - first) / 2);
      }
    });
  }

  /// Cuts the panels of a matrix into ranges for the team: multiples of four panels, as the kernels like them.
  template <class F>
  void for_panels(const packed_matrix& matrix, std::size_t rows, F function) {
    constexpr std::size_t pieces_per_thread = 6;
    if (rows == 0) return;
    const std::size_t panels = matrix.panels();
    const std::size_t pieces = team_.size() == 1 ? 1 : team_.size() * pieces_per_thread;
    const std::size_t step = padded((panels + pieces - 1) / pieces, 4);
    team_.run((panels + step - 1) / step,
              [&](std::size_t, std::size_t piece) { function(piece * step, (std::min)(panels, (piece + 1) * step)); });
  }

  /// Rows one by one; the team is worth its call for many of them only.
  template <class F>
  void for_rows(std::size_t rows, F function) {
    constexpr std::size_t step = 8;
    team_.run((rows + step - 1) / step, [&](std::size_t, std::size_t piece) {
      for (std::size_t i = piece * step; i < (std::min)(rows, (piece + 1) * step); ++i) function(i);
    });
  }

  struct placed_part {
    const block_part* part;
    std::size_t first_row;
  };

  const transformer_weights& weights_;
  std::size_t hidden_width_;  ///< floats of one row; the columns behind the last one are zero
  std::size_t projected_width_;
  std::size_t attended_width_;
  std::size_t active_width_;
  attention attention_;
  thread_team team_;
  std::vector<attention::scratch> attention_scratch_;  ///< one per thread

  std::vector<placed_part> parts_;
  std::vector<node_row> rows_;
  std::vector<std::size_t> all_;  ///< indices into rows_
  std::vector<std::size_t> wanted_;
  aligned_array<float> hidden_;     ///< [rows x hidden], the residual stream
  aligned_array<float> projected_;  ///< [rows x (queries, keys, values)]
  aligned_array<float> attended_;   ///< [rows x queries]
  aligned_array<float> gate_up_;    ///< [rows x 2 * intermediate], panels alternate
  aligned_array<float> active_;     ///< [rows x intermediate]
  aligned_array<float> normed_;     ///< [rows x hidden]
  aligned_array<std::int8_t> digits_;
  aligned_array<float> unit_;
  aligned_array<std::int32_t> offset_;
  std::vector<const float*> in_;
  std::vector<float*> out_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
