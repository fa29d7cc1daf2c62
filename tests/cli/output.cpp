// SPDX-License-Identifier: Apache-2.0
// Where the output of the program goes: files, links, pipes, devices, tables; and what Ctrl-C leaves.
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "output.hpp"
#include "running.hpp"
#include "support/catch.hpp"
#include "table.hpp"
#include "wording.hpp"

using namespace cli_test;

namespace {

int shell(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::size_t files_in(const fs::path& folder) {
  std::size_t n = 0;
  for ([[maybe_unused]] const fs::directory_entry& e : fs::directory_iterator{folder}) ++n;
  return n;
}

/// Runs the program and presses Ctrl-C once it has written something.
finished interrupted(const std::string& arguments) {
  const scratch s;
  const std::string out = (s.path / "out").string();
  const std::string err = (s.path / "err").string();
  const std::string command = "exec '" PROVISO_PROGRAM "' " + arguments + " >" + out + " 2>" + err;
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  std::error_code none;
  while (fs::file_size(out, none) + 1 <= 1 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(out), content(err)};
}

const std::string few = "generate a --max-tokens 4 --method plain --json ";

}  // namespace

TEST_CASE("A file appears complete or not at all, and keeps its mode") {
  const scratch s;
  const std::string path = (s.path / "file").string();
  { const cli::output_file abandoned{path}; }
  CHECK(files_in(s.path) == 0);
  cli::output_file{path}.write("one");
  CHECK(content(path) == "one");
  CHECK(files_in(s.path) == 1);
  REQUIRE(chmod(path.c_str(), 0640) == 0);
  cli::output_file{path}.write("two");
  CHECK(content(path) == "two");
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0640U);
  CHECK_THROWS_AS(cli::output_file{"no/such/folder/file"}, std::runtime_error);
  CHECK_THROWS_AS(cli::output_file{"."}, std::runtime_error);
  CHECK_THROWS_AS(cli::output_file{"LICENSE/file"}, std::runtime_error);
}

TEST_CASE("Symbolic links are followed, also to a place where nothing is yet") {
  const scratch s;
  fs::create_directory(s.path / "far");
  fs::create_symlink("far/file", s.path / "near");
  fs::create_symlink("near", s.path / "nearer");
  for (const char* text : {"one", "two"}) {
    cli::output_file{(s.path / "nearer").string()}.write(text);
    CHECK(content(s.path / "far" / "file") == text);
    CHECK(fs::is_symlink(s.path / "near"));
    CHECK(fs::is_symlink(s.path / "nearer"));
    CHECK(files_in(s.path / "far") == 1);
  }
  fs::create_symlink("loop", s.path / "loop");
  CHECK_THROWS_AS(cli::output_file{(s.path / "loop").string()}, std::runtime_error);
}

TEST_CASE("Pipes and devices are written through") {
  const scratch s;
  const std::string pipe = (s.path / "pipe").string();
  const std::string got = (s.path / "got").string();
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::string& arguments :
       {few, std::string{"compare --prompts 1 --languages en --max-tokens 4 --show 0 --methods plain --json "},
        std::string{"compare --diffusion --prompts 1 --languages en --steps 1 --json "},
        std::string{"compare --space --k 3 --pruned 0 --trees 0 --prompts 1 --languages code --max-tokens 4 --show 0 "
                    "--temperature 0 --picture "},
        std::string{
            "compare --by-language --prompts 1 --languages en --max-tokens 4 --show 0 --temperature 0 --heat-map "}}) {
    INFO(arguments);
    CHECK(shell("cat '" + pipe + "' > '" + got + "' & '" PROVISO_PROGRAM "' " + arguments + "'" + pipe +
                "' >/dev/null 2>&1; code=$?; wait; exit $code") == 0);
    CHECK(fs::is_fifo(pipe));
    const std::string text = content(got);
    CHECK((nlohmann::json::accept(text) || text.rfind("<svg", 0) == 0));
  }
  CHECK(run_program(few + "/dev/null").code == 0);
  CHECK(fs::is_character_file("/dev/null"));
  const finished full = run_program(few + "/dev/full");
  CHECK(full.code == 2);
  CHECK(full.err.find("\nproviso: cannot write the file /dev/full: ") != std::string::npos);
}

