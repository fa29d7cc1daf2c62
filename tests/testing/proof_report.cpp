// SPDX-License-Identifier: Apache-2.0
#include <proviso/testing/proof_report.hpp>

#include <string>

#include "support/catch.hpp"

namespace {

using proviso::testing::proof_report;

TEST_CASE("proof_report: what failed, by name") {
  proof_report report;
  CHECK(report.passed());
  CHECK(report.failures().empty());
  report.add("exception", "nothing is thrown", "");
  report.add("output", "the law of the text", "wrong", 0.5);
  report.add("conditional", "the law of every token", "wrong", 0.25);
  CHECK(!report.passed());
  CHECK(report.failures() == "output, conditional");
  CHECK(report.failed("output"));
  CHECK(!report.failed("exception"));
  CHECK(!report.failed("no such check"));
  REQUIRE(report.find("output") != nullptr);
  CHECK(report.find("output")->detail == "wrong");
  CHECK(report.find("output")->error == 0.5);
  CHECK(report.find("exception")->detail == "nothing is thrown");
  CHECK(report.find("no such check") == nullptr);
}

TEST_CASE("proof_report: the text has a line per check and both laws of the worst context") {
  proof_report report;
  report.add("exception", "nothing is thrown", "");
  report.add("output", "the law of the text", "the law of the text is not the target's", 0.012).worst = {
      "1 2 | 0", 0.25, {0.5, 0.5}, {0.55, 0.45, 0.0}};
  report.skip("accepted", "no closed form given");
  report.outcomes = 81;
  report.first_accepted = 0.5;
  report.accepted = 1.0;
  report.tokens_per_round = 1.25;
  CHECK(report.text() ==
        "pass  exception    nothing is thrown\n"
        "FAIL  output       the law of the text is not the target's; error 1.2e-02\n"
        "      worst after 1 2 | 0, reached with probability 0.250000\n"
        "        next    target       got\n"
        "           0  0.500000  0.550000\n"
        "           1  0.500000  0.450000\n"
        "           2  0.000000  0.000000\n"
        "skip  accepted     no closed form given\n"
        "81 outcomes; accepted tokens: 0.500000 in the first round, 1.000000 in all; 1.250000 tokens per round\n");
}

}  // namespace
