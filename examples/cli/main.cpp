// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <limits>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <proviso/version.hpp>

#include "commands.hpp"
#include "comparison.hpp"
#include "methods.hpp"
#include "output.hpp"
#include "wording.hpp"

namespace {

constexpr int wrong_input = 2;

int complain(std::string_view what) {
  constexpr std::string_view prefix = "proviso: ";  // exceptions of the library begin with it
  if (what.substr(0, prefix.size()) == prefix) what.remove_prefix(prefix.size());
  std::fflush(stdout);
  fmt::print(stderr, "proviso: {}\n", what);
  return wrong_input;
}

/// "auto", "all" or a number; 0 means auto.
std::size_t prompts_per_language(const std::string& text) {
  if (text == "auto") return 0;
  if (text == "all") return std::numeric_limits<std::size_t>::max();
  std::size_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end || number == 0) {
    throw std::invalid_argument(fmt::format("--prompts takes a number from 1, all or auto, not '{}'", text));
  }
  return number;
}

void add_models(CLI::App& command, cli::model_files& files) {
  command.add_option("--zoo", files.zoo, "Folder of the bundled models")->type_name("DIR");
}

/// Options of all commands that run models.
void add_running(CLI::App& command, cli::decode_options& o) {
  add_models(command, o.files);
  command.add_option("--vocabulary", o.files.vocabulary, "SentencePiece vocabulary (default: that of the zoo)")
      ->type_name("FILE");
  o.files.threads = std::clamp(std::thread::hardware_concurrency(), 1U, 2U);
  command.add_option("--threads", o.files.threads, "Threads of each model")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      .add_option("--kernels", o.files.kernels,
                  "Instruction set of the models, such as avx2 (default: the strongest of this machine)")
      ->type_name("NAME");
  command.add_option("--seed", o.seed, "Seed of every random choice")->capture_default_str();
  command.add_option("--colour,--color", o.colours, "Colours: auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
}

void add_decoding(CLI::App& command, cli::decode_options& o) {
  add_running(command, o);
  command.add_option("--model", o.files.base, "Model that decodes (default: base)")->type_name("MODEL");
  command
      .add_option(
          "--draft", o.files.draft,
          "Model that drafts (default: draft); a bundled one, a file, or NAME:MEMBER, FILE:MEMBER of a shared file")
      ->type_name("MODEL");
  command.add_option("--max-tokens", o.max_tokens, "Tokens to generate at most")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command.add_option("--draft-length", o.draft_length, "Tokens to draft per round at most (default: the method's own)")
      ->check(CLI::Range(1, 64));
  command
      .add_option(
          "--lengths", o.lengths,
          "Draft length: fixed, heuristic (longer after success), or cost_model (while a token is worth its cost); "
          "default: the method's own")
      ->check(CLI::IsMember({"fixed", "heuristic", "cost_model"}));
  command
      .add_option("--costs", o.costs,
                  "What drafting and verifying a token cost, by an evaluation of one token (default: measured)")
      ->delimiter(',')
      ->expected(2)
      ->allow_extra_args(false)
      ->check(CLI::Range(0.0, 0.99));
  command.add_option("--json", o.json, "Also write the figures to this file; - is the standard output")
      ->type_name("FILE");
}

/// Makes a number of what was typed: decimal digits, which fit. Leading zeros are dropped, because they mean octal
/// digits to others.
std::string check_whole_number(std::string& text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.rfind('-', 0) == 0) return fmt::format("Value {} is negative", text);
  if (error == std::errc::result_out_of_range) return fmt::format("Value {} is too large", text);
  if (error != std::errc{} || stop != end) return fmt::format("'{}' is not a whole number", text);
  text = fmt::format("{}", value);
  return {};
}
std::string check_number(std::string& text) {
  double value = 0.0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool in_range = error != std::errc::result_out_of_range;
  if (in_range && (error != std::errc{} || stop != end)) return fmt::format("'{}' is not a number", text);
  return in_range && std::isfinite(value) ? std::string{} : fmt::format("Value {} is not finite", text);
}

/// The options of a command and of the groups in it, each once.
std::vector<CLI::Option*> options_of(CLI::App& command) {
  std::vector<CLI::Option*> all = command.get_options();
  for (CLI::App* group : command.get_subcommands([](CLI::App*) { return true; })) {
    for (CLI::Option* option : options_of(*group)) {
      if (std::find(all.begin(), all.end(), option) == all.end()) all.push_back(option);
    }
  }
  return all;
}