TEST_CASE("Figures on the standard output stand there alone") {
  const scratch s;
  for (const char* name : {"-", "/dev/stdout", "/dev/fd/1"}) {
    const finished f = run_program(few + name);
    CHECK(f.code == 0);
    REQUIRE(nlohmann::json::accept(f.out));
    CHECK(f.err.find(nlohmann::json::parse(f.out)[0]["text"].get<std::string>().substr(0, 2)) != std::string::npos);
  }
  const std::string both = s.file("both", "kept\n");
  CHECK(shell("'" PROVISO_PROGRAM "' " + few + "/dev/stdout >> " + both + " 2>/dev/null") == 0);
  CHECK(content(both).rfind("kept\n[\n", 0) == 0);
  const finished f = run_program("compare --diffusion --prompts 1 --languages en --canvas 8 --steps 1 --json -");
  CHECK(nlohmann::json::accept(f.out));
  CHECK(f.err.find("8 tokens per canvas, 1 prompt, scored by base\n") != std::string::npos);
}

TEST_CASE("Output that cannot be written is an error of every command") {
  for (const char* arguments :
       {"models", "--help", "--version", "generate --help", "generate a --max-tokens 4", "infill 'a [[2]]' --steps 1",
        "compare --prompts 1 --languages en --max-tokens 4", "compare --diffusion --prompts 1 --languages en --steps 1",
        "compare --by-language --prompts 1 --languages en --max-tokens 4 --show 0"}) {
    const scratch s;
    const std::string errors = (s.path / "err").string();
    const int code = shell("'" PROVISO_PROGRAM "' " + std::string{arguments} + " > /dev/full 2> " + errors);
    const std::string err = content(errors);
    INFO(arguments << "\n" << err);
    CHECK(code == 2);
    CHECK(count(err, "proviso: ") == 1);
    CHECK((err.find("cannot be written") != std::string::npos || err.find("cannot write") != std::string::npos));
  }
  // A reader that has seen enough ends the program without a complaint.
  const finished head = run_program("generate a --max-tokens 100 2>&1 | head -c 1");
  CHECK(head.out.size() == 1);
}

TEST_CASE("Ctrl-C leaves what was produced") {
  const scratch s;
  const std::string json = (s.path / "r.json").string();
  const finished text =
      interrupted("generate a --max-tokens 100000 --temperature 1 --top-k 3 --threads 1 --json " + json);
  INFO(text.err);
  CHECK(text.code == 130);
  CHECK(text.out.back() == '\n');
  CHECK(text.err.find("; interrupted]\n") != std::string::npos);
  REQUIRE(nlohmann::json::accept(content(json)));
  CHECK(nlohmann::json::parse(content(json))[0]["stop"] == "cancelled");

  const finished table =
      in_terminal(80, "compare --show 0 --prompts all --json " + json, "TERM=xterm", " de-1", "\x03");
  INFO(table.out);
  CHECK(table.code == 130);
  CHECK(table.out.find("Interrupted. Prompts: ") != std::string::npos);
  CHECK(table.out.find("plain ") != std::string::npos);
  CHECK(nlohmann::json::parse(content(json)).size() >= 5);

  const finished canvas =
      in_terminal(80, "infill 'To open [[40]].' --steps 40 --pause 50", "TERM=xterm", "\xC2\xB7", "\x03");
  INFO(canvas.out);
  CHECK(canvas.code == 130);
  CHECK(canvas.out.find("; interrupted]") != std::string::npos);
  CHECK(files_in(s.path) == 1);
}

TEST_CASE("Where nothing is faster than plain decoding, it is the fastest") {
  proviso::statistics stats;
  stats.emitted = 100;
  stats.target_calls = 100;
  std::vector<cli::result> results(2);
  results[0] = {"plain", "en-1", "en", 0.0, 1.0, stats, {}, {}};
  results[1] = {"space-1", "en-1", "en", 0.0, 1.02, stats, {}, {}};
  const auto fastest = [&] {
    char* text = nullptr;
    std::size_t size = 0;
    cli::terminal out;
    out.stream = open_memstream(&text, &size);
    const auto nothing = [](float) { return std::string{}; };
    const std::vector<cli::column> columns = cli::standard_columns();
    cli::table{out, {{"plain", "plain", nothing}, {"space-1", "space-1", nothing}}, columns, results}.print_languages(
        {0.0F});
    std::fclose(out.stream);
    const std::string printed{text, size};
    std::free(text);
    return printed;
  };
  CHECK(fastest().find("fastest:             plain\n") != std::string::npos);
  results[1].seconds = 0.9;
  CHECK(fastest().find("fastest:           space-1\n") != std::string::npos);
}

TEST_CASE("Numbers and nouns agree, and misspelt words are recognised") {
  CHECK(cli::counted(1, "prompt") == "1 prompt");
  CHECK(cli::counted(0, "prompt") == "0 prompts");
  CHECK(cli::distance("genrate", "generate") == 1);
  CHECK(cli::distance("compaer", "compare") == 1);
  CHECK(cli::distance("", "abc") == 3);
  CHECK(cli::suggestion("fly", {"compare", "infill"}).empty());
  CHECK(cli::suggestion("gen", {"compare", "generate"}) == "; did you mean generate?");
}
