// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <proviso/backends/eigen/mapped_file.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// One tensor of a safetensors file; `bytes` lie in the file, row-major, little-endian, at any alignment.
struct tensor {
  std::string dtype;
  std::vector<std::size_t> shape;
  std::span<const std::byte> bytes;
};

/// A safetensors file, mapped and checked.
///
/// The whole header is validated on opening: its length against the file, the form of its JSON (no key twice, no
/// unknown fields), dtypes, shapes (no overflow), and data offsets, which must tile the rest of the file without
/// holes or overlap. Errors: std::runtime_error naming the file and the fault.
/// Format: https://huggingface.co/docs/safetensors
class safetensors {
 public:
  explicit safetensors(const std::string& path) : path_{path}, file_{path} { read(); }

  const std::string& path() const noexcept { return path_; }
  const std::map<std::string, tensor, std::less<>>& tensors() const noexcept { return tensors_; }
  const std::map<std::string, std::string, std::less<>>& metadata() const noexcept { return metadata_; }

  /// The tensor of this name, or null.
  const tensor* find(std::string_view name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : &found->second;
  }

  /// Throws the error of this file.
  [[noreturn]] void fail(const std::string& fault) const { throw std::runtime_error(path_ + ": " + fault); }

 private:
  using json = nlohmann::json;

  static constexpr std::size_t length_bytes = 8;
  static constexpr std::size_t longest_header = 100'000'000;

  struct element {
    std::string_view name;
    std::size_t size;
  };
  static constexpr std::array<element, 14> elements{{{"BOOL", 1},
                                                     {"U8", 1},
                                                     {"I8", 1},
                                                     {"F8_E5M2", 1},
                                                     {"F8_E4M3", 1},
                                                     {"U16", 2},
                                                     {"I16", 2},
                                                     {"F16", 2},
                                                     {"BF16", 2},
                                                     {"U32", 4},
                                                     {"I32", 4},
                                                     {"F32", 4},
                                                     {"I64", 8},
                                                     {"F64", 8}}};

  void read() {
    const auto bytes = file_.bytes();
    if (bytes.size() < length_bytes)
      fail("not a safetensors file: shorter than the 8 bytes that hold the length of the header");
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) {
      length |= static_cast<std::uint64_t>(std::to_integer<unsigned>(bytes[i])) << (8 * i);
    }
    if (length > longest_header) fail("not a safetensors file");
    if (length > bytes.size() - length_bytes) {
      fail("the header of " + std::to_string(length) + " bytes ends behind the file");
    }
    const auto header_size = static_cast<std::size_t>(length);
    const std::string_view header{reinterpret_cast<const char*>(bytes.data()) + length_bytes, header_size};
    if (header.empty() || header.front() != '{') fail("not a safetensors file: the header does not begin with '{'");
    data_ = bytes.subspan(length_bytes + header_size);

    const json root = parse(header);
    for (const auto& [name, value] : root.items()) {
      if (name == "__metadata__") {
        read_metadata(value);
      } else {
        read_tensor(name, value);
      }
    }
    check_layout();
  }

  json parse(std::string_view header) const {
    std::vector<std::set<std::string>> keys;
    const auto check = [&](int depth, json::parse_event_t event, json& value) {
      if (depth > 3) fail("the header is nested too deeply");
      if (event == json::parse_event_t::object_start) keys.emplace_back();
      if (event == json::parse_event_t::object_end) keys.pop_back();
      if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
        fail("the key " + quoted(value.get<std::string>()) + " appears twice in the header");
      }
      return true;
    };
    try {
      return json::parse(header.begin(), header.end(), check);
    } catch (const json::exception& error) {
      fail(std::string{"the header is not valid JSON: "} + error.what());
    }
  }

  void read_metadata(const json& value) {
    if (!value.is_object()) fail("__metadata__ is not an object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail("metadata " + quoted(key) + " is not a string");
      metadata_.emplace(key, text.get<std::string>());
    }
  }

  void read_tensor(const std::string& name, const json& value) {
    const std::string what = "tensor " + quoted(name);
    if (!value.is_object()) fail(what + " is not described by an object");
    for (const auto& [key, ignored] : value.items()) {
      if (key != "dtype" && key != "shape" && key != "data_offsets")
        fail(what + " has the unknown field " + quoted(key));
    }
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
      if (!value.contains(key)) fail(what + " has no " + key);
    }
    if (!value["dtype"].is_string()) fail(what + ": dtype is not a string");
    tensor result;
    result.dtype = value["dtype"].get<std::string>();
    const auto known =
        std::find_if(elements.begin(), elements.end(), [&](const element& e) { return e.name == result.dtype; });
    if (known == elements.end()) fail(what + " has the unknown dtype " + quoted(result.dtype));

    result.shape = sizes(value["shape"], what + ": shape");
    std::size_t expected = known->size;
    for (std::size_t extent : result.shape) {
      if (extent != 0 && expected > std::numeric_limits<std::size_t>::max() / extent)
        fail(what + ": the shape overflows");
      expected *= extent;
    }
    const std::vector<std::size_t> offsets = sizes(value["data_offsets"], what + ": data_offsets");
    if (offsets.size() != 2) fail(what + ": data_offsets are not two numbers");
    if (offsets[0] > offsets[1]) fail(what + ": data_offsets are in the wrong order");
    if (offsets[1] > data_.size()) fail(what + " ends behind the file");
    if (offsets[1] - offsets[0] != expected) {
      fail(what + " holds " + std::to_string(offsets[1] - offsets[0]) + " bytes where its shape needs " +
           std::to_string(expected));
    }
    result.bytes = data_.subspan(offsets[0], expected);
    tensors_.emplace(name, std::move(result));
  }

  std::vector<std::size_t> sizes(const json& value, const std::string& what) const {
    if (!value.is_array()) fail(what + " is not a list");
    std::vector<std::size_t> result;
    for (const json& item : value) {
      if (!item.is_number_unsigned()) fail(what + " holds something that is not a natural number");
      result.push_back(item.get<std::size_t>());
    }
    return result;
  }

  void check_layout() const {
    std::vector<const std::pair<const std::string, tensor>*> order;
    for (const auto& item : tensors_) order.push_back(&item);
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
      const auto* first = a->second.bytes.data();
      const auto* second = b->second.bytes.data();
      return first != second ? first < second : a->second.bytes.size() < b->second.bytes.size();
    });
    std::size_t end = 0;
    for (const auto* item : order) {
      const auto begin = static_cast<std::size_t>(item->second.bytes.data() - data_.data());
      if (begin < end) fail("tensor " + quoted(item->first) + " overlaps another tensor");
      if (begin > end) fail("there is a hole of unused bytes before tensor " + quoted(item->first));
      end = begin + item->second.bytes.size();
    }
    if (end != data_.size()) fail("there are unused bytes behind the last tensor");
  }

  /// A name from the file inside a message: bounded, without control characters.
  static std::string quoted(std::string_view name) {
    std::string text{"'"};
    for (char c : name.substr(0, 80)) text.push_back(static_cast<unsigned char>(c) < 0x20 ? '?' : c);
    return text + (name.size() > 80 ? "...'" : "'");
  }

  std::string path_;
  mapped_file file_;
  std::span<const std::byte> data_;
  std::map<std::string, tensor, std::less<>> tensors_;
  std::map<std::string, std::string, std::less<>> metadata_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
