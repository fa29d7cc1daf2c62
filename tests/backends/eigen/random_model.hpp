// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <proviso/backends/eigen/config.hpp>

/// Files of random models, written where the system keeps temporary files and removed with their object.
namespace random_model {

using proviso::eigen::transformer_config;

inline std::string temporary_path(const std::string& name) {
  static std::mt19937_64 source{std::random_device{}()};
  return (std::filesystem::temp_directory_path() / ("proviso-" + std::to_string(source()) + "-" + name)).string();
}

class temporary_file {
 public:
  temporary_file(const std::string& name, const std::string& content) : path_{temporary_path(name)} { write(content); }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  const std::string& path() const { return path_; }
  void write(const std::string& content) const {
    std::ofstream file(path_, std::ios::binary | std::ios::trunc);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    if (!file) throw std::runtime_error("cannot write " + path_);
  }

 private:
  std::string path_;
};

/// The shapes of the bundled models.
inline transformer_config base_shape() {
  transformer_config c;
  c.hidden_size = 320;
  c.intermediate_size = 736;
  c.num_hidden_layers = 8;
  c.num_attention_heads = 10;
  c.num_key_value_heads = 2;
  c.head_dim = 32;
  c.vocab_size = 4096;
  c.max_position_embeddings = 512;
  c.eos_token_id = 2;
  c.mask_token_ids = {3, 4, 5, 6, 7, 8};
  return c;
}
inline transformer_config draft_shape() {
  transformer_config c = base_shape();
  c.hidden_size = 128;
  c.intermediate_size = 160;
  c.num_hidden_layers = 2;
  c.num_attention_heads = 4;
  c.num_key_value_heads = 1;
  return c;
}
/// Odd sizes: nothing is a multiple of 16 that need not be.
inline transformer_config odd_shape() {
  transformer_config c = base_shape();
  c.hidden_size = 52;
  c.intermediate_size = 75;
  c.num_hidden_layers = 3;
  c.num_attention_heads = 6;
  c.num_key_value_heads = 3;
  c.head_dim = 10;
  c.vocab_size = 99;
  c.max_position_embeddings = 300;
  return c;
}

/// A safetensors file with random weights; matrices are F32, or I8 with scales.
inline std::string content(const transformer_config& c, bool int8, std::uint64_t seed = 1) {
  nlohmann::json header;
  std::string data;
  std::mt19937_64 source{seed};
  const auto uniform = [&] { return static_cast<float>(source() >> 40) / 8388608.0F - 1.0F; };
  const auto append = [&](const std::string& name, const char* dtype, const std::vector<std::size_t>& shape,
                          const void* bytes, std::size_t size) {
    header[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {data.size(), data.size() + size}}};
    data.append(static_cast<const char*>(bytes), size);
  };
  const auto vector = [&](const std::string& name, std::size_t size) {
    std::vector<float> v(size);
    for (float& x : v) x = 1.0F + 0.2F * uniform();
    append(name, "F32", {size}, v.data(), 4 * size);
  };
  const auto matrix = [&](const std::string& name, std::size_t rows, std::size_t columns, float gain) {
    const float spread = gain / std::sqrt(static_cast<float>(columns));
    if (int8) {
      std::vector<float> scales(rows);
      for (float& x : scales) x = spread * (1.0F + 0.3F * uniform()) / 127.0F;
      std::vector<std::int8_t> w(rows * columns);
      for (std::int8_t& x : w) x = static_cast<std::int8_t>(127.0F * uniform());
      append(name + "_scale", "F32", {rows}, scales.data(), 4 * rows);
      append(name, "I8", {rows, columns}, w.data(), w.size());
    } else {
      std::vector<float> w(rows * columns);
      for (float& x : w) x = spread * uniform();
      append(name, "F32", {rows, columns}, w.data(), 4 * w.size());
    }
  };
  matrix("model.embed_tokens.weight", c.vocab_size, c.hidden_size, 8.0F);
  for (std::size_t i = 0; i < c.num_hidden_layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    vector(layer + "input_layernorm.weight", c.hidden_size);
    vector(layer + "post_attention_layernorm.weight", c.hidden_size);
    matrix(layer + "self_attn.q_proj.weight", c.query_size(), c.hidden_size, 3.0F);
    matrix(layer + "self_attn.k_proj.weight", c.key_value_size(), c.hidden_size, 3.0F);
    matrix(layer + "self_attn.v_proj.weight", c.key_value_size(), c.hidden_size, 1.7F);
    matrix(layer + "self_attn.o_proj.weight", c.hidden_size, c.query_size(), 1.7F);
    matrix(layer + "mlp.gate_proj.weight", c.intermediate_size, c.hidden_size, 1.7F);
    matrix(layer + "mlp.up_proj.weight", c.intermediate_size, c.hidden_size, 1.7F);
    matrix(layer + "mlp.down_proj.weight", c.hidden_size, c.intermediate_size, 1.7F);
  }
  vector("model.norm.weight", c.hidden_size);
  if (!c.tie_word_embeddings) matrix("lm_head.weight", c.vocab_size, c.hidden_size, 3.0F);

  std::string masks;
  for (proviso::token_id id : c.mask_token_ids) {
    if (!masks.empty()) masks += ',';
    masks += std::to_string(id);
  }
  auto& metadata = header["__metadata__"];
  metadata = {{"format", "proviso-llama"},
              {"hidden_size", std::to_string(c.hidden_size)},
              {"intermediate_size", std::to_string(c.intermediate_size)},
              {"num_hidden_layers", std::to_string(c.num_hidden_layers)},
              {"num_attention_heads", std::to_string(c.num_attention_heads)},
              {"num_key_value_heads", std::to_string(c.num_key_value_heads)},
              {"head_dim", std::to_string(c.head_dim)},
              {"vocab_size", std::to_string(c.vocab_size)},
              {"max_position_embeddings", std::to_string(c.max_position_embeddings)},
              {"rope_theta", std::to_string(c.rope_theta)},
              {"rms_norm_eps", std::to_string(c.rms_norm_eps)},
              {"tie_word_embeddings", c.tie_word_embeddings ? "true" : "false"},
              {"bidirectional", c.bidirectional ? "true" : "false"},
              {"mask_token_ids", masks}};
  if (c.eos_token_id) metadata["eos_token_id"] = std::to_string(*c.eos_token_id);
  const std::string text = header.dump();
  std::string length;
  for (std::size_t i = 0; i < 8; ++i) length.push_back(static_cast<char>((text.size() >> (8 * i)) & 0xff));
  return length + text + data;
}

}  // namespace random_model
