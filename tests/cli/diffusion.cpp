// SPDX-License-Identifier: Apache-2.0
// `compare --diffusion` and `infill`: what they write, and what they refuse.
#include <string>

#include <nlohmann/json.hpp>

#include "running.hpp"
#include "support/catch.hpp"

using namespace cli_test;

TEST_CASE("compare --diffusion writes a line and an object per model, order and number of steps") {
  const scratch s;
  const std::string json = (s.path / "figures.json").string();
  const finished f = run_program(
      "compare --diffusion --steps 4,8 --orders ancestral,spread,threshold --canvas 32 --prompts 1 "
      "--json '" +
      json + "'");
  INFO(f.out << f.err);
  REQUIRE(f.code == 0);
  const nlohmann::json figures = nlohmann::json::parse(content(json));
  REQUIRE(figures.size() == 2 * 5);
  for (const nlohmann::json& r : figures) {
    CHECK(r["tokens"] == 2 * 32);
    CHECK(r["generative_perplexity"].get<double>() > 1.0);
    CHECK(r["entropy"].get<double>() >= 0.0);
    if (r["order"] == "threshold") {
      CHECK(r["steps"].is_null());
      CHECK(r["evaluations"].get<double>() <= 32.0);
    } else if (r["order"] == "spread") {
      CHECK(r["evaluations"] == r["steps"]);
      CHECK(r["generative_perplexity"].get<double>() < 400.0);  // at least 4096 for tokens drawn uniformly
    } else {
      CHECK(r["evaluations"].get<double>() <= r["steps"].get<double>());
    }
  }
}

TEST_CASE("compare --diffusion --drafts keeps the text of plain decoding") {
  const finished f =
      run_program("compare --diffusion --drafts --temperature 0 --prompts 1 --languages en --max-tokens 16 --show 0");
  INFO(f.out << f.err);
  CHECK(f.code == 0);
  CHECK(f.out.find("diffusion-1") != std::string::npos);
}

TEST_CASE("infill keeps what is given and fills the gaps") {
  const finished f = run_program("infill 'The [[3]] is on the [[2]].' --steps 2");
  INFO(f.out << f.err);
  REQUIRE(f.code == 0);
  CHECK(f.out.substr(0, 3) == "The");
  CHECK(f.out.find(" is on the ") != std::string::npos);
  CHECK(f.err.find("5 tokens filled in 2 evaluations") != std::string::npos);
}

TEST_CASE("infill and compare --diffusion refuse wrong input") {
  check_refused("infill 'no gap'", "has no gap");
  check_refused("infill 'a [[x]]'", "[[N]]");
  check_refused("infill 'a [[4'", "[[N]]");
  check_refused("infill 'a [[4096]]'", "the model holds");
  check_refused("infill 'a [[4]]' --model examples/zoo/base.safetensors", "causal");
  check_refused("infill 'a [[4]]' --model nowhere.safetensors", "nowhere.safetensors");
  check_refused("compare --diffusion --teacher nowhere.safetensors", "nowhere.safetensors");
}
