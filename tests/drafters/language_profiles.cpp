// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/language_profiles.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

namespace {

using proviso::drafters::language_profiles;
using proviso::drafters::text_features;

std::vector<std::size_t> features(std::string_view text) {
  std::vector<std::size_t> all;
  text_features cut;
  for (const char byte : text) cut.next(static_cast<unsigned char>(byte), [&](std::size_t f) { all.push_back(f); });
  return all;
}

std::size_t script_of(std::string_view letter) {
  for (const std::size_t f : features(letter)) {
    if (f < text_features::scripts) return f;
  }
  return 99;
}

TEST_CASE("language_profiles: scripts of code points of one to four bytes") {
  CHECK(script_of("a") == 1);
  CHECK(script_of("Z") == 1);
  CHECK(script_of("ü") == 1);
  CHECK(script_of("Ж") == 3);
  CHECK(script_of("あ") == 12);
  CHECK(script_of("カ") == 13);
  CHECK(script_of("漢") == 14);
  CHECK(script_of("한") == 11);
  CHECK(script_of("𠀀") == 14);
  CHECK(script_of("€") == 0);
  CHECK(script_of("7") == 99);  // one byte without a script
}

TEST_CASE("language_profiles: triples of bytes, small letters for capitals, bad UTF-8 does no harm") {
  CHECK(features("abcd").size() == 4 + 2);
  CHECK(features("ABCD") == features("abcd"));
  CHECK(features("abc") != features("abd"));
  for (const std::size_t f : features("\x80\xBF\xFF\xC3(\xE2\x82")) CHECK(f < text_features::count);
}

TEST_CASE("language_profiles: evidence is positive for what a sample has, and zero for what none has") {
  language_profiles known;
  known.add("x", "aaaa aaaa aaaa");
  known.add("y", "bbbb bbbb bbbb");
  REQUIRE(known.size() == 2);
  CHECK(known.name(1) == "y");
  std::size_t triple = 0;
  for (const std::size_t f : features("aaa")) triple = f >= text_features::scripts ? f : triple;
  CHECK(known.evidence(0, triple) > 4.0F);
  CHECK(known.evidence(1, triple) == 0.0F);
  for (const std::size_t f : features("zzzz")) {
    CHECK(known.evidence(0, f) == 0.0F);
    CHECK(known.evidence(1, f) == 0.0F);
  }
  REQUIRE_THROWS_AS(known.add("x", "cccc"), std::invalid_argument);
  REQUIRE_THROWS_AS(known.add("z", "cc"), std::invalid_argument);
  CHECK(known.size() == 2);
}

TEST_CASE("language_profiles: the bundled languages") {
  const language_profiles& all = language_profiles::bundled();
  CHECK(all.size() == 8);
  CHECK(&all == &language_profiles::bundled());
  for (std::size_t l = 0; l < all.size(); ++l) {  // every sample speaks for its own language most
    std::vector<double> scores(all.size(), 0.0);
    for (const std::size_t f : features(proviso::drafters::language_samples[l].words)) {
      for (std::size_t k = 0; k < all.size(); ++k) scores[k] += static_cast<double>(all.evidence(k, f));
    }
    for (std::size_t k = 0; k < all.size(); ++k) CHECK((k == l || scores[l] > scores[k]));
  }
}

}  // namespace
