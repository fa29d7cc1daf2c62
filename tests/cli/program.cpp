// SPDX-License-Identifier: Apache-2.0
// The program as a user meets it: what it prints, its exit codes, and what it leaves behind.
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "running.hpp"
#include "support/catch.hpp"
#include "utf8.hpp"

namespace {

using namespace cli_test;

}  // namespace

TEST_CASE("Wrong flags are refused") {
  check_refused("", "name a command");
  check_refused("fly", "there is no command 'fly'; the commands are compare, generate, infill, models");
  check_refused("genrate -", "; did you mean generate?");
  check_refused("compere --prompts 1", "; did you mean compare?");
  check_refused("--fly", "there is no option --fly");
  check_refused("compare --no-such-flag", "there is no option --no-such-flag");
  check_refused("generate a --tempreture=1", "there is no option --tempreture; did you mean --temperature?");
  check_refused("infill a --colours never", "; did you mean --colour?");
  check_refused("compare --ensembel", "; did you mean --ensemble?");
  check_refused("generate a b", "'b' is one too many");
  check_refused("generate a --method lookup", "; did you mean lookup-token?");
  check_refused("generate --prompt a --max-tokens 0", "--max-tokens");
  check_refused("generate --prompt a --max-tokens many", "--max-tokens");
  check_refused("generate --prompt a --temperature -1", "temperature");
  check_refused("generate --prompt a --temperature nan", "temperature");
  check_refused("generate --prompt a --temperature warm", "--temperature");
  check_refused("generate --prompt a --top-p 0", "top_p");
  check_refused("generate --prompt a --top-p 1.5", "top_p");
  check_refused("generate --prompt a --min-p -1", "min_p");
  check_refused("generate --prompt a --top-k 0", "--top-k");
  check_refused("generate --prompt a --top-k -3", "--top-k");
  check_refused("generate --prompt a --threads 0", "--threads");
  check_refused("generate --prompt a --draft-length 0", "--draft-length");
  check_refused("generate --prompt a --seed -1", "--seed");
  check_refused("generate --prompt a --colour red", "--colour");
  check_refused("generate --prompt a --lengths long", "--lengths");
  check_refused("generate --prompt a --method magic", "there is no method 'magic'; choose from plain, draft-token");
  check_refused("generate --prompt a --method draft-greedy --temperature 0.5", "temperature 0 only");
  check_refused("generate --prompt a --language tlh", "there is no language 'tlh'; choose from en, de");
  check_refused("compare --methods plain,magic", "magic");
  check_refused("compare --prompts 0", "--prompts");
  check_refused("compare --prompts few", "few");
  check_refused("compare --languages tlh", "tlh");
  check_refused("compare --temperature -0.5", "temperature");
}

TEST_CASE("What is not a number, or too large for one, is refused everywhere") {
  check_refused("generate a --seed 18446744073709551616", "--seed: Value 18446744073709551616 is too large");
  check_refused("compare --seed 1e3", "--seed: '1e3' is not a whole number");
  check_refused("infill 'a [[2]]' --seed 18446744073709551616", "too large");
  check_refused("infill 'a [[2]]' --seed -1", "negative");
  check_refused("generate a --temperature ''", "--temperature: '' is not a number");
  check_refused("compare --temperature ''", "--temperature: '' is not a number");
  check_refused("infill 'a [[2]]' --temperature ''", "--temperature: '' is not a number");
  check_refused("generate a --temperature 1e999", "--temperature: Value 1e999 is not finite");
  check_refused("generate a --temperature 0x1p-1", "'0x1p-1' is not a number");
  check_refused("generate a --top-p ''", "--top-p");
  check_refused("generate a --max-tokens 99999999999999999999", "--max-tokens");
  check_refused("compare --seconds inf", "--seconds");
  check_refused("compare --space --node-cost ''", "--node-cost: '' is not a number");
  check_refused("compare --space --k ''", "--k: '' is not a whole number");
  check_refused("compare --ensemble --mu ''", "--mu: '' is not a number");
  check_refused("compare --json ''", "--json: the name is empty");
  check_refused("generate a --model ''", "--model: the name is empty");
  const std::string common = "generate --max-tokens 4 --method plain a --seed ";
  CHECK(run_program(common + "010").out == run_program(common + "10").out);
}

