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
/// The team shares the rows of every matrix and the attention heads, but for passes so small that the caller is done
/// before the others are there. All sums have an order of their own, so the number of threads, nodes and sequences
/// never changes a result. Allocates only when a pass is larger than all before.
class forward_pass {
 public:
  forward_pass(const transformer_weights& weights, std::size_t threads, std::size_t share_above, std::size_t positions)
      : weights_{weights},
        hidden_width_{padded(weights.config.hidden_size)},
        projected_width_{padded(weights.config.query_size() + 2 * weights.config.key_value_size())},
        attended_width_{padded(weights.config.query_size())},
        active_width_{padded(weights.config.intermediate_size)},
        attention_(weights, positions),
        bytes_{weights.streamed_bytes()},
        share_above_{share_above},
        team_(threads),
        members_(team_.size()) {}

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

      multiply(layer.query_key_value, all_, {hidden_, hidden_width_, &layer.attention_norm}, projected_,
               projected_width_, false);
      attend(i, last);
      multiply(layer.output, rows, {attended_, attended_width_}, hidden_, hidden_width_, true);
      multiply_gated(layer.gate_up, rows, {hidden_, hidden_width_, &layer.feed_forward_norm});
      multiply(layer.down, rows, {active_, active_width_}, hidden_, hidden_width_, true);
    }
    score();
  }

  /// The logits of a row of features.
  void score(const float* features, float* logits) {
    shared_ = worth_sharing(weights_.head.bytes());
    hidden_.reserve(hidden_width_);
    std::copy_n(features, hidden_width_, hidden_.data());
    out_.resize((std::max)(std::size_t{1}, out_.size()));
    out_[0] = logits;
    scored_.assign(1, 0);
    multiply(weights_.head, scored_, {hidden_, hidden_width_}, false);
  }

 private:
  /// Up to so many rows, every member prepares the input of a product for itself: that is faster than to share the work
  /// and to wait for each other, and leaves the input in its own caches.
  static constexpr std::size_t rows_alone = 8;

  struct node_row {
    const block_part* part;
    std::size_t node;
  };

  /// Rows of a buffer as the input of a product, after an RMSNorm where there is a gain.
  struct input {
    const aligned_array<float>& rows;
    std::size_t width;
    const aligned_array<float>* gain = nullptr;
  };

  /// Working memory of one member of the team.
  struct member {
    attention::scratch attend;
    aligned_array<float> normed;  ///< [rows x hidden]
    aligned_array<std::int8_t> digits;
    aligned_array<float> unit;
    aligned_array<std::int32_t> offset;
    std::vector<const float*> in;  ///< rows of the input
    std::uint64_t product = 0;     ///< number of the product that they belong to
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
      places = (std::max)(places, part.base + part.known);
    }
    const std::size_t n = rows_.size();
    shared_ = worth_sharing(n * bytes_);
    const std::size_t widest = padded((std::max)({hidden_width_, attended_width_, active_width_}), fixed_point_columns);
    hidden_.reserve(n * hidden_width_);
    projected_.reserve(n * projected_width_);
    attended_.reserve(n * attended_width_);
    gate_up_.reserve(n * 2 * active_width_);
    active_.reserve(n * active_width_);
    out_.resize((std::max)(n, out_.size()));
    block_stride_ = padded(n, fixed_point_rows_at_once) * 2 * fixed_point_columns;
    row_stride_ = 2 * widest + fixed_point_columns;  // no power of two: rows would share the places of a cache
    for (member& own : members_) {
      attention_.prepare(own.attend, places);
      const std::size_t count = &own == members_.data() ? n : (std::min)(n, rows_alone);
      own.normed.reserve(count * hidden_width_);
      own.digits.reserve((std::max)(block_stride_ * (widest / fixed_point_columns), row_stride_ * count));
      own.unit.reserve(count);
      own.offset.reserve(2 * count);
      own.in.resize((std::max)(count, own.in.size()));
    }
    for (std::size_t t = 0; t < n; ++t) {
      const token_id token = rows_[t].part->tokens[rows_[t].node];
      weights_.embedding.read(static_cast<std::size_t>(token), hidden_.data() + t * hidden_width_);
    }
  }

  /// Whole key-value heads of whole parts, with the query heads that share them.
  void attend(std::size_t layer, bool last) {
    const std::size_t heads = weights_.config.num_key_value_heads;
    share(parts_.size() * heads, [&](std::size_t who, std::size_t piece) {
      const auto& [part, row] = parts_[piece / heads];
      attention_.run(members_[who].attend, layer, piece % heads, *part, last,
                     projected_.data() + row * projected_width_, projected_width_,
                     attended_.data() + row * attended_width_, attended_width_);
    });
  }

  void score() {
    scored_.clear();
    for (const std::size_t row : wanted_) {
      const auto& [part, node] = rows_[row];
      normalise(hidden_.data() + row * hidden_width_, weights_.final_norm,
                part->features + (node - part->wanted) * hidden_width_);
      if (part->logits == nullptr) continue;
      out_[scored_.size()] = part->logits + (node - part->wanted) * logits_stride();
      scored_.push_back(row);
    }
    multiply(weights_.head, scored_, {hidden_, hidden_width_, &weights_.final_norm}, false);
  }

  void normalise(const float* row, const aligned_array<float>& gain, float* out) const {
    weights_.kernels.normalise(row, gain.data(), hidden_width_, static_cast<float>(weights_.config.hidden_size),
                               static_cast<float>(weights_.config.rms_norm_eps), out);
  }

  void multiply(const packed_matrix& matrix, const std::vector<std::size_t>& rows, const input& from,
                aligned_array<float>& to, std::size_t width, bool add) {
    for (std::size_t i = 0; i < rows.size(); ++i) out_[i] = to.data() + rows[i] * width;
    multiply(matrix, rows, from, add);
  }

  void multiply_gated(const packed_matrix& matrix, const std::vector<std::size_t>& rows, const input& from) {
    for (std::size_t i = 0; i < rows.size(); ++i) out_[i] = gate_up_.data() + rows[i] * 2 * active_width_;
    multiply(matrix, rows, from, false, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        weights_.kernels.gated(out_[i] + first * panel_rows,
                               active_.data() + rows[i] * active_width_ + first / 2 * panel_rows, (last - first) / 2);
      }
    });
  }

  /// out_[i] (+)= matrix * row rows[i] of `from`; `finish` is called for every range of panels that is done.
  template <class Finish>
  void multiply(const packed_matrix& matrix, const std::vector<std::size_t>& rows, const input& from, bool add,
                Finish finish) {
    const std::size_t count = rows.size();
    if (count == 0) return;
    const auto prepare_row = [&](member& own, std::size_t i) {
      own.in[i] = from.rows.data() + rows[i] * from.width;
      if (from.gain != nullptr) {
        float* normed = own.normed.data() + i * hidden_width_;
        normalise(own.in[i], *from.gain, normed);
        own.in[i] = normed;
      }
      if (matrix.fixed()) weights_.kernels.fix(own.in[i], from.width, fixed_rows(own), i);
    };
    const bool alone = count <= rows_alone;
    if (!alone) {
      constexpr std::size_t step = 8;
      share((count + step - 1) / step, [&](std::size_t, std::size_t piece) {
        for (std::size_t i = piece * step; i < (std::min)(count, (piece + 1) * step); ++i) prepare_row(members_[0], i);
      });
    }
    ++product_;
    const std::size_t grain = alone ? 2 : 4;  // panels that the kernels like to take together
    const std::size_t grains = (matrix.panels() + grain - 1) / grain;
    const std::size_t pieces = (std::min)(grains, pieces_of(matrix));
    share(pieces, [&](std::size_t who, std::size_t piece) {
      member& own = members_[alone ? who : 0];
      if (alone && own.product != product_) {
        for (std::size_t i = 0; i < count; ++i) prepare_row(own, i);
        own.product = product_;
      }
      product call;
      call.tokens = count;
      call.x = own.in.data();
      call.fixed = fixed_rows(own);
      call.out = out_.data();
      call.add = add;
      const std::size_t first = grains * piece / pieces * grain;
      const std::size_t last = (std::min)(grains * (piece + 1) / pieces * grain, matrix.panels());
      matrix.multiply(call, first, last);
      finish(first, last);
    });
  }

  void multiply(const packed_matrix& matrix, const std::vector<std::size_t>& rows, const input& from, bool add) {
    multiply(matrix, rows, from, add, [](std::size_t, std::size_t) {});
  }

  bool worth_sharing(std::size_t bytes) const noexcept { return team_.size() > 1 && bytes > share_above_; }

  /// Calls `function(member, piece)` for all pieces.
  template <class F>
  void share(std::size_t pieces, F&& function) {
    if (shared_) {
      team_.run(pieces, function);
    } else {
      for (std::size_t piece = 0; piece < pieces; ++piece) function(std::size_t{0}, piece);
    }
  }

  /// Into how many pieces the team cuts a matrix: small ones are worth little.
  std::size_t pieces_of(const packed_matrix& matrix) const {
    constexpr std::size_t bytes = 65536;
    if (!shared_) return 1;
    return team_.size() * std::clamp<std::size_t>(matrix.bytes() / (bytes * team_.size()), 1, 8);
  }

  fixed_point_rows fixed_rows(member& own) const {
    return {own.digits.data(), block_stride_, row_stride_, own.unit.data(), own.offset.data()};
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
  std::size_t bytes_;  ///< of weights, read by one pass
  std::size_t share_above_;
  thread_team team_;
  std::vector<member> members_;
  bool shared_ = false;        ///< whether the team shares this pass
  std::uint64_t product_ = 0;  ///< products so far

  std::vector<placed_part> parts_;
  std::vector<node_row> rows_;
  std::vector<std::size_t> all_;  ///< indices into rows_
  std::vector<std::size_t> wanted_;
  std::vector<std::size_t> scored_;  ///< those whose logits are computed in this pass
  aligned_array<float> hidden_;      ///< [rows x hidden], the residual stream
  aligned_array<float> projected_;   ///< [rows x (queries, keys, values)]
  aligned_array<float> attended_;    ///< [rows x queries]
  aligned_array<float> gate_up_;     ///< [rows x 2 * intermediate], panels alternate
  aligned_array<float> active_;      ///< [rows x intermediate]
  std::size_t block_stride_ = 0;     ///< of fixed point rows
  std::size_t row_stride_ = 0;
  std::vector<float*> out_;  ///< rows of the output of a product
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