/// Lets every option check its value before it is read: numbers, and names of files and models, which are not empty.
void check_values(CLI::App& command) {
  for (CLI::Option* option : options_of(command)) {
    const std::string type = option->get_type_name();
    const auto is = [&](std::string_view name) { return type.rfind(name, 0) == 0; };
    if (is("UINT")) option->transform(CLI::Validator{check_whole_number, ""});
    if (is("FLOAT")) option->transform(CLI::Validator{check_number, ""});
    if (is("FILE") || is("MODEL") || is("DIR") || is("NAME")) {
      option->check([](const std::string& text) { return text.empty() ? std::string{"the name is empty"} : ""; });
    }
  }
}

/// The flags of all kinds of comparison. Returns those that choose one, in the order of `cli::comparisons`, without the
/// one that needs no flag.
std::vector<CLI::Option*> add_kinds(CLI::App& compare) {
  std::vector<CLI::Option*> kinds;
  std::vector<CLI::Option*> unflagged;
  for (const auto& kind : cli::comparisons()) {
    const std::string name = kind->flag();
    CLI::App* const own = compare.add_option_group(name.empty() ? "Without another comparison" : "With " + name);
    own->set_help_flag();
    kind->add_flags(*own);
    const std::vector<CLI::Option*> flags = own->get_options();
    if (flags.empty()) compare.remove_subcommand(own);
    if (name.empty()) {
      unflagged = flags;
      continue;
    }
    CLI::Option* const choice = compare.add_flag(name)->description(kind->summary());
    for (CLI::Option* flag : flags) flag->needs(choice);
    for (CLI::Option* flag : unflagged) choice->excludes(flag);
    for (CLI::Option* other : kinds) choice->excludes(other);
    kinds.push_back(choice);
  }
  return kinds;
}

/// The arguments, the last one first, as CLI11 wants them. `--languages` without names means `--by-language`.
std::vector<std::string> arguments(int argc, char** argv) {
  std::vector<std::string> all;
  for (int i = argc - 1; i > 0; --i) {
    const bool bare = all.empty() || all.back().rfind("--", 0) == 0;
    all.emplace_back(bare && std::string_view{argv[i]} == "--languages" ? "--by-language" : argv[i]);
  }
  return all;
}

/// What is wrong with arguments that no option or command takes.
std::string unexpected(CLI::App& app) {
  const std::vector<CLI::App*> named = app.get_subcommands();
  CLI::App& command = named.empty() ? app : *named.front();
  const std::vector<std::string> extras = app.remaining(true);
  for (std::string word : extras) {
    if (word.rfind('-', 0) != 0) continue;
    word.erase(std::min(word.find('='), word.size()));
    std::vector<std::string> known;
    for (const CLI::Option* option : options_of(command)) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
    return fmt::format("there is no option {}{}", word, cli::suggestion(word, known));
  }
  return fmt::format("the argument '{}' is one too many", extras.empty() ? "" : extras.front());
}