TEST_CASE("Wrong prompts are refused") {
  const scratch s;
  check_refused("generate", "give the prompt either as an argument, with --prompt TEXT or with --file FILE");
  check_refused("generate a --prompt a", "either");
  check_refused("generate ''", "the prompt is empty");
  check_refused("generate - < /dev/null", "the prompt is empty");
  check_refused("generate - < " + s.file("bytes", std::string{"\x7F"
                                                              "ELF\x02\x01\x01\x00\xFF",
                                                              9}),
                "not valid UTF-8");
  check_refused("generate --prompt ''", "the prompt is empty");
  check_refused("generate --prompt a --file " + s.file("a", "a"), "either");
  check_refused("generate --file " + s.file("empty", ""), "the prompt is empty");
  check_refused("generate --file " + s.file("newline", "\n"), "the prompt is empty");
  check_refused("generate --file " + s.file("latin1", "caf\xE9 noir"), "not valid UTF-8");
  check_refused("generate --file " + s.file("cut", "\xE4\xB8"), "not valid UTF-8");
  check_refused("generate --file no/such/file", "no/such/file");
  check_refused("generate --file " + s.path.string(), s.path.string());
  std::string novel;
  for (int i = 0; i < 2000; ++i) novel += "word ";
  check_refused("generate --file " + s.file("long", novel), "tokens, but the model holds");
}

TEST_CASE("Wrong models are refused") {
  const scratch s;
  const std::string base = content("examples/zoo/base.safetensors");
  check_refused("models --zoo no/such/folder", "no/such/folder");
  check_refused("models --zoo " + s.path.string(), "holds no models");
  check_refused("generate --prompt a --zoo " + s.path.string(), "tokenizer.model");
  check_refused("generate --prompt a --model no/such/file", "no/such/file");
  check_refused("generate --prompt a --model LICENSE", "LICENSE: not a safetensors file\n");
  check_refused("generate --prompt a --model " + s.file("cut.safetensors", base.substr(0, base.size() / 2)),
                "cut.safetensors");
  check_refused("generate --prompt a --draft " + s.file("void.safetensors", ""), "void.safetensors");
  check_refused("generate --prompt a --vocabulary LICENSE", "LICENSE");
  check_refused("generate --prompt a --model tests/data/models/tied-i8.safetensors",
                "has 64 tokens, but the vocabulary has");
}

TEST_CASE("Nothing half-written is left behind") {
  const scratch s;
  const std::string file = (s.path / "results.json").string();
  check_refused("compare --json no/such/folder/results.json", "no/such/folder/results.json");
  check_refused("generate --prompt a --json " + s.path.string(), s.path.string());
  check_refused("generate --prompt '' --json " + file, "the prompt is empty");
  check_refused("compare --languages tlh --json " + file, "tlh");
  CHECK(fs::is_empty(s.path));
}

TEST_CASE("Help and version are not errors") {
  CHECK(run_program("--help").code == 0);
  CHECK(run_program("compare --help").out.find("draft-token") != std::string::npos);
  CHECK(run_program("--version").out.rfind("proviso ", 0) == 0);
}

TEST_CASE("The models are listed") {
  const finished f = run_program("models");
  CHECK(f.code == 0);
  for (const char* name : {"base", "diffusion-student", "diffusion-teacher", "draft", "drafters", "peer", "third"}) {
    CHECK(f.out.find(std::string{"\n"} + name + " ") != std::string::npos);
  }
  CHECK(f.out.find("4096") != std::string::npos);
  CHECK(f.out.find("\ndrafters holds en de fr es ru ja zh code general; name one of them as drafters:en\n") !=
        std::string::npos);
}

TEST_CASE("A text is continued, the same for every method that promises it") {
  const std::string common = "generate --prompt 'The file' --max-tokens 24 --temperature 0.7 --seed 5 --method ";
  const finished plain = run_program(common + "plain");
  CHECK(plain.code == 0);
  CHECK(cli::is_utf8(plain.out));
  CHECK(plain.out.size() > 1);
  CHECK(plain.out.find('\x1b') == std::string::npos);
  for (const char* name : {"draft-match", "lookup-match", "suffix-match", "none-match"}) {
    CHECK(run_program(common + name).out == plain.out);
  }
  CHECK(run_program(common + "plain --threads 1").out == plain.out);
  CHECK(run_program("generate --prompt 'The file' --max-tokens 24 --temperature 0.7 --seed 6 --method plain").out !=
        plain.out);
  CHECK(run_program(common + "plain --colour always").out == plain.out);  // plain decoding has one colour
  CHECK(run_program(common + "draft-match --costs 0.1,0.1 --colour always").out.find("\x1b[0;3") != std::string::npos);
}

