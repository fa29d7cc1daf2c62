// SPDX-License-Identifier: Apache-2.0
// Text handling of the program: UTF-8, columns, lines, tokens.
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "prompts.hpp"
#include "stream.hpp"
#include "support/catch.hpp"
#include "tokenizer.hpp"
#include "utf8.hpp"

TEST_CASE("UTF-8 is recognised") {
  for (const std::string_view good :
       {"", "plain", "\xC3\xA9", "\xE4\xB8\x96\xE7\x95\x8C", "\xF0\x9F\x98\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF"}) {
    CHECK(cli::is_utf8(good));
  }
  for (const std::string_view bad :
       {"\xFF", "a\x80", "\xC3", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x9F\x98",
        "\xE4\xB8"
        "a"}) {
    CHECK_FALSE(cli::is_utf8(bad));
  }
}

TEST_CASE("Characters are held back until they are complete") {
  cli::utf8_joiner joiner;
  CHECK(joiner.push("a\xE4") == "a");
  CHECK(joiner.push("\xB8").empty());
  CHECK(joiner.push("\x96z") == "\xE4\xB8\x96z");
  CHECK(joiner.finish().empty());

  SECTION("bytes that are not UTF-8 become U+FFFD, one each") {
    CHECK(joiner.push("\xFF\xE4\xB8!") == "\xEF\xBF\xBD\xEF\xBF\xBD!");
    CHECK(joiner.push("\xC0\xAF") == "\xEF\xBF\xBD\xEF\xBF\xBD");
  }
  SECTION("an unfinished character at the end too") {
    CHECK(joiner.push("\xF0\x9F\x98").empty());
    CHECK(joiner.finish() == "\xEF\xBF\xBD");
    CHECK(joiner.finish().empty());
  }
}

TEST_CASE("Any split of a text into pieces gives the text") {
  const std::string text = "a\xC3\xA9\xE4\xB8\x96\xF0\x9F\x98\x80z";
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      cli::utf8_joiner joiner;
      std::string joined = joiner.push(text.substr(0, first));
      joined += joiner.push(text.substr(first, second - first));
      joined += joiner.push(text.substr(second));
      joined += joiner.finish();
      CHECK(joined == text);
    }
  }
}

TEST_CASE("Columns follow the width of characters") {
  CHECK(cli::columns_of(std::string_view{"abc"}) == 3);
  CHECK(cli::columns_of(std::string_view{"\xE4\xB8\x96\xE7\x95\x8C"}) == 4);  // two ideographs
  CHECK(cli::columns_of(std::string_view{"e\xCC\x81"}) == 1);                 // e and a combining accent
}

TEST_CASE("Lines are broken at spaces, never wider than asked, and lose no text") {
  const std::string text =
      "The quick brown fox \xE4\xB8\x96\xE7\x95\x8C\xE4\xB8\x96\xE7\x95\x8C\xE4\xB8\x96 jumps\nover "
      "averyveryverylongword.";
  for (std::size_t width = 2; width < 40; ++width) {
    std::string joined;
    for (const std::string& line : cli::wrap({{cli::style::plain, text}}, width, false)) {
      CHECK(cli::columns_of(line) == width);
      joined += line;
    }
    const auto without_spaces = [](std::string s) {
      std::erase_if(s, [](char c) { return c == ' ' || c == '\n'; });
      return s;
    };
    CHECK(without_spaces(joined) == without_spaces(text));
  }
  const auto lines = cli::wrap({{cli::style::plain, "one two three"}}, 8, false);
  CHECK(lines == std::vector<std::string>{"one two ", "three   "});
}

TEST_CASE("Escape codes appear only with colours") {
  const std::vector<cli::styled_run> runs{{cli::style::drafted, "green"}, {cli::style::plain, " plain"}};
  CHECK(cli::wrap(runs, 12, false).front() == "green plain ");
  CHECK(cli::wrap(runs, 12, true).front() == "\x1b[0;32mgreen\x1b[0m plain ");
}

TEST_CASE("The vocabulary turns text into tokens and back") {
  const cli::tokenizer words{"examples/zoo/tokenizer.model"};
  const auto back = [&](std::string_view text) {
    std::string out;
    for (const proviso::token_id t : words.encode(text)) out += words.bytes(t);
    return out;
  };
  for (const std::string_view text :
       {"Hello, world.", "  two  spaces\tand a tab", "a\n\nb\r\n", "\xE4\xB8\x96\xE7\x95\x8C", "\xF0\x9F\x98\x80"}) {
    CHECK(back(text) == text);
  }
  CHECK(words.languages() == std::vector<std::string>{"en", "de", "fr", "es", "ru", "ja", "zh", "code"});
  CHECK(words.encode("<|de|>").size() == 1);
  CHECK(back("<|de|>Haus") == "Haus");
  CHECK(words.bytes(words.end()).empty());
  CHECK_THROWS_AS(cli::tokenizer{"LICENSE"}, std::runtime_error);
  CHECK_THROWS_AS(cli::tokenizer{"no/such/file"}, std::runtime_error);
}

TEST_CASE("A model cannot steer the terminal") {
  CHECK(cli::token_text::printable("a\x1b[31mb\x7F\n\t") == "a\xEF\xBF\xBD[31mb\xEF\xBF\xBD\n\t");
}

TEST_CASE("The bundled prompts are well formed") {
  const auto prompts = cli::read_prompts("examples/zoo/prompts.jsonl");
  CHECK(prompts.size() == 64);
  for (const cli::prompt& p : prompts) CHECK(cli::is_utf8(p.text));
  CHECK(prompts.front().name == "en-1");
}
