// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <proviso/backends/eigen/config.hpp>
#include <proviso/backends/eigen/safetensors.hpp>

#include "commands.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;

/// Parameters of a file: elements of all tensors but the scales of quantised rows, which belong to their matrix.
std::size_t parameters(const proviso::eigen::safetensors& file) {
  std::size_t sum = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    if (name.size() > 6 && name.compare(name.size() - 6, 6, "_scale") == 0) continue;
    std::size_t elements = 1;
    for (const std::size_t extent : tensor.shape) elements *= extent;
    sum += elements;
  }
  return sum;
}

}  // namespace

int list_models(const model_files& files) {
  const fs::path zoo = find_zoo(files);
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator{zoo}) {
    if (entry.path().extension() == ".safetensors") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  if (found.empty()) throw std::runtime_error(fmt::format("{} holds no models", zoo.string()));

  fmt::print("{:<17} {:>10} {:>8} {:>10} {:>8} {:>7}  {}\n", "model", "parameters", "layers", "vocabulary", "capacity",
             "MB", "file");
  for (const fs::path& path : found) {
    const proviso::eigen::safetensors file{path.string()};
    const proviso::eigen::transformer_config c = proviso::eigen::read_config(file);
    std::string what = path.filename().string();
    for (const std::string& member : c.members) what += (member == c.members.front() ? ": " : " ") + member;
    fmt::print("{:<17} {:>8.2f} M {:>8} {:>10} {:>8} {:>7.2f}  {}\n", path.stem().string(),
               static_cast<double>(parameters(file)) / 1e6, c.num_hidden_layers, c.vocab_size,
               c.max_position_embeddings, static_cast<double>(fs::file_size(path)) / 1e6, what);
  }
  fmt::print("folder: {}\n", zoo.string());
  return 0;
}

}  // namespace cli
