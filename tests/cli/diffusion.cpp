// SPDX-License-Identifier: Apache-2.0
// `compare --diffusion` and `infill`: what they write, and what they refuse.
#include <cstddef>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "running.hpp"
#include "support/catch.hpp"

namespace {

using namespace cli_test;

/// A bundled causal model as a denoiser, with mask token 9: it writes nonsense, but it runs.
std::string denoiser_file(const scratch& s) {
  const std::string bytes = content("examples/zoo/draft.safetensors");
  std::size_t size = 0;
  for (std::size_t i = 8; i-- > 0;) size = size * 256 + static_cast<unsigned char>(bytes[i]);
  nlohmann::ordered_json header = nlohmann::ordered_json::parse(bytes.substr(8, size));
  header["__metadata__"]["bidirectional"] = "true";
  header["__metadata__"]["mask_token_ids"] = "9";
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string length;
  for (std::size_t rest = text.size(), i = 0; i < 8; ++i, rest /= 256) length.push_back(static_cast<char>(rest % 256));
  return s.file("denoiser.safetensors", length + text + bytes.substr(8 + size));
}

}  // namespace

TEST_CASE("compare --diffusion writes a line and an object per model, order and number of steps") {
  const scratch s;
  const std::string net = denoiser_file(s);
  const std::string json = (s.path / "figures.json").string();
  const finished f = run_program(
      "compare --diffusion --teacher '" + net + "' --student '" + net +
      "' --steps 2,4 --orders ancestral,threshold --canvas 8 --prompts 1 --languages en --json '" + json + "'");
  INFO(f.out << f.err);
  REQUIRE(f.code == 0);
  const nlohmann::json figures = nlohmann::json::parse(content(json));
  REQUIRE(figures.size() == 2 * 3);
  for (const nlohmann::json& r : figures) {
    CHECK(r["tokens"] == 8);
    CHECK(r["generative_perplexity"].get<double>() > 1.0);
    CHECK(r["entropy"].get<double>() >= 0.0);
    if (r["order"] == "threshold") {
      CHECK(r["steps"].is_null());
      CHECK(r["evaluations"].get<double>() <= 8.0);
    } else {
      CHECK(r["evaluations"].get<double>() <= r["steps"].get<double>());
    }
  }
}

TEST_CASE("compare --diffusion --drafts keeps the text of plain decoding") {
  const scratch s;
  const finished f = run_program("compare --diffusion --drafts --student '" + denoiser_file(s) +
                                 "' --temperature 0 --prompts 1 --languages en --max-tokens 8 --show 0");
  INFO(f.out << f.err);
  CHECK(f.code == 0);
  CHECK(f.out.find("diffusion-1") != std::string::npos);
}

TEST_CASE("infill keeps what is given and fills the gaps") {
  const scratch s;
  const finished f = run_program("infill 'The [[3]] is on the [[2]].' --steps 2 --model '" + denoiser_file(s) + "'");
  INFO(f.out << f.err);
  REQUIRE(f.code == 0);
  CHECK(f.out.substr(0, 3) == "The");
  CHECK(f.out.find(" is on the ") != std::string::npos);
  CHECK(f.err.find("5 tokens filled in 2 evaluations") != std::string::npos);
}

TEST_CASE("infill and compare --diffusion refuse wrong input") {
  const scratch s;
  const std::string model = " --model '" + denoiser_file(s) + "'";
  check_refused("infill 'no gap'" + model, "has no gap");
  check_refused("infill 'a [[x]]'" + model, "[[N]]");
  check_refused("infill 'a [[4'" + model, "[[N]]");
  check_refused("infill 'a [[4096]]'" + model, "the model holds");
  check_refused("infill 'a [[4]]' --model examples/zoo/base.safetensors", "causal");
  check_refused("infill 'a [[4]]' --model nowhere.safetensors", "nowhere.safetensors");
  check_refused("compare --diffusion --teacher nowhere.safetensors", "nowhere.safetensors");
}