int run(int argc, char** argv) {
  CLI::App app{"Decodes text with language models, plainly and speculatively.", "proviso"};
  app.set_version_flag("--version", fmt::format("proviso {}.{}.{}", PROVISO_VERSION_MAJOR, PROVISO_VERSION_MINOR,
                                                PROVISO_VERSION_PATCH));
  app.require_subcommand(0, 1);
  std::string names;
  for (const cli::method& m : cli::methods()) names += fmt::format("\n  {:<13} {}", m.name, m.summary);

  cli::compare_options comparing;
  comparing.max_tokens = 64;
  CLI::App* compare = app.add_subcommand("compare", "Decode the bundled prompts with several methods and compare them");
  compare->footer("Methods:" + names);
  compare
      ->add_option("--temperature", comparing.temperatures,
                   "Temperatures (default: 0, 0.7 and 1, or those of the kind of comparison)")
      ->delimiter(',');
  compare
      ->add_option("--languages", comparing.languages, "Languages (default: all, or those of the kind of comparison)")
      ->delimiter(',');
  std::string prompts = "auto";
  compare
      ->add_option("--prompts", prompts, "Prompts per language: a number, all, or auto (as many as fit into --seconds)")
      ->type_name("N|all|auto")
      ->capture_default_str();
  compare->add_option("--seconds", comparing.budget, "Time to measure with --prompts auto")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  compare
      ->add_option("--repeats", comparing.repeats,
                   "Measurements of each run; the median counts (with --diffusion: canvases per prompt)")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  compare->add_option("--show", comparing.shown, "Prompts whose text is shown first")
      ->check(CLI::Range(0, 64))
      ->capture_default_str();
  add_decoding(*compare, comparing);
  const std::vector<CLI::Option*> kinds = add_kinds(*compare);

  cli::generate_options generating;
  generating.max_tokens = 128;
  CLI::App* generate = app.add_subcommand("generate", "Continue a text");
  generate->footer("Methods:" + names);
  generate->add_option("--method", generating.method, "How to decode")->capture_default_str();
  generate->add_option("text", generating.prompt.typed, "Text to continue; - is the standard input")->type_name("TEXT");
  generate->add_option("--prompt", generating.prompt.option, "The same")->type_name("TEXT");
  generate->add_option("--file", generating.prompt.file, "File with the text to continue; - is the standard input")
      ->type_name("FILE");
  generate->add_option("--language", generating.language, "Language of the text: en, de, fr, es, ru, ja, zh or code")
      ->capture_default_str();
  generate->add_option("--temperature", generating.temperature, "Temperature; 0 = always the most probable token")
      ->capture_default_str();
  generate->add_option("--top-k", generating.top_k, "Keep only the K most probable tokens")
      ->check(CLI::Range(1, 1000000));
  generate->add_option("--top-p", generating.top_p, "Keep only the most probable tokens that make up this mass");
  generate->add_option("--min-p", generating.min_p, "Keep only tokens with this share of the largest probability");
  add_decoding(*generate, generating);

  cli::infill_options filling;
  CLI::App* infill = app.add_subcommand("infill", "Fill the gaps of a text with a denoiser, step by step");
  infill->add_option("text", filling.text.typed, "The text; [[8]] is a gap of eight tokens; - is the standard input")
      ->type_name("TEXT");
  infill->add_option("--file", filling.text.file, "File with the text; - is the standard input")->type_name("FILE");
  infill->add_option("--model", filling.model, "Denoiser: a bundled one or a file")
      ->type_name("MODEL")
      ->capture_default_str();
  infill->add_option("--language", filling.language, "Language of the text")->capture_default_str();
  infill->add_option("--temperature", filling.temperature, "Temperature; 0 = always the most probable token")
      ->capture_default_str();
  infill->add_option("--steps", filling.steps, "Steps")->check(CLI::Range(1, 4096))->capture_default_str();
  infill->add_option("--pause", filling.pause, "Milliseconds between the steps that are shown; terminals only")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  add_running(*infill, filling);

  cli::model_files listed;
  CLI::App* models = app.add_subcommand("models", "List the bundled models");
  add_models(*models, listed);

  std::vector<std::string> commands;
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    commands.push_back(command->get_name());
    check_values(*command);
  }
  if (argc > 1 && argv[1][0] != '-' && std::find(commands.begin(), commands.end(), argv[1]) == commands.end()) {
    return complain(fmt::format("there is no command '{}'{}{}", argv[1], cli::suggestion(argv[1], commands),
                                fmt::format("; the commands are {}", fmt::join(commands, ", "))));
  }
  try {
    app.parse(arguments(argc, argv));
  } catch (const CLI::ExtrasError&) {
    return complain(unexpected(app));
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0) return complain(e.what());
    std::ostringstream text;
    app.exit(e, text, text);
    fmt::print("{}", text.str());
    return 0;
  }
  if (app.get_subcommands().empty()) return complain(fmt::format("name a command: {}", fmt::join(commands, ", ")));
  if (compare->parsed()) {
    comparing.prompts = prompts_per_language(prompts);
    std::size_t kind = 0;
    while (kind < kinds.size() && kinds[kind]->empty()) ++kind;
    cli::comparison& chosen = *cli::comparisons()[kind < kinds.size() ? kind + 1 : 0];
    if (comparing.temperatures.empty()) comparing.temperatures = chosen.temperatures();
    if (comparing.languages.empty()) comparing.languages = chosen.languages();
    return chosen.run(comparing);
  }
  if (generate->parsed()) return cli::generate(generating);
  if (infill->parsed()) return cli::infill(filling);
  return cli::list_models(listed);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int code = run(argc, argv);
    cli::finish(stdout);
    return code;
  } catch (const std::bad_alloc&) {
    return complain("there is not enough memory");
  } catch (const std::exception& e) {
    return complain(e.what());
  }
}
