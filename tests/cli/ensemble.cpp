// SPDX-License-Identifier: Apache-2.0
// `compare --ensemble`: what it predicts, what it writes, and what it refuses.
#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "prediction.hpp"
#include "running.hpp"
#include "support/catch.hpp"

namespace {

using namespace cli_test;

bool nearly_equal(double a, double b) { return std::abs(a - b) < 1e-6 * (1.0 + std::abs(b)); }

/// The formula of docs/decode/ensemble.md for two models of costs c and 1 with lengths q and p.
double two_models(double a, double c, int q, int p) {
  return (1 - std::pow(a, q + p)) * (1 + c) /
         ((1 - a) * (1 + c * q + std::pow(a, q) * (c + p - 1) - c * std::pow(a, q + p)));
}

}  // namespace

TEST_CASE("The predicted speed-up of two models is the formula of the page") {
  for (const double a : {0.0, 0.3, 0.5, 0.8, 0.95}) {
    for (const double c : {0.1, 0.5, 1.0, 2.0}) {
      for (const std::size_t q : {1U, 2U, 5U}) {
        for (const std::size_t p : {1U, 3U}) {
          const auto cost = [&](std::size_t i, std::size_t) { return i == 0 ? c : 1.0; };
          const std::size_t lengths[] = {q, p};
          CHECK(nearly_equal(cli::predicted_ensemble(cost, lengths, a),
                             two_models(a, c, static_cast<int>(q), static_cast<int>(p))));
        }
      }
    }
  }
}

TEST_CASE("The predicted speed-up of n models of lengths 1 follows from the number of their calls") {
  for (const double a : {0.0, 0.4, 0.75, 0.9}) {
    for (std::size_t n = 2; n <= 5; ++n) {
      const std::vector<std::size_t> lengths(n, 1);
      const auto models = static_cast<double>(n);
      const auto equal = [](std::size_t, std::size_t) { return 0.3; };
      CHECK(nearly_equal(cli::predicted_ensemble(equal, lengths, a), models / (1 + (models - 1) * (1 - a))));
      // Unequal costs: each model once in a cycle, and further calls in turn while tokens stand.
      const auto cost = [](std::size_t i, std::size_t) { return static_cast<double>(i + 1); };
      double all = 0.0;
      double more = 0.0;
      for (std::size_t i = 0; i < n; ++i) {
        all += cost(i, 1);
        more += cost(i, 1) * std::pow(a, i + 1) / (1 - std::pow(a, n));
      }
      CHECK(nearly_equal(cli::predicted_ensemble(cost, lengths, a), all / ((1 - a) * (all + more))));
    }
  }
}

TEST_CASE("The predicted speed-up counts wider evaluations where they cost more") {
  // Two models, nothing is ever refused: after the first two evaluations each has two tokens and verifies one.
  const auto cost = [](std::size_t, std::size_t width) { return width == 1 ? 1.0 : 1.25; };
  const std::size_t lengths[] = {1, 1};
  CHECK(std::abs(cli::predicted_ensemble(cost, lengths, 1.0) - 2.0 / 1.25) < 1e-3);
  // Everything is refused: one evaluation of one token and one of two for every token.
  CHECK(nearly_equal(cli::predicted_ensemble(cost, lengths, 0.0), 2.0 / 2.25));
}

TEST_CASE("The predicted speed-up of a drafter for an ensemble is that of speculative decoding") {
  CHECK(nearly_equal(cli::predicted_speculative(0.0, 1.0, 1.0, 5, 0.8), (1 - std::pow(0.8, 6)) / 0.2));
  CHECK(nearly_equal(cli::predicted_speculative(0.2, 2.0, 2.0, 3, 0.5), 1.875 / 1.3));
  CHECK(nearly_equal(cli::predicted_speculative(1.0, 3.0, 2.0, 4, 0.0), 2.0 / 7.0));
}

TEST_CASE("Ensembles are compared, and at temperature 0 all give the text of plain decoding") {
  const scratch s;
  const fs::path file = s.path / "r.json";
  const finished f = run_program(
      "compare --ensemble --models third,peer,base --lambda 0.3 --mu 0.2 --gamma 2,1,1 --prompts 1 --languages de"
      " --max-tokens 24 --show 0 --json " +
      file.string());
  INFO(f.err);
  CHECK(f.code == 0);
  CHECK(f.out.find("contrastive 0.2") != std::string::npos);
  const nlohmann::json list = nlohmann::json::parse(content(file));
  const std::set<std::string> fields{"method",
                                     "prompt",
                                     "temperature",
                                     "tokens",
                                     "seconds",
                                     "tokens_per_second",
                                     "speedup",
                                     "target_calls",
                                     "tokens_per_call",
                                     "acceptance_rate",
                                     "language",
                                     "drafted_per_call",
                                     "same_as_plain",
                                     "models",
                                     "combine",
                                     "predicted_speedup",
                                     "predicted_with_widths"};
  std::set<std::string> seen;
  for (const nlohmann::json& r : list) {
    std::set<std::string> names;
    for (const auto& [name, value] : r.items()) names.insert(name);
    CHECK(names == fields);
    const std::string method = r["method"];
    const bool plain = method == "ensemble-plain";
    seen.insert(method.substr(9) + " " + r["models"].dump() + r["combine"].dump() + r["temperature"].dump());
    if (plain || r["temperature"] == 0.0) CHECK(r["same_as_plain"].get<bool>());
    if (plain) CHECK((r["speedup"] == 1.0 && r["predicted_speedup"] == 1.0));
    CHECK(r["predicted_speedup"].get<double>() > 0.0);
    CHECK(r["predicted_with_widths"].get<double>() > 0.0);
  }
  std::set<std::string> expected;
  for (const std::string t : {"0.0", "1.0"}) {
    for (const std::string m : {"plain", "speculative", "alternate", "n"}) {
      expected.insert(m + R"( ["third","peer"]"weighted 0.3 0.7")" + t);
      expected.insert(m + R"( ["base","third"]"contrastive 0.2")" + t);
      if (m != "alternate") expected.insert(m + R"( ["third","peer","base"]"weighted 0.3333 0.3333 0.3333")" + t);
    }
  }
  CHECK(seen == expected);
  CHECK(list.size() == expected.size());
}

TEST_CASE("Wrong ensembles are refused") {
  const std::string two = "compare --ensemble --models base,draft ";
  check_refused("compare --models base,draft", "--models requires --ensemble");
  check_refused("compare --ensemble --rules", "excludes");
  check_refused("compare --ensemble --methods plain", "excludes");
  check_refused("compare --ensemble --models base", "two --models at least");
  check_refused("compare --ensemble --models base,nobody", "there is no model file");
  check_refused("compare --ensemble --models base,LICENSE", "LICENSE");
  check_refused("compare --ensemble --models base,tests/data/models/tied-i8.safetensors",
                "has 64 tokens, but the vocabulary has");
  check_refused(two + "--weights 0.5,0.4", "the weights add up to 0.9");
  check_refused(two + "--weights -0.5,1.5", "must not be negative");
  check_refused(two + "--weights 1", "there are 1 weights for 2 models");
  check_refused(two + "--weights 0.3,0.3,0.4", "there are 3 weights for 2 models");
  check_refused(two + "--lambda 1.2", "must not be negative");
  check_refused(two + "--mu -1", "mu must be finite and not negative");
  check_refused(two + "--gamma 1", "--gamma has 1 length, but there are 2 models");
  check_refused(two + "--gamma 0,1", "--gamma");
  check_refused(two + "--combine product", "--combine");
  check_refused(two + "--temperature -1", "temperature");
}
