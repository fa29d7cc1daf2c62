// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <proviso/backends/eigen/config.hpp>
#include <proviso/backends/eigen/safetensors.hpp>

#include "commands.hpp"
#include "stream.hpp"
#include "table.hpp"
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

  const terminal out = terminal::of(stdout);
  const listing rows{
      out, {{"model", -17}, {"parameters", 11}, {"layers", 8}, {"MB", 8}, {"capacity", 10}, {"vocabulary", 12}}};
  std::vector<std::string> shared;
  rows.head();
  for (const fs::path& path : found) {
    const proviso::eigen::safetensors file{path.string()};
    const proviso::eigen::transformer_config c = proviso::eigen::read_config(file);
    const std::string name = path.stem().string();
    rows.row({name, fmt::format("{:.2f} M", static_cast<double>(parameters(file)) / 1e6),
              std::to_string(c.num_hidden_layers),
              fmt::format("{:.2f}", static_cast<double>(fs::file_size(path)) / 1e6),
              std::to_string(c.max_position_embeddings), std::to_string(c.vocab_size)});
    if (c.members.empty()) continue;
    shared.push_back(fmt::format("{} holds {}; name one of them as {}:{}", name, fmt::join(c.members, " "), name,
                                 c.members.front()));
  }
  for (const std::string& sentence : shared) print_line(out, sentence);
  fmt::print(out.stream, "folder: {}\n", zoo.string());
  return 0;
}

}  // namespace cli
