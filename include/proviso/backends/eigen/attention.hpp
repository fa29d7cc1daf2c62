// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <proviso/backends/eigen/aligned_array.hpp>
#include <proviso/backends/eigen/kv_cache.hpp>
#include <proviso/backends/eigen/rotary.hpp>
#include <proviso/backends/eigen/weights.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Consecutive nodes of one block. Node i of the block lies in slot `base + i` of the cache; the places before `base`
/// hold the tokens of the session and are visible to every node.
struct block_part {
  kv_cache* cache = nullptr;
  std::size_t base = 0;
  std::size_t first = 0;                   ///< first node of this part
  std::size_t last = 0;                    ///< one past
  std::size_t known = 0;                   ///< nodes whose keys and values are in the cache, with those of this part
  const token_id* tokens = nullptr;        ///< of the whole block
  const std::size_t* positions = nullptr;  ///< of the whole block
  const std::size_t* run = nullptr;        ///< node i sees exactly the first run[i] nodes, or what its bits say
  const std::uint64_t* visible = nullptr;  ///< rows of bits of the whole block, where some run is `irregular`
  std::size_t visible_words = 0;
  std::size_t wanted = 0;     ///< first node whose logits are wanted
  float* logits = nullptr;    ///< row of the first wanted node of the block; null: features are enough
  float* features = nullptr;  ///< likewise

  static constexpr std::size_t irregular = static_cast<std::size_t>(-1);

  bool sees(std::size_t node, std::size_t other) const noexcept {
    return ((visible[node * visible_words + other / 64] >> (other % 64)) & 1U) != 0;
  }
};

/// Grouped-query attention of one key-value head: a product with the keys, a softmax, a product with the values.
///
/// The result for a node depends only on what it sees, not on where in the block that lies.
class attention {
 public:
  /// Working memory of one thread.
  struct scratch {
    aligned_array<float> key;      ///< [head_dim]
    aligned_array<float> queries;  ///< [queries x head_dim]
    aligned_array<float> scores;   ///< [queries x places]
    aligned_array<float> sums;     ///< [queries]
    aligned_array<float> mixed;    ///< [queries x head_dim]
    std::vector<const float*> in;
    std::vector<float*> out;
  };

  attention(const transformer_weights& weights, std::size_t positions)
      : config_{weights.config},
        kernels_{weights.kernels},
        rotary_(weights.config, positions),
        group_{config_.num_attention_heads / config_.num_key_value_heads},
        dim_{config_.head_dim},
        row_{padded(config_.head_dim)} {}

  void prepare(scratch& own, std::size_t places) const {
    const std::size_t queries = nodes_at_once * group_;
    own.key.reserve(row_);
    own.queries.reserve(queries * row_);
    own.scores.reserve(queries * padded(places));
    own.sums.reserve(queries);
    own.mixed.reserve(queries * row_);
    own.in.resize(queries);
    own.out.resize(queries);
  }

  /// Caches the keys and values of a part, and writes what its nodes attend to (`wanted_only`: the wanted ones).
  /// `projected` holds a row (queries, keys, values) per node of the part, `out` a row of all heads.
  void run(scratch& own, std::size_t layer, std::size_t head, const block_part& part, bool wanted_only,
           const float* projected, std::size_t projected_stride, float* out, std::size_t out_stride) const {
    for (std::size_t node = part.first; node < part.last; ++node) {
      const float* key = projected + (node - part.first) * projected_stride + config_.query_size() + head * dim_;
      rotary_.turn(key, part.positions[node], 1.0F, own.key.data());
      part.cache->write(layer, head, part.base + node, own.key.data(), key + config_.key_value_size());
    }
    std::size_t first = wanted_only ? std::clamp(part.wanted, part.first, part.last) : part.first;
    for (; first < part.last; first += nodes_at_once) {
      const std::size_t last = (std::min)(first + nodes_at_once, part.last);
      const std::size_t row = first - part.first;
      attend(own, layer, head, part, first, last, projected + row * projected_stride, projected_stride,
             out + row * out_stride, out_stride);
    }
  }

 private:
  static constexpr std::size_t nodes_at_once = 8;

  void attend(scratch& own, std::size_t layer, std::size_t head, const block_part& part, std::size_t first,
              std::size_t last, const float* projected, std::size_t projected_stride, float* out,
              std::size_t out_stride) const {
    const std::size_t queries = (last - first) * group_;
    std::size_t reach = 0;
    for (std::size_t node = first; node < last; ++node)
      reach = (std::max)(reach, (std::min)(part.run[node], part.known));
    const std::size_t places = part.base + reach;
    const std::size_t stride = padded(places);
    const float scale = 1.0F / std::sqrt(static_cast<float>(dim_));
    for (std::size_t i = 0; i < queries; ++i) {
      float* query = own.queries.data() + i * row_;
      rotary_.turn(projected + i / group_ * projected_stride + (head * group_ + i % group_) * dim_,
                   part.positions[first + i / group_], scale, query);
      own.in[i] = query;
      own.out[i] = own.scores.data() + i * stride;
    }
    product call;
    call.weights = part.cache->keys(layer, head);
    call.panel_stride = part.cache->key_panel_stride();
    call.columns = dim_;
    call.last_panel = stride / panel_rows;
    call.tokens = queries;
    call.x = own.in.data();
    call.out = own.out.data();
    kernels_.multiply_f32(call);

    for (std::size_t i = 0; i < queries; ++i) {
      own.sums[i] = weigh(own.out[i], part, first + i / group_, places);
      own.in[i] = own.out[i];
      own.out[i] = own.mixed.data() + i * row_;
    }
    call.weights = part.cache->values(layer, head);
    call.panel_stride = part.cache->value_panel_stride();
    call.columns = places;
    call.last_panel = part.cache->value_panels();
    kernels_.multiply_f32(call);

    const auto size = static_cast<::Eigen::Index>(dim_);
    for (std::size_t i = 0; i < queries; ++i) {
      const ::Eigen::Map<const ::Eigen::ArrayXf> mixed(own.out[i], size);
      ::Eigen::Map<::Eigen::ArrayXf>(out + i / group_ * out_stride + (head * group_ + i % group_) * dim_, size) =
          mixed * (1.0F / own.sums[i]);
    }
  }

  /// Turns the scores of one query into weights (up to their sum, which is returned): exponentials for the places
  /// that the node sees, zero for the others.
  ///
  /// The seen places are moved together first, so the sum has the same order wherever in the block they lie; a zero
  /// weight leaves the later sum over values untouched.
  float weigh(float* scores, const block_part& part, std::size_t node, std::size_t places) const {
    if (part.run[node] != block_part::irregular) {
      const std::size_t seen = part.base + part.run[node];
      const float sum = kernels_.exponentials(scores, seen);
      std::fill(scores + seen, scores + places, 0.0F);
      return sum;
    }
    float* block = scores + part.base;
    std::size_t seen = 0;
    for (std::size_t i = 0; i < part.last; ++i) {
      if (part.sees(node, i)) block[seen++] = block[i];
    }
    const float sum = kernels_.exponentials(scores, part.base + seen);
    std::fill(block + seen, scores + places, 0.0F);
    for (std::size_t i = part.last; seen > 0 && i-- > 0;) {
      if (!part.sees(node, i)) continue;
      const float weight = block[--seen];
      block[seen] = 0.0F;
      block[i] = weight;
    }
    return sum;
  }

  const transformer_config& config_;
  const kernel_table& kernels_;
  rotary rotary_;
  std::size_t group_;  ///< query heads per key-value head
  std::size_t dim_;
  std::size_t row_;  ///< floats from one vector of a head to the next
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