TEST_CASE("Truncations narrow the choice down to greedy decoding") {
  const std::string common = "generate --prompt 'The file' --max-tokens 24 --method draft-match --temperature ";
  const std::string greedy = run_program(common + "0").out;
  CHECK(run_program(common + "1 --top-k 1").out == greedy);
  CHECK(run_program(common + "1 --top-p 0.000001").out == greedy);
  CHECK(run_program(common + "1 --min-p 1").out == greedy);
  CHECK(run_program(common + "1").out != greedy);
}

TEST_CASE("The prompt may come from a file or the standard input") {
  const scratch s;
  const std::string file = s.file("prompt", "Das Fenster\n");
  const std::string rest = " --language de --max-tokens 8 --temperature 0";
  const finished typed = run_program("generate --prompt 'Das Fenster'" + rest);
  CHECK(typed.code == 0);
  CHECK(run_program("generate --file " + file + rest).out == typed.out);
  CHECK(run_program("generate --file - " + rest + " < " + file).out == typed.out);
  CHECK(run_program("generate - " + rest + " < " + file).out == typed.out);
  CHECK(run_program("generate 'Das Fenster'" + rest).out == typed.out);
}

TEST_CASE("Generation writes its figures") {
  const scratch s;
  const fs::path file = s.path / "r.json";
  const finished f = run_program("generate --prompt 'The file' --max-tokens 8 --temperature 0 --json " + file.string());
  CHECK(f.code == 0);
  const nlohmann::json list = nlohmann::json::parse(content(file));
  REQUIRE(list.size() == 1);
  CHECK(list[0]["method"] == "draft-token");
  CHECK(list[0]["prompt"] == "The file");
  CHECK(list[0]["tokens"] == 8);
  CHECK(list[0]["speedup"].is_null());
  CHECK(list[0]["stop"] == "max_tokens");
  CHECK(f.err.find("; stopped by --max-tokens]") != std::string::npos);
  std::string text = list[0]["text"];
  if (text.empty() || text.back() != '\n') text += '\n';  // the program ends its last line
  CHECK(text == f.out);
}

TEST_CASE("A text that fills the context says so") {
  const scratch s;
  std::string count;
  for (int i = 0; i < 40; ++i) count += "1, 2, 3, ";
  const std::string prompt = s.file("prompt", count);
  for (const char* method : {"plain", "draft-match"}) {
    const finished f = run_program("generate --max-tokens 100000 --temperature 0 --language code --json " +
                                   (s.path / "r.json").string() + " --file " + prompt + " --method " + method);
    CHECK(f.code == 0);
    INFO(f.err);
    CHECK(f.err.find("; stopped: the model holds no more than ") != std::string::npos);
    CHECK(nlohmann::json::parse(content(s.path / "r.json"))[0]["stop"] == "capacity");
  }
}

TEST_CASE("A comparison writes the figures of every run, and lossless methods give the text of plain decoding") {
  const scratch s;
  const fs::path file = s.path / "r.json";
  const finished f = run_program(
      "compare --prompts 1 --languages en,ja,code --temperature 0,1 --max-tokens 24 --show 1 --costs 0.1,0.2"
      " --methods "
      "plain,draft-token,draft-match,draft-greedy,lookup-match,lookup-token,suffix-match,suffix-token,none-match"
      " --json " +
      file.string());
  INFO(f.err);
  CHECK(f.code == 0);
  CHECK(f.err.empty());
  CHECK(f.out.find('\x1b') == std::string::npos);
  CHECK(f.out.find('\r') == std::string::npos);
  CHECK(cli::is_utf8(f.out));

  const nlohmann::json list = nlohmann::json::parse(content(file));
  CHECK(list.size() == 3 * (9 + 8));  // draft-greedy decodes at temperature 0 only
  const std::set<std::string> fields{
      "method",       "prompt",       "temperature",     "tokens",          "seconds",          "tokens_per_second",
      "speedup",      "target_calls", "tokens_per_call", "acceptance_rate", "drafted_per_call", "language",
      "same_as_plain"};
  std::set<std::string> seen;
  for (const nlohmann::json& r : list) {
    std::set<std::string> names;
    for (const auto& [name, value] : r.items()) names.insert(name);
    CHECK(names == fields);
    const std::string method = r["method"];
    seen.insert(method + r["prompt"].get<std::string>() + r["temperature"].dump());
    CHECK(r["tokens"].get<int>() >= 1);
    CHECK(r["tokens"].get<int>() <= 24);
    CHECK(r["seconds"].get<double>() > 0.0);
    CHECK(r["speedup"].get<double>() > 0.0);
    CHECK(r["tokens_per_call"].get<double>() >= 1.0);
    CHECK(r["drafted_per_call"].get<double>() <= 6.0);
    if (method == "plain") CHECK(r["target_calls"] == r["tokens"]);
    const bool law_only = method.find("-token") != std::string::npos && r["temperature"] > 0.0;
    if (!law_only) CHECK(r["same_as_plain"].get<bool>());
  }
  CHECK(seen.size() == list.size());
}

