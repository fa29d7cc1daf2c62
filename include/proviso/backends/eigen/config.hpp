// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <proviso/backends/eigen/safetensors.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Shape and constants of a LLaMA-style transformer, from the metadata of its file. Names as in Hugging Face configs.
struct transformer_config {
  std::size_t hidden_size = 0;
  std::size_t intermediate_size = 0;
  std::size_t num_hidden_layers = 0;
  std::size_t num_attention_heads = 0;
  std::size_t num_key_value_heads = 0;
  std::size_t head_dim = 0;
  std::size_t vocab_size = 0;
  std::size_t max_position_embeddings = 0;
  double rope_theta = 10000.0;
  double rms_norm_eps = 1e-5;
  bool tie_word_embeddings = true;
  bool bidirectional = false;  ///< every position attends to every position: a denoiser
  std::optional<token_id> eos_token_id;
  std::vector<token_id> mask_token_ids;
  std::vector<std::string> members;  ///< names of the models of a shared file; empty: the file holds one model

  std::size_t query_size() const noexcept { return num_attention_heads * head_dim; }
  std::size_t key_value_size() const noexcept { return num_key_value_heads * head_dim; }
};

/// Reads and checks the metadata of a file of format "proviso-llama".
///
/// Errors: std::runtime_error naming the file, the entry and what is wrong with it.
class config_reader {
 public:
  explicit config_reader(const safetensors& file) : file_{file} {}

  transformer_config read() const {
    if (text("format") != "proviso-llama") fail("format", "is not 'proviso-llama'");
    transformer_config c;
    c.hidden_size = size("hidden_size");
    c.intermediate_size = size("intermediate_size");
    c.num_hidden_layers = size("num_hidden_layers");
    c.num_attention_heads = size("num_attention_heads");
    c.num_key_value_heads = size("num_key_value_heads");
    c.head_dim = size("head_dim");
    c.vocab_size = size("vocab_size");
    c.max_position_embeddings = size("max_position_embeddings");
    c.rope_theta = real("rope_theta");
    c.rms_norm_eps = real("rms_norm_eps");
    c.tie_word_embeddings = flag("tie_word_embeddings");
    c.bidirectional = has("bidirectional") && flag("bidirectional");
    if (has("eos_token_id")) c.eos_token_id = token("eos_token_id", text("eos_token_id"), c.vocab_size);
    if (has("mask_token_ids")) c.mask_token_ids = tokens("mask_token_ids", c.vocab_size);
    if (has("members")) c.members = names("members");

    if (c.num_attention_heads % c.num_key_value_heads != 0) {
      fail("num_attention_heads", "is not a multiple of num_key_value_heads");
    }
    if (c.head_dim % 2 != 0) fail("head_dim", "is odd; rotary positions need pairs");
    if (!(c.rope_theta > 0.0)) fail("rope_theta", "is not positive");
    return c;
  }

 private:
  // Keeps every product of two sizes far from overflow, and integer sums of one row of a product inside 31 bits.
  static constexpr std::size_t largest_size = 65536;

  [[noreturn]] void fail(std::string_view key, std::string_view fault) const {
    file_.fail("metadata " + std::string{key} + " " + std::string{fault});
  }

  bool has(std::string_view key) const { return file_.metadata().find(key) != file_.metadata().end(); }

  std::string_view text(std::string_view key) const {
    const auto found = file_.metadata().find(key);
    if (found == file_.metadata().end()) fail(key, "is missing");
    return found->second;
  }

  template <class T>
  bool parse(std::string_view value, T& result) const {
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, result);
    return error == std::errc{} && stop == end;
  }

  std::size_t size(std::string_view key) const {
    std::size_t value = 0;
    if (!parse(text(key), value)) fail(key, "is not a natural number");
    if (value == 0) fail(key, "is zero");
    if (value > largest_size) fail(key, "is larger than 65536");
    return value;
  }

  double real(std::string_view key) const {
    double value = 0.0;
    if (!parse(text(key), value)) fail(key, "is not a number");
    if (!std::isfinite(value) || value < 0.0 || value > 1e12) fail(key, "is not a number between 0 and 1e12");
    return value;
  }

  bool flag(std::string_view key) const {
    const std::string_view value = text(key);
    if (value != "true" && value != "false") fail(key, "is neither 'true' nor 'false'");
    return value == "true";
  }

  token_id token(std::string_view key, std::string_view value, std::size_t vocab_size) const {
    token_id id = 0;
    if (!parse(value, id)) fail(key, "is not a token id");
    if (id < 0 || static_cast<std::size_t>(id) >= vocab_size) fail(key, "lies outside the vocabulary");
    return id;
  }

  std::vector<token_id> tokens(std::string_view key, std::size_t vocab_size) const {
    std::vector<token_id> result;
    std::string_view list = text(key);
    while (!list.empty()) {
      const std::size_t comma = list.find(',');
      result.push_back(token(key, list.substr(0, comma), vocab_size));
      list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    }
    return result;
  }

  std::vector<std::string> names(std::string_view key) const {
    std::vector<std::string> result;
    std::string_view list = text(key);
    while (true) {
      const std::size_t comma = list.find(',');
      result.emplace_back(list.substr(0, comma));
      if (result.back().empty()) fail(key, "holds an empty name");
      if (comma == std::string_view::npos) return result;
      list = list.substr(comma + 1);
    }
  }

  const safetensors& file_;
};

/// The configuration stored in a file; see `config_reader`.
inline transformer_config read_config(const safetensors& file) { return config_reader{file}.read(); }

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
