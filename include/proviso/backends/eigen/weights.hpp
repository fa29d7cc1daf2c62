// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <proviso/backends/eigen/config.hpp>
#include <proviso/backends/eigen/matrix.hpp>
#include <proviso/backends/eigen/safetensors.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Weights of one layer. Matrices that share their input are stacked.
struct layer_weights {
  aligned_array<float> attention_norm;  ///< [hidden], padded
  packed_matrix query_key_value;        ///< rows: queries of all heads, keys, values
  packed_matrix output;
  aligned_array<float> feed_forward_norm;
  packed_matrix gate_up;  ///< panels of the gate and of the up matrix alternate
  packed_matrix down;
};

/// All weights of a transformer, packed for the kernels of this machine.
struct transformer_weights {
  transformer_config config;
  weight_storage storage = weight_storage::f32;
  kernel_table kernels;
  lookup_table embedding;
  std::vector<layer_weights> layers;
  aligned_array<float> final_norm;
  packed_matrix head;

  /// Bytes that one evaluation reads: every matrix once.
  std::size_t streamed_bytes() const {
    std::size_t sum = head.bytes();
    for (const layer_weights& l : layers) {
      sum += l.query_key_value.bytes() + l.output.bytes() + l.gate_up.bytes() + l.down.bytes();
    }
    return sum;
  }
};

/// Reads the tensors of a LLaMA-style model (Hugging Face names) from a safetensors file.
///
/// A matrix is F32, F16, BF16, or I8 with the F32 tensor `<name>_scale` of one scale per row. In a shared file, the
/// names of layers and last norm begin with `<member>.`; embedding and head are those of all members. Errors:
/// std::runtime_error naming the file, the tensor, and what is wrong (missing, wrong shape or dtype, not finite), or
/// the members that the file has.
class weights_reader {
 public:
  weights_reader(const safetensors& file, weight_storage storage, const kernel_table& kernels,
                 const std::string& member = {})
      : file_{file}, kernels_{kernels} {
    weights_.config = read_config(file);
    check_member(member);
    if (!member.empty()) prefix_ = member + ".";
    weights_.kernels = kernels;
    weights_.storage = storage == weight_storage::as_stored ? stored() : storage;
  }

  transformer_weights read() {
    const transformer_config& c = weights_.config;
    const std::size_t d = c.hidden_size;
    const std::size_t ff = c.intermediate_size;
    const std::string embedding = "model.embed_tokens.weight";
    const std::string head = c.tie_word_embeddings ? embedding : "lm_head.weight";

    // Everything but the layers first: it bounds the sizes by the size of the file.
    weights_.final_norm = vector(prefix_ + "model.norm.weight", d);
    require_matrix(embedding, c.vocab_size, d);
    require_matrix(head, c.vocab_size, d);
    weights_.embedding = lookup_table(c.vocab_size, d, weights_.storage);
    each_row(embedding, c.vocab_size, d, weights_.embedding, [](std::size_t r) { return r; });
    weights_.head = matrix(c.vocab_size, d);
    each_row(head, c.vocab_size, d, weights_.head, [](std::size_t r) { return r; });

    for (std::size_t i = 0; i < c.num_hidden_layers; ++i) {
      const std::string layer = prefix_ + "model.layers." + std::to_string(i) + ".";
      const std::string attention = layer + "self_attn.";
      const std::size_t q = c.query_size();
      const std::size_t kv = c.key_value_size();
      require_matrix(attention + "q_proj.weight", q, d);
      require_matrix(attention + "k_proj.weight", kv, d);
      require_matrix(attention + "v_proj.weight", kv, d);
      require_matrix(attention + "o_proj.weight", d, q);
      require_matrix(layer + "mlp.gate_proj.weight", ff, d);
      require_matrix(layer + "mlp.up_proj.weight", ff, d);
      require_matrix(layer + "mlp.down_proj.weight", d, ff);

      layer_weights l;
      l.attention_norm = vector(layer + "input_layernorm.weight", d);
      l.feed_forward_norm = vector(layer + "post_attention_layernorm.weight", d);
      l.query_key_value = matrix(q + 2 * kv, d);
      each_row(attention + "q_proj.weight", q, d, l.query_key_value, [](std::size_t r) { return r; });
      each_row(attention + "k_proj.weight", kv, d, l.query_key_value, [&](std::size_t r) { return q + r; });
      each_row(attention + "v_proj.weight", kv, d, l.query_key_value, [&](std::size_t r) { return q + kv + r; });
      l.output = matrix(d, q);
      each_row(attention + "o_proj.weight", d, q, l.output, [](std::size_t r) { return r; });
      l.gate_up = matrix(2 * padded(ff), d);
      each_row(layer + "mlp.gate_proj.weight", ff, d, l.gate_up, [](std::size_t r) { return r / 16 * 32 + r % 16; });
      each_row(layer + "mlp.up_proj.weight", ff, d, l.gate_up, [](std::size_t r) { return r / 16 * 32 + 16 + r % 16; });
      l.down = matrix(d, ff);
      each_row(layer + "mlp.down_proj.weight", d, ff, l.down, [](std::size_t r) { return r; });
      weights_.layers.push_back(std::move(l));
    }
    return std::move(weights_);
  }

