// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <proviso/backends/eigen/denoiser.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/diffusion.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/diffusion.hpp>
#include <proviso/orders/entropy_bound.hpp>
#include <proviso/orders/first_hitting.hpp>
#include <proviso/orders/quota.hpp>
#include <proviso/orders/threshold.hpp>
#include <proviso/rules/any.hpp>
#include <proviso/rules/block.hpp>

#include "comparison.hpp"
#include "contest.hpp"
#include "prompts.hpp"
#include "results.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

using proviso::token_id;
using canvases = proviso::canvas_model<proviso::eigen::denoiser>;

struct diffusion_options {
  std::string teacher, student;  ///< files; empty = bundled
  std::vector<std::size_t> steps{4, 8, 16, 32, 64};
  std::vector<std::string> orders{"ancestral"};
  std::size_t canvas = 64;
  bool drafts = false;
  std::vector<std::size_t> draft_steps{1, 2};
  std::size_t window = 96;
};

/// A denoiser of the zoo, or of a file.
struct canvas_writer {
  canvas_writer(std::string model_name, const std::string& file, std::size_t threads, const tokenizer& words)
      : name{std::move(model_name)}, net{checked(file), {.threads = threads}}, model{net} {
    if (net.vocab_size() != words.size()) {
      throw std::invalid_argument(
          fmt::format("{} has {} tokens, but the vocabulary has {}", file, net.vocab_size(), words.size()));
    }
  }
  static const std::string& checked(const std::string& file) {
    if (!std::filesystem::exists(file)) throw std::runtime_error(fmt::format("there is no model file {}", file));
    return file;
  }
  std::string name;
  proviso::eigen::denoiser net;
  canvases model;
};

/// What one sampler wrote, over all prompts.
struct figures {
  std::size_t tokens = 0;
  std::size_t canvases_written = 0;
  std::uint64_t evaluations = 0;
  double seconds = 0.0;
  double log_probability = 0.0;  ///< under the scorer
  double entropy = 0.0;          ///< of the tokens of a canvas, summed over canvases

  double perplexity() const { return std::exp(-log_probability / static_cast<double>(tokens)); }
  double mean_entropy() const { return entropy / static_cast<double>(canvases_written); }
  double mean_evaluations() const { return static_cast<double>(evaluations) / static_cast<double>(canvases_written); }
};

/// Entropy in nats of the tokens that stand in `text`.
double unigram_entropy(std::span<const token_id> text) {
  std::map<token_id, double> counts;
  for (const token_id t : text) counts[t] += 1.0;
  double h = 0.0;
  for (const auto& [token, count] : counts) {
    const double p = count / static_cast<double>(text.size());
    h -= p * std::log(p);
  }
  return h;
}

/// log P(text after prompt) under an autoregressive model at temperature 1.
double log_probability(model& scorer, std::span<const token_id> whole, std::size_t prompt) {
  auto session = scorer.open();
  const auto rows = session.eval(proviso::chain_block{whole.first(whole.size() - 1), whole.size() - prompt});
  double sum = 0.0;
  for (std::size_t i = 0; i < whole.size() - prompt; ++i) {
    const std::span<const float> row = rows.row(i);
    const double top = static_cast<double>(*std::max_element(row.begin(), row.end()));
    double total = 0.0;
    for (const float l : row) total += std::exp(static_cast<double>(l) - top);
    sum += static_cast<double>(row[static_cast<std::size_t>(whole[prompt + i])]) - top - std::log(total);
  }
  return sum;
}

/// A canvas to fill.
struct filling {
  canvases& model;
  proviso::canvas_settings settings;
  float temperature;
  std::uint64_t seed;

  template <class Order>
  proviso::decoder by(Order order) const {
    const proviso::transforms::temperature shape{temperature};
    return proviso::decoder{proviso::diffusion{model, settings, std::move(order), shape}, seed};
  }
};

struct named_order {
  const char* name;
  bool plans_steps;  ///< it takes the steps that it is given; others take as many as they need
  proviso::decoder (*fill)(const filling&);
};

template <proviso::orders::ranking By>
proviso::decoder by_quota(const filling& f) {
  return f.by(proviso::orders::quota{By});
}

