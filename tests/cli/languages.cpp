// SPDX-License-Identifier: Apache-2.0
// `compare --languages` without names: the table of drafters and languages, the router, and the heat map.
#include <cstddef>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "heat_map.hpp"
#include "prompts.hpp"
#include "running.hpp"
#include "support/catch.hpp"

using namespace cli_test;

TEST_CASE("A heat map has a cell per figure, frames the largest of each column, and leaves out what is missing") {
  cli::heat_map map{"a < b & c", {"x", "y"}, {"de", "fr", "en"}};
  const double none = std::numeric_limits<double>::quiet_NaN();
  map.add({"first", {{1.0, 2.0, 3.0}, {2.5, none, 1.25}}});
  map.add({"second", {{1.0, 1.0, 1.0}, {1.0, 1.0, 1.0}}});
  const std::string svg = map.svg();
  CHECK(svg.rfind("<svg ", 0) == 0);
  CHECK(svg.find("a &lt; b &amp; c") != std::string::npos);
  CHECK(count(svg, "<rect ") == 1 + 5 + 6);
  CHECK(count(svg, "#cf222e") == 3 + 6);  // equal figures are all the largest
  CHECK(svg.find(">2.50<") != std::string::npos);
  CHECK(svg.find("nan") == std::string::npos);
}

TEST_CASE("The comparison by language writes drafter and language, and its texts are those of plain decoding") {
  const scratch s;
  const std::string json = (s.path / "figures.json").string();
  const std::string svg = (s.path / "map.svg").string();
  const finished f = run_program("compare --prompts 1 --max-tokens 16 --temperature 0 --show 0 --json " + json +
                                 " --heat-map " + svg + " --languages");
  INFO(f.err);
  REQUIRE(f.code == 0);
  CHECK(f.out.find("own/general") != std::string::npos);
  CHECK(f.out.find("against the best single drafter of each prompt") != std::string::npos);
  const auto figures = nlohmann::json::parse(content(json));
  std::set<std::string> drafters, languages;
  for (const auto& r : figures) {
    languages.insert(r["language"]);
    CHECK(r["same_as_plain"] == true);
    if (r["drafter"].is_null()) {
      CHECK(r["method"] == "plain");
      continue;
    }
    drafters.insert(r["drafter"].get<std::string>());
    CHECK(r["tokens_per_cost"].get<double>() > 0.0);
  }
  CHECK(drafters ==
        std::set<std::string>{"en", "de", "fr", "es", "ru", "ja", "zh", "code", "general", "lookup", "router"});
  CHECK(languages.size() == 8);
  CHECK(figures.size() == 8 * (drafters.size() + 1));
  CHECK(count(content(svg), "<rect ") == 1 + 8 * drafters.size());
}

TEST_CASE("Mixed prompts switch language twice") {
  const std::vector<cli::prompt> prompts{{"en-1", "en", "one", 0, "en"},  {"de-1", "de", "eins", 0, "de"},
                                         {"fr-1", "fr", "un", 0, "fr"},   {"en-2", "en", "two", 1, "en"},
                                         {"de-2", "de", "zwei", 1, "de"}, {"fr-2", "fr", "deux", 1, "fr"}};
  const std::vector<cli::prompt> mixed = cli::mixed(prompts);
  REQUIRE(mixed.size() == 6);
  CHECK(mixed[0].text == "one\n\neins\n\nun");
  CHECK(mixed[5].text == "deux\n\ntwo\n\nzwei");
  CHECK(mixed[5].tag == "fr");
  CHECK(mixed[5].number == 1);
  const scratch s;
  const std::string json = (s.path / "figures.json").string();
  const finished f =
      run_program("compare --prompts 1 --max-tokens 8 --temperature 0 --show 0 --languages en,de,fr --json " + json +
                  " --by-language --mixed");
  INFO(f.err);
  REQUIRE(f.code == 0);
  const auto figures = nlohmann::json::parse(content(json));
  CHECK(figures.size() == 3 * 12);
  for (const auto& r : figures) CHECK(r["language"] == "mixed");
}

TEST_CASE("A member of the shared file drafts wherever a draft model does") {
  const std::string common = "generate --prompt 'Die Datei' --language de --max-tokens 12 --temperature 0 --method ";
  const std::string plain = run_program(common + "plain").out;
  CHECK(run_program(common + "draft-token --draft drafters:de").out == plain);
  CHECK(run_program(common + "draft-token --draft examples/zoo/drafters.safetensors:general").out == plain);
  check_refused(common + "draft-token --draft drafters", "name one of its members: en, de, ");
  check_refused(common + "draft-token --draft drafters:xx", "no member 'xx'");
  check_refused(common + "draft-token --draft draft:de", "one model and no member 'de'");
}

TEST_CASE("The comparison by language refuses what does not belong to it") {
  check_refused("compare --heat-map map.svg", "--heat-map");
  check_refused("compare --rules --languages", "--rules");
  check_refused("compare --languages --heat-map /nowhere/map.svg --prompts 1", "/nowhere/map.svg");
  check_refused("compare --languages xx --prompts 1", "xx");
  check_refused("compare --prompts 1 --languages --draft examples/zoo/draft.safetensors", "no drafters for languages");
  check_refused("compare --languages en,de --by-language --mixed", "three languages");
  check_refused("compare --mixed", "--mixed");
}
