// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/law_cache.hpp>

#include <stdexcept>
#include <string>

#include "support/catch.hpp"

namespace {

using namespace proviso;

TEST_CASE("law_cache: builds a law once per round") {
  draft d;
  d.reset(0, 4, 2);
  d.push(draft::root(), 1);
  law_cache laws;
  int built = 0;
  const auto build = [&](law_buffer&) {
    ++built;
    return law_view::point(7);
  };
  for (int round = 1; round <= 2; ++round) {
    laws.clear(d.expected_size());
    CHECK(laws.get(d, 1, build).token(0) == 7);
    CHECK(laws.get(d, 1, build).token(0) == 7);
    CHECK(built == round);
  }
}

TEST_CASE("law_cache: names the position of a row that is not a law") {
  draft d;
  d.reset(0, 4, 2);
  law_cache laws;
  laws.clear(d.expected_size());
  std::string what;
  try {
    laws.get(d, draft::root(), [](law_buffer&) -> law_view { throw std::domain_error("no law"); });
  } catch (const std::domain_error& e) {
    what = e.what();
  }
  CHECK(what == "no law (target, position 5)");
}

}  // namespace