using proviso::orders::ranking;
constexpr named_order all_orders[] = {
    {"ancestral", true, [](const filling& f) { return f.by(proviso::orders::ancestral{}); }},
    {"first-hitting", false, [](const filling& f) { return f.by(proviso::orders::first_hitting{}); }},
    {"confidence", true, &by_quota<ranking::confidence>},
    {"top", true, &by_quota<ranking::top>},
    {"margin", true, &by_quota<ranking::margin>},
    {"entropy", true, &by_quota<ranking::entropy>},
    {"random", true, &by_quota<ranking::random>},
    {"spread", true, &by_quota<ranking::spread>},
    {"threshold", false, [](const filling& f) { return f.by(proviso::orders::threshold{}); }},
    {"entropy-bound", false, [](const filling& f) { return f.by(proviso::orders::entropy_bound{}); }}};

std::vector<std::string> order_names() {
  std::vector<std::string> names;
  for (const named_order& o : all_orders) names.emplace_back(o.name);
  return names;
}

/// The order of a name that the command line has checked.
const named_order& find_order(const std::string& name) {
  return *std::find_if(std::begin(all_orders), std::end(all_orders),
                       [&](const named_order& o) { return name == o.name; });
}

/// `--diffusion`: canvases of the bundled denoisers, scored by `base`; or their drafts, verified by it.
class by_diffusion final : public comparison {
 public:
  std::string flag() const override { return "--diffusion"; }
  std::string summary() const override { return "Compare masked diffusion: orders and numbers of steps, or drafts"; }
  std::vector<float> temperatures() const override { return {1.0F}; }
  std::vector<std::string> languages() const override { return {"en", "code"}; }  // of the bundled denoisers
  void add_flags(CLI::App& command) override {
    diffusion_options& o = options_;
    command.add_option("--teacher", o.teacher, "File of the teacher");
    command.add_option("--student", o.student, "File of the student");
    command.add_option("--steps", o.steps, "Steps per canvas")
        ->delimiter(',')
        ->check(CLI::Range(1, 4096))
        ->capture_default_str();
    command.add_option("--orders", o.orders, "Which positions a step fills")
        ->delimiter(',')
        ->check(CLI::IsMember(order_names()))
        ->capture_default_str();
    command.add_option("--canvas", o.canvas, "Tokens of a canvas")->check(CLI::Range(1, 4096))->capture_default_str();
    command.add_flag("--drafts", o.drafts, "Let the student draft for base instead");
    command.add_option("--draft-steps", o.draft_steps, "Steps per draft")
        ->delimiter(',')
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    command.add_option("--window", o.window, "Tokens of the text that a drafting denoiser sees")
        ->check(CLI::Range(1, 4096))
        ->capture_default_str();
  }

  int run(const compare_options& options) override { return options_.drafts ? draft(options) : write(options); }

 private:
  std::string file_of(const compare_options& options, const std::string& given, const char* name) const {
    return given.empty() ? (find_zoo(options.files) / name).string() : given;
  }

  int draft(const compare_options& options) {
    contest c{options};
    models loaded{options.files, false};
    canvas_writer student{"student", file_of(options, options_.student, "diffusion-student.safetensors"),
                          options.files.threads, loaded.words()};
    group g;
    g.contestants.push_back(
        {"plain",
         "plain",
         promise::same_text,
         false,
         [&](float temperature, std::uint64_t seed) {
           return proviso::decoder{proviso::autoregressive{loaded.base(), sampling{temperature}}, seed};
         },
         {}});
    const std::size_t length = options.draft_length.value_or(4);
    for (const std::size_t steps : options_.draft_steps) {
      g.contestants.push_back(
          {fmt::format("diffusion-{}", steps), "plain", promise::same_law, false,
           [&, steps, length](float temperature, std::uint64_t seed) {
             using namespace proviso;
             return decoder{speculative{loaded.base(), drafters::diffusion{student.model, steps, options_.window},
                                        rules::any{rules::block{}}, sampling{temperature}, lengths::fixed{length}},
                            seed};
           },
           [steps](const result&, nlohmann::ordered_json& j) { j["steps"] = steps; }});
    }
    return c.run(loaded.words(), loaded.capacity(), {g});
  }

