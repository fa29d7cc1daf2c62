// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
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
#include "denoisers.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "prompts.hpp"
#include "results.hpp"
#include "stream.hpp"
#include "table.hpp"
#include "wording.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

using proviso::token_id;
using canvases = proviso::canvas_model<proviso::eigen::denoiser>;

struct diffusion_options {
  std::string teacher = "diffusion-teacher";  ///< names of bundled ones, or files
  std::string student = "diffusion-student";
  std::vector<std::size_t> steps{4, 8, 16, 32, 64};
  std::vector<std::string> orders{"ancestral"};
  std::size_t canvas = 64;
  bool drafts = false;
  std::vector<std::size_t> draft_steps{1, 2};
  std::size_t window = 96;
};

/// A denoiser of the zoo, or of a file.
struct canvas_writer {
  canvas_writer(std::string model_name, const model_files& files, const std::string& place, const tokenizer& words)
      : name{std::move(model_name)}, net{load_denoiser(files, words, place)}, model{net} {}
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
    command.add_option("--teacher", o.teacher, "Denoiser to compare")->type_name("MODEL")->capture_default_str();
    command.add_option("--student", o.student, "Denoiser to compare, and to draft with")
        ->type_name("MODEL")
        ->capture_default_str();
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
  int draft(const compare_options& options) {
    contest c{options};
    models loaded{options.files, false};
    canvas_writer student{"student", options.files, options_.student, loaded.words()};
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
    std::optional<output_file> json;
    if (!options.json.empty()) json.emplace(options.json);
    models loaded{options.files, false};
    std::vector<std::unique_ptr<canvas_writer>> writers;
    writers.push_back(std::make_unique<canvas_writer>("teacher", options.files, options_.teacher, loaded.words()));
    writers.push_back(std::make_unique<canvas_writer>("student", options.files, options_.student, loaded.words()));
    const std::vector<prompt> prompts = chosen_prompts(options);
    const terminal out = options.output();
    interrupt::watch();

    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    print_paragraph(out,
                    {{style::plain, fmt::format("{} per canvas, {}, scored by base", counted(options_.canvas, "token"),
                                                counted(prompts.size(), "prompt"))}});
    const listing rows{out,
                       {{"model", -8},
                        {"order", -14},
                        {"steps", 5},
                        {"perplexity", 12},
                        {"entropy", 9},
                        {"evaluations", 13},
                        {"tokens/s", 10}}};
    for (const float temperature : options.temperatures) {
      if (interrupt::stop_requested()) break;
      fmt::print(out.stream, "\n{}\n", styled(fmt::format("T = {}", temperature), style::bold, out.colours));
      rows.head();
      for (const std::unique_ptr<canvas_writer>& writer : writers) {
        for (const std::string& name : options_.orders) {
          const named_order& order = find_order(name);
          // Orders that know no number of steps are measured once.
          const std::size_t count = order.plans_steps ? options_.steps.size() : 1;
          for (const std::size_t steps : std::span{options_.steps}.first(count)) {
            const figures f = measure(options, loaded, *writer, prompts, order, steps, temperature);
            if (interrupt::stop_requested()) break;
            rows.row({writer->name, name, order.plans_steps ? std::to_string(steps) : "-",
                      fmt::format("{:.2f}", f.perplexity()), fmt::format("{:.3f}", f.mean_entropy()),
                      fmt::format("{:.1f}", f.mean_evaluations()),
                      fmt::format("{:.0f}", static_cast<double>(f.tokens) / f.seconds)});
            std::fflush(out.stream);
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
    if (json) json->write(text_of(all));
    return interrupt::stop_requested() ? interrupt::exit_code : 0;
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
        d.run(
            tokens, [](proviso::generated_token) {}, {.max_tokens = options_.canvas}, interrupt{});
        if (interrupt::stop_requested()) return f;
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
