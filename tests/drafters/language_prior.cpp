// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/language_prior.hpp>

#include <array>
#include <cmath>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <proviso/drafters/router.hpp>

#include "support/catch.hpp"

namespace {

using namespace proviso;
using tokens = std::vector<token_id>;

/// A token is a byte.
struct byte_tokens {
  std::string operator()(token_id t) const { return {static_cast<char>(t)}; }
};
tokens bytes_of(std::string_view text) {
  tokens all;
  for (const char c : text) all.push_back(static_cast<unsigned char>(c));
  return all;
}
using byte_prior = drafters::language_prior<byte_tokens>;
static_assert(drafters::text_prior<byte_prior>);

/// The value of a field of a line of JSON that has no escapes but \", \\, \n and \t.
std::string field(const std::string& line, const std::string& name) {
  const std::string key = '"' + name + "\": \"";
  std::string value;
  for (std::size_t i = line.find(key) + key.size(); line[i] != '"'; ++i) {
    if (line[i] == '\\') {
      ++i;
      value += line[i] == 'n' ? '\n' : line[i] == 't' ? '\t' : line[i];
    } else {
      value += line[i];
    }
  }
  return value;
}

TEST_CASE("language_prior: names the language of every bundled prompt, from 80 bytes and from all") {
  std::ifstream in{"examples/zoo/prompts.jsonl"};
  REQUIRE(in);
  std::size_t seen = 0;
  byte_prior p{byte_tokens{}};
  for (std::string line; std::getline(in, line); ++seen) {
    const std::string language = field(line, "language");
    const tokens text = bytes_of(field(line, "text"));
    p.start();
    p.read(std::span{text}.first(text.size() < 80 ? text.size() : 80));
    CHECK(p.likeliest() == language);
    p.start();
    p.read(text);
    CHECK(p.likeliest() == language);
    CHECK(p.probability(language) > 0.95);
  }
  CHECK(seen >= 64);
}

TEST_CASE("language_prior: knows nothing before a text, and adds up to one") {
  byte_prior p{byte_tokens{}};
  CHECK(p.probability("de") == 1.0 / 8.0);
  CHECK(p.probability("it") == 0.0);
  p.read(bytes_of("42 + 17, 99."));
  double total = 0.0;
  for (std::size_t l = 0; l < 8; ++l) total += p.probability(drafters::language_profiles::bundled().name(l));
  CHECK(std::abs(total - 1.0) < 1e-9);
  p.read(bytes_of(" Wie geht es Ihnen heute, und was machen wir jetzt?"));
  CHECK(p.likeliest() == "de");
  p.start();
  CHECK(p.probability("de") == 1.0 / 8.0);
}

TEST_CASE("language_prior: follows a text from one language to the next, however it is cut into tokens") {
  const std::string german =
      "Der Befehl zeigt die Namen aller Dateien an, die nicht gelesen werden konnten, und endet dann. ";
  const std::string french =
      "La commande affiche les noms de tous les fichiers qui n'ont pas pu être lus, puis elle se termine. ";
  byte_prior p{byte_tokens{}};
  p.read(bytes_of(german + german));
  CHECK(p.likeliest() == "de");
  CHECK(p.probability("fr") < 0.01);
  p.read(bytes_of(french + french));
  CHECK(p.likeliest() == "fr");
  CHECK(p.probability("de") < 0.1);

  byte_prior single{byte_tokens{}};
  for (const token_id t : bytes_of(german + german + french + french)) single.read(std::vector<token_id>{t});
  CHECK(single.probability("fr") == p.probability("fr"));
}

TEST_CASE("language_prior: languages of one's own") {
  drafters::language_profiles known;
  known.add("morse", ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.-");
  known.add("digits", "3141592653589793238462643383279502884197169399375105820974944592307816406286");
  drafters::language_prior p{byte_tokens{}, known};
  p.read(bytes_of("592653589 "));
  CHECK(p.likeliest() == "digits");
  p.start();
  p.read(bytes_of("-.. --- --."));
  CHECK(p.likeliest() == "morse");
  CHECK(p.probability("de") == 0.0);
}

TEST_CASE("language_prior: senseless arguments are refused") {
  const drafters::language_profiles empty;
  REQUIRE_THROWS_AS((byte_prior{byte_tokens{}, empty}), std::invalid_argument);
  REQUIRE_THROWS_AS((byte_prior{byte_tokens{}, drafters::language_profiles::bundled(), 0.5}), std::invalid_argument);
  static_assert(
      !std::is_constructible_v<byte_prior, byte_tokens, drafters::language_profiles>);  // would not outlive it
}

}  // namespace
