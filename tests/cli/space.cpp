// SPDX-License-Identifier: Apache-2.0
// `compare --space`: what it writes, what it draws, and what it refuses.
#include <cstddef>
#include <map>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "running.hpp"
#include "support/catch.hpp"
#include "tree_picture.hpp"

using namespace cli_test;

TEST_CASE("compare --space writes k and domain with the other figures") {
  const scratch s;
  const std::string file = (s.path / "figures.json").string();
  const finished f = run_program(
      "compare --space --k 1,3 --pruned 2 --trees 2 --languages en,code --prompts 1 --max-tokens 24 "
      "--temperature 0,1 --show 0 --json '" +
      file + "'");
  INFO(f.out << f.err);
  REQUIRE(f.code == 0);
  const nlohmann::json figures = nlohmann::json::parse(content(file));
  REQUIRE(figures.size() == 5 * 2 * 2);
  std::map<std::string, std::set<int>> k;
  for (const nlohmann::json& r : figures) {
    k[r["method"]].insert(r["k"].get<int>());
    CHECK(r["domain"] == (r["language"] == "code" ? "code" : "prose"));
    CHECK(r["tokens_per_call"] >= 1.0);
    CHECK(r["nodes_per_call"] >= 1.0);
    if (r["method"] == "space-3" && r["temperature"] == 0.0) CHECK(r["nodes_per_call"] > 8.0);
    CHECK(r["branches"] == (r["method"] == "tree-2" ? 3 : 1));
    if (r["temperature"] == 0.0) CHECK(r["same_as_plain"] == true);
  }
  const std::map<std::string, std::set<int>> expected{
      {"plain", {0}}, {"space-1", {1}}, {"space-3", {3}}, {"pruned-2", {2}}, {"tree-2", {2}}};
  CHECK(k == expected);
}

TEST_CASE("compare --space draws a round") {
  const scratch s;
  const std::string file = (s.path / "round.svg").string();
  const finished f = run_program(
      "compare --space --k 1 --pruned 0 --trees 0 --languages code --prompts 1 --max-tokens 4 "
      "--temperature 0 --show 0 --picture '" +
      file + "'");
  INFO(f.err);
  REQUIRE(f.code == 0);
  const std::string svg = content(file);
  CHECK(svg.rfind("<svg", 0) == 0);
  CHECK(count(svg, ">M1<") == 4);                      // of the tree
  CHECK(count(svg, "<rect") == 1 + 16 + 16 * 17 + 5);  // background, nodes, mask, legend
  CHECK(count(svg, "</svg>") == 1);
}

TEST_CASE("a picture of a tree shows what each node sees") {
  using kind = cli::pictured_node::kind;
  const cli::tree_picture picture{
      "a < b & c",
      {{"x", kind::root, 0}, {"M1", kind::mask, 0}, {"c", kind::accepted, 0}, {"M1", kind::used_mask, 2}},
      7};
  const std::string svg = picture.svg();
  CHECK(count(svg, "a &lt; b &amp; c") == 1);
  CHECK(count(svg, ">@7<") == 1);
  CHECK(count(svg, ">@9<") == 1);
  CHECK(count(svg, ">@10<") == 0);
  CHECK(count(svg, "fill=\"#2da44e\"/>") == 2 + 1);  // the candidate is seen by itself and its mask; legend
  CHECK(count(svg, "fill=\"#0969da\"/>") == 1 + 1);
  CHECK(count(svg, "fill=\"#8fb8e8\"/>") == 1 + 1);
}

TEST_CASE("compare --space refuses what the model cannot do, and its flags go with it") {
  check_refused("compare --space --k 7 --languages code --prompts 1", "7 masks");
  check_refused("compare --space --k 0", "--k");
  check_refused("compare --space --node-cost 1", "--node-cost");
  check_refused("compare --k 2", "--k");
  check_refused("compare --space --rules", "--");
  check_refused("compare --space --k 1 --prompts 1 --picture /nowhere/round.svg", "/nowhere/round.svg");
}
