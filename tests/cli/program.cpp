// SPDX-License-Identifier: Apache-2.0
// The program as a user meets it: what it prints, its exit codes, and what it leaves behind.
#include <cstddef>
#include <filesystem>
#include <set>
#include <string>

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "running.hpp"
#include "support/catch.hpp"
#include "utf8.hpp"

namespace {

using namespace cli_test;

/// Runs the program in a terminal of `columns` columns and returns what it wrote there.
std::string in_terminal(std::size_t columns, const std::string& arguments, const std::string& environment) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = 50;
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    const std::string command = environment + " exec '" PROVISO_PROGRAM "' " + arguments;
    execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  std::string text;
  char buffer[4096];
  for (ssize_t n = read(terminal, buffer, sizeof buffer); n > 0; n = read(terminal, buffer, sizeof buffer)) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  close(terminal);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  return text;
}

}  // namespace

TEST_CASE("Wrong flags are refused") {
  check_refused("", "name a command");
  check_refused("fly", "not expected: fly");
  check_refused("--fly", "--fly");
  check_refused("compare --no-such-flag", "--no-such-flag");
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

TEST_CASE("Wrong prompts are refused") {
  const scratch s;
  check_refused("generate", "--prompt");
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
  check_refused("generate --prompt a --model LICENSE", "LICENSE");
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
    CHECK(f.out.find(std::string{name} + ".safetensors") != std::string::npos);
  }
  CHECK(f.out.find("4096") != std::string::npos);
  CHECK(f.out.find("drafters.safetensors: en de fr es ru ja zh code general\n") != std::string::npos);
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
  CHECK(run_program(common + "draft-match --colour always").out.find("\x1b[0;3") != std::string::npos);
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
  std::string text = list[0]["text"];
  if (text.empty() || text.back() != '\n') text += '\n';  // the program ends its last line
  CHECK(text == f.out);
}

TEST_CASE("A comparison writes the figures of every run, and lossless methods give the text of plain decoding") {
  const scratch s;
  const fs::path file = s.path / "r.json";
  const finished f = run_program(
      "compare --prompts 1 --languages en,ja,code --temperature 0,1 --max-tokens 24 --show 1"
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
  for (const std::size_t columns : {60U, 80U, 140U, 200U}) {
    const std::string arguments =
        "compare --prompts 1 --languages ja --temperature 0 --max-tokens 16 --show 1 --methods draft-match";
    const std::string text = in_terminal(columns, arguments, "TERM=xterm NO_COLOR=1");
    CHECK(text.find("\x1b[0") == std::string::npos);
    std::string line;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\x1b') {  // cursor movements end with a letter
        while (i < text.size() && (text[i] < 'A' || text[i] > 'Z')) ++i;
      } else if (text[i] == '\n' || text[i] == '\r') {
        CHECK(cli::columns_of(line) <= columns);
        line.clear();
      } else {
        line += text[i];
      }
    }
  }
  const std::string dumb = in_terminal(80, "generate --prompt a --max-tokens 4", "TERM=dumb");
  CHECK(dumb.find('\x1b') == std::string::npos);
}
