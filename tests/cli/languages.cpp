// SPDX-License-Identifier: Apache-2.0
// `compare --languages` without names: the table of drafters and languages, the router, and the heat map.
#include <cstddef>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "heat_map.hpp"
#include "running.hpp"
#include "support/catch.hpp"

namespace {

using namespace cli_test;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

}  // namespace

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
  CHECK(f.out.find("router against the best single drafter") != std::string::npos);
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
  CHECK(drafters.count("general") == 1);
  CHECK(drafters.count("lookup") == 1);
  CHECK(drafters.count("router") == 1);
  CHECK(languages.size() == 8);
  CHECK(figures.size() == 8 * (drafters.size() + 1));
  CHECK(count(content(svg), "<rect ") == 1 + 8 * drafters.size());
}

TEST_CASE("The comparison by language refuses what does not belong to it") {
  check_refused("compare --heat-map map.svg", "--heat-map");
  check_refused("compare --rules --languages", "--rules");
  check_refused("compare --languages --heat-map /nowhere/map.svg --prompts 1", "/nowhere/map.svg");
  check_refused("compare --languages xx --prompts 1", "xx");
}