TEST_CASE("The rules are compared, and those that promise a text keep it") {
  const scratch s;
  const fs::path file = s.path / "r.json";
  const finished f =
      run_program("compare --rules --prompts 1 --languages de --max-tokens 24 --show 0 --json " + file.string());
  INFO(f.err);
  CHECK(f.code == 0);
  const nlohmann::json list = nlohmann::json::parse(content(file));
  std::set<std::string> seen;
  for (const nlohmann::json& r : list) {
    const std::string method = r["method"];
    seen.insert(method);
    CHECK(r["temperature"] == 1.0);
    CHECK(r["tokens"].get<int>() >= 1);
    const bool keeps_text = method == "match" || method == "membership" || method == "coupled";
    if (keeps_text || method.rfind("plain", 0) == 0) CHECK(r["same_as_plain"].get<bool>());
  }
  CHECK(seen == std::set<std::string>{"plain", "plain-race", "match", "coupled", "token", "block", "joint",
                                      "selected_path", "siblings", "traversal", "k_seq", "greedy_hub", "membership"});
  check_refused("compare --rules --methods plain", "exclude");
}

TEST_CASE("A terminal of any width is not overrun, and NO_COLOR is honoured") {
  const auto check = [](std::size_t columns, const char* arguments) {
    INFO(columns << ": " << arguments);
    const std::string text = in_terminal(columns, arguments, "TERM=xterm NO_COLOR=1").out;
    CHECK(text.find("\x1b[0") == std::string::npos);
    CHECK(widest_line(text) <= columns);
    CHECK(widest_line(text) > 0);
  };
  for (const std::size_t columns : {40U, 60U, 80U, 140U, 200U}) {
    check(columns, "compare --prompts 1 --languages ja --temperature 0 --max-tokens 16 --show 1 --methods draft-match");
    check(columns, "models --zoo examples/zoo");
    check(columns, "infill 'To open [[20]] file.' --pause 0");
    check(columns, "generate --max-tokens 2 a > /dev/null");
  }
  for (const std::size_t columns : {40U, 80U}) {
    check(columns, "compare --by-language --prompts 1 --languages en,ja --temperature 0 --max-tokens 8 --show 0");
    check(columns, "compare --diffusion --prompts 1 --steps 2 --languages en --orders first-hitting,ancestral");
  }
  const std::string narrow =
      in_terminal(40, "compare --prompts 1 --languages en --temperature 0 --max-tokens 8 --show 0", "TERM=xterm").out;
  CHECK(narrow.find("speed-") != std::string::npos);
  CHECK(narrow.find("drafted") == std::string::npos);
  const std::string dumb = in_terminal(80, "generate --prompt a --max-tokens 4", "TERM=dumb").out;
  CHECK(dumb.find('\x1b') == std::string::npos);
}

TEST_CASE("The page of the program names every option, and no other") {
  const auto options_in = [](const std::string& text) {
    std::set<std::string> names;
    for (std::size_t at = text.find("--"); at != std::string::npos; at = text.find("--", at + 2)) {
      std::size_t end = at + 2;
      while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '-')) ++end;
      if (end > at + 2 && text[at + 2] != '-' && (at == 0 || text[at - 1] != '-'))
        names.insert(text.substr(at, end - at));
      at = end - 2;
    }
    return names;
  };
  std::set<std::string> known{"--version"};
  for (const char* command : {"compare", "generate", "infill", "models"}) {
    known.merge(options_in(run_program(std::string{command} + " --help").out));
  }
  CHECK(known.size() > 40);
  CHECK(options_in(content("docs/cli.md")) == known);
}
