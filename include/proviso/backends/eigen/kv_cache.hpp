// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <proviso/backends/eigen/aligned_array.hpp>
#include <proviso/backends/eigen/config.hpp>
#include <proviso/backends/eigen/product.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Keys (rotated) and values of one sequence, in floats, for every layer and key-value head.
///
/// Both are laid out as packed matrices, so that attention is two products: keys [slot x dimension] in panels of 16
/// slots, values [dimension x slot] in panels of 16 dimensions. Memory is touched as the sequence grows.
class kv_cache {
 public:
  kv_cache() = default;
  kv_cache(const transformer_config& config, std::size_t capacity)
      : layers_{config.num_hidden_layers},
        heads_{config.num_key_value_heads},
        head_dim_{config.head_dim},
        slots_{padded(capacity)},
        keys_(layers_ * heads_ * slots_ * head_dim_),
        values_(layers_ * heads_ * slots_ * padded(head_dim_)) {}

  const float* keys(std::size_t layer, std::size_t head) const noexcept {
    return keys_.data() + (layer * heads_ + head) * slots_ * head_dim_;
  }
  const float* values(std::size_t layer, std::size_t head) const noexcept {
    return values_.data() + (layer * heads_ + head) * slots_ * padded(head_dim_);
  }
  std::size_t key_panel_stride() const noexcept { return head_dim_ * panel_rows; }
  std::size_t value_panel_stride() const noexcept { return slots_ * panel_rows; }
  std::size_t value_panels() const noexcept { return padded(head_dim_) / panel_rows; }

  /// Stores `head_dim` numbers of a key and of a value.
  void write(std::size_t layer, std::size_t head, std::size_t slot, const float* key, const float* value) noexcept {
    float* keys = keys_.data() + (layer * heads_ + head) * slots_ * head_dim_;
    float* values = values_.data() + (layer * heads_ + head) * slots_ * padded(head_dim_);
    for (std::size_t i = 0; i < head_dim_; ++i) keys[key_place(slot, i)] = key[i];
    for (std::size_t i = 0; i < head_dim_; ++i) values[value_place(slot, i)] = value[i];
  }

  /// Copies slot `from` to slot `to` in every layer.
  void copy(std::size_t from, std::size_t to) noexcept {
    for (std::size_t part = 0; part < layers_ * heads_; ++part) {
      float* keys = keys_.data() + part * slots_ * head_dim_;
      float* values = values_.data() + part * slots_ * padded(head_dim_);
      for (std::size_t i = 0; i < head_dim_; ++i) keys[key_place(to, i)] = keys[key_place(from, i)];
      for (std::size_t i = 0; i < head_dim_; ++i) values[value_place(to, i)] = values[value_place(from, i)];
    }
  }

 private:
  std::size_t key_place(std::size_t slot, std::size_t i) const noexcept {
    return (slot / panel_rows * head_dim_ + i) * panel_rows + slot % panel_rows;
  }
  std::size_t value_place(std::size_t slot, std::size_t i) const noexcept {
    return (i / panel_rows * slots_ + slot) * panel_rows + i % panel_rows;
  }

  std::size_t layers_ = 0;
  std::size_t heads_ = 0;
  std::size_t head_dim_ = 0;
  std::size_t slots_ = 0;
  aligned_array<float> keys_;
  aligned_array<float> values_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
