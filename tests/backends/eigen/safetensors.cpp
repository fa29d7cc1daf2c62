// SPDX-License-Identifier: Apache-2.0
#include <proviso/backends/eigen/safetensors.hpp>

#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/backends/eigen/transformer.hpp>

#include "random_model.hpp"
#include "support/catch.hpp"

using namespace proviso;

namespace {

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Opens a model and evaluates a few tokens.
void use(const std::string& path) {
  eigen::transformer model{path};
  auto session = model.open();
  const std::vector<token_id> tokens(session.capacity() < 3 ? session.capacity() : 3);
  session.eval(chain_block{tokens, 1});
}

/// What is wrong with a file, "" when nothing is; anything but std::runtime_error or std::invalid_argument escapes.
std::string fault(const std::string& path) {
  try {
    use(path);
  } catch (const std::invalid_argument& error) {
    return error.what();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a file is described as it is") {
  const eigen::safetensors file("tests/data/broken_safetensors/valid.safetensors");
  CHECK(file.path() == "tests/data/broken_safetensors/valid.safetensors");
  CHECK(file.tensors().size() == 19);
  CHECK(file.metadata().at("format") == "proviso-llama");
  const eigen::tensor* norm = file.find("model.norm.weight");
  REQUIRE(norm != nullptr);
  CHECK(norm->dtype == "F32");
  CHECK(norm->shape == std::vector<std::size_t>{4});
  float first = 0.0F;
  std::memcpy(&first, norm->bytes.data(), sizeof first);
  CHECK(first == 1.0F);
  CHECK(file.find("no such tensor") == nullptr);
}

TEST_CASE("every broken file is refused by name and fault") {
  const std::string folder = "tests/data/broken_safetensors/";
  CHECK(fault(folder + "valid.safetensors").empty());
  std::ifstream list(folder + "faults.tsv");
  std::size_t count = 0;
  for (std::string line; std::getline(list, line); ++count) {
    const std::size_t tab = line.find('\t');
    const std::string path = folder + line.substr(0, tab);
    const std::string message = fault(path);
    INFO(path << ": " << message);
    CHECK(message.rfind(path + ": ", 0) == 0);
    CHECK(message.find(line.substr(tab + 1)) != std::string::npos);
  }
  CHECK(count >= 70);
}

TEST_CASE("a member of a shared file is the model that it is alone") {
  const std::string folder = "tests/data/broken_safetensors/";
  const std::vector<token_id> tokens{1, 2, 3};
  const auto last_row = [&](const std::string& path, const std::string& member) {
    eigen::transformer model{path, {.member = member}};
    auto session = model.open();
    const auto row = session.eval(chain_block{tokens, 1}).row(0);
    return std::vector<float>{row.begin(), row.end()};
  };
  const std::vector<float> alone = last_row(folder + "valid.safetensors", "");
  CHECK(last_row(folder + "shared.safetensors", "de") == alone);
  CHECK(last_row(folder + "shared.safetensors", "fr") != alone);
  CHECK(last_row(folder + "member_without_norm.safetensors", "de") == alone);
  CHECK(eigen::read_config(eigen::safetensors{folder + "shared.safetensors"}).members ==
        std::vector<std::string>{"de", "fr"});
}

TEST_CASE("a wrong member is refused by file, name and the members that there are") {
  const auto message = [](const std::string& file, const std::string& member) -> std::string {
    try {
      eigen::transformer{"tests/data/broken_safetensors/" + file, {.member = member}};
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return {};
  };
  const std::string folder = "tests/data/broken_safetensors/";
  CHECK(message("shared.safetensors", "es") ==
        folder + "shared.safetensors: the file has no member 'es'; its members are de, fr");
  CHECK(message("shared.safetensors", "de.") ==
        folder + "shared.safetensors: the file has no member 'de.'; its members are de, fr");
  CHECK(message("valid.safetensors", "de") ==
        folder + "valid.safetensors: the file holds one model and no member 'de'");
  CHECK(message("member_without_norm.safetensors", "fr") ==
        folder + "member_without_norm.safetensors: tensor 'fr.model.norm.weight' is missing");
}

TEST_CASE("what is no file is refused") {
  CHECK(fault("no/such/file").find("no/such/file: the file cannot be opened") == 0);
  CHECK(fault("tests/data").find("tests/data: ") == 0);
}

TEST_CASE("changed, cut and extended files are refused or work") {
  const std::string valid = read("tests/data/broken_safetensors/valid.safetensors");
  const random_model::temporary_file file("fuzz.safetensors", valid);
  std::mt19937 source{5};
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(source() % n); };
  std::size_t refused = 0;
  constexpr std::size_t rounds = 1500;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::string content = valid;
    switch (below(6)) {
      case 0:
        content.resize(below(content.size()));
        break;
      case 1:
        content.append(1 + below(64), static_cast<char>(below(256)));
        break;
      case 2:
        content[below(8)] = static_cast<char>(below(256));
        break;
      case 3:
        content.erase(below(content.size()), 1 + below(8));
        break;
      case 4: {  // a digit, where it hurts most
        const std::size_t at = content.find_first_of("0123456789", 8 + below(2500));
        if (at != std::string::npos) content[at] = static_cast<char>('0' + below(10));
        break;
      }
      default:
        for (std::size_t k = 1 + below(4); k > 0; --k) content[below(content.size())] = static_cast<char>(below(256));
    }
    file.write(content);
    const std::string message = fault(file.path());
    if (!message.empty()) {
      ++refused;
      if (message.find(file.path()) == std::string::npos) CHECK(message == "the message names no file");
    }
  }
  CHECK(refused > rounds / 4);
  CHECK(refused < rounds);
}