  int write(const compare_options& options) {
    std::optional<json_file> json;
    if (!options.json.empty()) json.emplace(options.json);
    models loaded{options.files, false};
    std::vector<std::unique_ptr<canvas_writer>> writers;
    const auto open = [&](const char* name, const std::string& given) {
      writers.push_back(std::make_unique<canvas_writer>(
          name, file_of(options, given, fmt::format("diffusion-{}.safetensors", name).c_str()), options.files.threads,
          loaded.words()));
    };
    open("teacher", options_.teacher);
    open("student", options_.student);
    std::vector<prompt> prompts = chosen_prompts(options);

    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    fmt::print("{} tokens per canvas, {} prompts, scored by base\n\n", options_.canvas, prompts.size());
    fmt::print("{:<8} {:<13} {:>5} {:>4} {:>11} {:>10} {:>8} {:>9}\n", "model", "order", "steps", "T", "evaluations",
               "perplexity", "entropy", "tokens/s");
    for (const float temperature : options.temperatures) {
      for (const std::unique_ptr<canvas_writer>& writer : writers) {
        for (const std::string& name : options_.orders) {
          const named_order& order = find_order(name);
          // Orders that know no number of steps are measured once.
          const std::size_t count = order.plans_steps ? options_.steps.size() : 1;
          for (const std::size_t steps : std::span{options_.steps}.first(count)) {
            const figures f = measure(options, loaded, *writer, prompts, order, steps, temperature);
            fmt::print("{:<8} {:<13} {:>5} {:>4} {:>11.1f} {:>10.2f} {:>8.3f} {:>9.0f}\n", writer->name, name,
                       order.plans_steps ? std::to_string(steps) : "-", temperature, f.mean_evaluations(),
                       f.perplexity(), f.mean_entropy(), static_cast<double>(f.tokens) / f.seconds);
            std::fflush(stdout);
            all.push_back(
                {{"model", writer->name},
                 {"order", name},
                 {"steps", order.plans_steps ? nlohmann::ordered_json(steps) : nlohmann::ordered_json(nullptr)},
                 {"temperature", temperature_value(temperature)},
                 {"canvases", f.canvases_written},
                 {"tokens", f.tokens},
                 {"seconds", f.seconds},
                 {"evaluations", f.mean_evaluations()},
                 {"generative_perplexity", f.perplexity()},
                 {"entropy", f.mean_entropy()}});
          }
        }
      }
    }
    if (json) json->write(all);
    return 0;
  }

  /// A canvas after every prompt, of which as much is kept as fits before it.
  figures measure(const compare_options& options, models& loaded, canvas_writer& writer,
                  const std::vector<prompt>& prompts, const named_order& order, std::size_t steps,
                  float temperature) const {
    const std::size_t capacity = (std::min)(writer.net.capacity(), loaded.capacity());
    if (capacity <= options_.canvas) {
      throw std::invalid_argument(
          fmt::format("a canvas of {} tokens does not fit: the models hold {}", options_.canvas, capacity));
    }
    figures f;
    for (std::size_t repeat = 0; repeat < options.repeats; ++repeat) {
      for (const prompt& p : prompts) {
        std::vector<token_id> tokens = encode_prompt(loaded.words(), loaded.capacity(), p.language, p.text);
        if (tokens.size() > capacity - options_.canvas) tokens.resize(capacity - options_.canvas);
        proviso::decoder d =
            order.fill({writer.model, {.length = options_.canvas, .steps = steps}, temperature, options.seed + repeat});
        const auto begin = std::chrono::steady_clock::now();
        d.run(tokens, [](proviso::generated_token) {}, {.max_tokens = options_.canvas});
        f.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        f.evaluations += d.stats().target_calls;
        f.tokens += d.output().size();
        ++f.canvases_written;
        f.log_probability += log_probability(loaded.base(), d.text(), tokens.size());
        f.entropy += unigram_entropy(d.text().subspan(tokens.size()));
      }
    }
    return f;
  }

  diffusion_options options_;
};

}  // namespace

std::unique_ptr<comparison> diffusion_comparison() { return std::make_unique<by_diffusion>(); }

}  // namespace cli
