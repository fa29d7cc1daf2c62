// SPDX-License-Identifier: Apache-2.0
// Draft lengths follow the costs that were measured, or given.
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "costs.hpp"
#include "running.hpp"
#include "support/catch.hpp"

using namespace cli_test;

namespace {

/// Counts evaluations by their width.
struct counted_model {
  struct session {
    counted_model* owner;
    std::size_t capacity() const { return owner->capacity; }
    void rewind(std::size_t) {}
    void eval(const proviso::chain_block& block) { owner->widths.push_back(block.tokens.size()); }
  };
  session open() { return {this}; }
  std::size_t capacity = 8;
  std::vector<std::size_t> widths{};
};

}  // namespace

TEST_CASE("Costs are shares of an evaluation of one token, rounded to steps") {
  const cli::costs cheap = cli::costs_from(0.5, 0.62, 5, 0.03);  // seconds; five tokens cost 1.24 times one
  CHECK(cheap.draft == 0.05);
  CHECK(cheap.verify == 0.06);
  const cli::costs dear = cli::costs_from(0.5, 1.75, 5, 0.06);  // 3.5 times
  CHECK(dear.draft == 0.1);
  CHECK(dear.verify == 0.65);
  CHECK(cli::costs_from(0.5, 0.4, 5, 0.0).verify == 0.06);  // noise
  CHECK(cli::costs_from(0.5, 50.0, 5, 5.0).verify == 0.9);
}

TEST_CASE("Costs are measured in turns; models that hold too little are not measured") {
  counted_model base, draft;
  static_cast<void>(cli::measured_costs(base, &draft));
  REQUIRE(base.widths.size() == 30);
  for (std::size_t i = 0; i < base.widths.size(); ++i) CHECK(base.widths[i] == (i % 2 == 0 ? 1U : 5U));
  CHECK(draft.widths == std::vector<std::size_t>(15, 1));
  counted_model small;
  small.capacity = 4;
  CHECK(cli::measured_costs(small, static_cast<counted_model*>(nullptr)).verify == cli::costs{}.verify);
  CHECK(small.widths.empty());
}

TEST_CASE("What costs much is hardly drafted, and the same costs give the same text") {
  const scratch s;
  const std::string file = (s.path / "r.json").string();
  const auto drafted = [&](const std::string& arguments) {
    const finished f =
        run_program("generate '1, 2, 3, 4, 5,' --temperature 0 --max-tokens 96 --json " + file + " " + arguments);
    INFO(f.err);
    REQUIRE(f.code == 0);
    return nlohmann::json::parse(content(file))[0]["drafted_per_call"].get<double>();
  };
  for (const std::string method : {"draft-token", "draft-match", "lookup-match", "suffix-token"}) {
    INFO(method);
    const double cheap = drafted("--costs 0,0 --method " + method);
    const double dear = drafted("--costs 0.9,0.99 --method " + method);
    CHECK(dear < 0.6 * cheap);
  }
  CHECK(drafted("--costs 0.1,0.6 --method draft-token") == 0.0);
  CHECK(drafted("--costs 0.1,0.3 --method draft-token") > 0.0);
  CHECK(run_program("generate a --max-tokens 2 --method draft-token --costs 0.1,0.6").err.find("decode plainly") !=
        std::string::npos);
  CHECK(run_program("generate a --max-tokens 2 --method draft-token --costs 0.1,0.3").err.find("cannot pay") ==
        std::string::npos);
  const std::string fixed = "generate a --max-tokens 2 --lengths fixed --costs 0.9,0.9 --method draft-token";
  CHECK(run_program(fixed).err.find("plainly") == std::string::npos);
  CHECK(drafted("--lengths fixed --costs 0.9,0.99 --method draft-token") > 2.0);
  CHECK(drafted("--lengths cost_model --costs 0.6,0.1 --method lookup-token") > 0.0);  // copies cost nothing to draft
  CHECK(run_program("generate --costs 0.1,0.3 'a text' --max-tokens 2").code == 0);
  const std::string common = "generate a --temperature 1 --max-tokens 48 --costs 0.1,0.2";
  CHECK(run_program(common).out == run_program(common).out);
  check_refused("generate a --kernels sse", "there are no kernels 'sse'; choose from generic, avx2");
  CHECK(run_program("infill 'a [[2]]' --kernels generic").code == 0);
  CHECK(run_program("compare --prompts 1 --languages en --max-tokens 2 --show 0 --kernels generic").code == 0);
  check_refused("generate a --costs 0.1", "--costs");
  check_refused("generate a --costs 0.1,1", "--costs");
  check_refused("compare --costs ,", "--costs");
  check_refused("generate a --costs 0.1,x", "--costs");
}