 private:
  /// The storage that keeps all matrices of the file as they are, or f32.
  weight_storage stored() const {
    bool all_i8 = true;
    bool all_f16 = true;
    for (const auto& [name, t] : file_.tensors()) {
      if (t.shape.size() != 2) continue;
      all_i8 = all_i8 && t.dtype == "I8";
      all_f16 = all_f16 && t.dtype == "F16";
    }
    return all_i8 ? weight_storage::i8 : all_f16 ? weight_storage::f16 : weight_storage::f32;
  }

  packed_matrix matrix(std::size_t rows, std::size_t columns) const {
    return {rows, columns, weights_.storage, kernels_};
  }

  void check_member(const std::string& member) const {
    const std::vector<std::string>& members = weights_.config.members;
    if (members.empty() && member.empty()) return;
    if (members.empty()) file_.fail("the file holds one model and no member '" + member + "'");
    if (std::find(members.begin(), members.end(), member) != members.end()) return;
    std::string names;
    for (const std::string& name : members) names += (names.empty() ? "" : ", ") + name;
    if (member.empty()) file_.fail("the file holds several models; name one of its members: " + names);
    file_.fail("the file has no member '" + member + "'; its members are " + names);
  }

  const tensor& get(const std::string& name) const {
    const tensor* found = file_.find(name);
    if (found == nullptr) file_.fail("tensor '" + name + "' is missing");
    return *found;
  }

  static std::string shape_text(const std::vector<std::size_t>& shape) {
    std::string text = "[";
    for (std::size_t extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
    return text + "]";
  }

  void require_shape(const std::string& name, const std::vector<std::size_t>& shape) const {
    const tensor& t = get(name);
    if (t.shape != shape) {
      file_.fail("tensor '" + name + "' has the shape " + shape_text(t.shape) + " where " + shape_text(shape) +
                 " is expected");
    }
  }

  void require_matrix(const std::string& name, std::size_t rows, std::size_t columns) const {
    require_shape(name, {rows, columns});
    const tensor& t = get(name);
    if (t.dtype != "I8" && t.dtype != "F32" && t.dtype != "F16" && t.dtype != "BF16") {
      file_.fail("tensor '" + name + "' has the dtype " + t.dtype + " where I8, F16, BF16 or F32 is expected");
    }
    if (t.dtype == "I8") {
      require_shape(name + "_scale", {rows});
      if (get(name + "_scale").dtype != "F32") file_.fail("tensor '" + name + "_scale' is not F32");
    }
  }

  aligned_array<float> vector(const std::string& name, std::size_t size) const {
    require_shape(name, {size});
    aligned_array<float> result(padded(size));
    read_floats(name, get(name), 0, {result.data(), size});
    return result;
  }

  template <class Stored>
  static void widen(const std::byte* from, std::span<float> out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      Stored value;
      std::memcpy(&value, from + i * sizeof value, sizeof value);
      out[i] = static_cast<float>(value);
    }
  }

  void read_floats(const std::string& name, const tensor& t, std::size_t first, std::span<float> out) const {
    if (t.dtype == "F32") {
      widen<float>(t.bytes.data() + first * sizeof(float), out);
    } else if (t.dtype == "F16") {
      widen<::Eigen::half>(t.bytes.data() + first * 2, out);
    } else if (t.dtype == "BF16") {
      widen<::Eigen::bfloat16>(t.bytes.data() + first * 2, out);
    } else {
      file_.fail("tensor '" + name + "' has the dtype " + t.dtype + " where F32, F16 or BF16 is expected");
    }
    for (float value : out) {
      if (!std::isfinite(value)) file_.fail("tensor '" + name + "' holds a value that is not finite");
    }
  }

  /// Puts row r of a matrix of the file into row `place(r)` of `target`, in the storage of this model.
  template <class Target, class Place>
  void each_row(const std::string& name, std::size_t rows, std::size_t columns, Target& target, Place place) const {
    const tensor& t = get(name);
    std::vector<float> floats(columns);
    std::vector<std::int8_t> levels(columns);
    for (std::size_t r = 0; r < rows; ++r) {
      float scale = 1.0F;
      if (t.dtype == "I8") {
        read_floats(name + "_scale", get(name + "_scale"), r, {&scale, 1});
        std::memcpy(levels.data(), t.bytes.data() + r * columns, columns);
        for (std::size_t k = 0; k < columns; ++k) floats[k] = static_cast<float>(levels[k]) * scale;
      } else {
        read_floats(name, t, r * columns, floats);
      }
      if (weights_.storage == weight_storage::i8) {
        if (t.dtype != "I8") scale = quantise(floats, levels.data());
        target.set_row(place(r), levels, scale);
      } else {
        check_range(name, floats);
        target.set_row(place(r), std::span<const float>{floats});
      }
    }
  }

  void check_range(const std::string& name, std::span<const float> row) const {
    if (weights_.storage != weight_storage::f16) return;
    for (float value : row) {
      if (std::fabs(value) > 65504.0F) file_.fail("tensor '" + name + "' holds a value that is too large for fp16");
    }
  }

  const safetensors& file_;
  const kernel_table& kernels_;
  std::string prefix_;  // of the tensors of the member
  transformer_weights weights_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
