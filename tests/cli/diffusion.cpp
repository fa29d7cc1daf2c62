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
  CHECK(f.out.find(" is on the") != std::string::npos);
  CHECK(f.err.find("5 tokens filled in 2 evaluations") != std::string::npos);
}

TEST_CASE("A space before a gap is left to what fills it") {
  const std::string common = "]] and click the[[4]] button.' --seed 11";
  const finished f = run_program("infill 'To save the file, choose[[10" + common);
  REQUIRE(f.code == 0);
  CHECK(run_program("infill 'To save the file, choose [[10" + common).out == f.out);
  CHECK(f.out.rfind("To save the file, choose ", 0) == 0);
}

TEST_CASE("infill takes what generate takes") {
  const scratch s;
  const std::string text = "Alice [[3]] the [[2]].";
  const std::string common = " --steps 2 --seed 3 ";
  const finished typed = run_program("infill '" + text + "'" + common);
  REQUIRE(typed.code == 0);
  const std::string file = s.file("text", text + "\n");
  CHECK(run_program("infill --file " + file + common).out == typed.out);
  CHECK(run_program("infill - < " + file + common).out == typed.out);
  CHECK(run_program("infill '" + text + "' --threads 1 --colour never" + common).out == typed.out);
  CHECK(run_program("infill '" + text + "' --model diffusion-student" + common).out == typed.out);
  CHECK(run_program("infill '" + text + "' --model diffusion-teacher" + common).code == 0);
  CHECK(run_program("infill '" + text + "' --colour always" + common).out.find("\x1b[0;32m") != std::string::npos);
  CHECK(typed.out.find('\x1b') == std::string::npos);
  CHECK(run_program("infill 'a [[1]]' --steps 1").err == "[1 token filled in 1 evaluation]\n");
  check_refused("infill", "give the text either as an argument or with --file FILE");
  check_refused("infill 'a [[1]]' --file " + file, "either");
  check_refused("infill --file " + s.file("latin1", "caf\xE9 [[2]]"), "the text is not valid UTF-8");
  check_refused("infill ''", "the text is empty");
  check_refused("infill 'a [[2]]' --language tlh", "there is no language 'tlh'");
  check_refused("infill 'a [[2]]' --colour red", "--colour");
  check_refused("infill 'a [[2]]' --threads 0", "--threads");
}

TEST_CASE("infill and compare --diffusion refuse wrong input") {
  check_refused("infill 'no gap'", "has no gap");
  check_refused("infill 'a [[x]]'", "[[N]]");
  check_refused("infill 'a [[4'", "[[N]]");
  check_refused("infill 'a [[4096]]'", "the model holds");
  check_refused("infill 'a [[4]]' --model examples/zoo/base.safetensors", "causal");
  check_refused("infill 'a [[4]]' --model base", "causal");
  check_refused("infill 'a [[4]]' --model nobody", "there is no model file nobody");
  check_refused("infill 'a [[4]]' --model difusion-student", "; did you mean diffusion-student?");
  check_refused("infill 'a [[4]]' --model nowhere.safetensors", "nowhere.safetensors");
  check_refused("compare --diffusion --teacher nowhere.safetensors", "nowhere.safetensors");
}
