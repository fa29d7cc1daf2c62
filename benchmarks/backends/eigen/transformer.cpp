// SPDX-License-Identifier: Apache-2.0
// One evaluation of the bundled models against the time that it takes to read their weights. Run in the root of the
// repository. Prints a summary with ratios behind the usual table; times are the fastest of many calls. `--kernels
// avx2` as the last arguments forces kernels below those of the machine.
#include <proviso/backends/eigen/transformer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace {

using namespace proviso;
using clock_type = std::chrono::steady_clock;

constexpr std::size_t context = 150;

eigen::instruction_set kernels = eigen::strongest_instruction_set();

const char* file_of(int model) {
  return model == 0 ? "examples/zoo/base.safetensors" : "examples/zoo/draft.safetensors";
}

std::vector<token_id> some_tokens(std::size_t count, std::size_t vocab) {
  std::vector<token_id> tokens(count);
  for (std::size_t i = 0; i < count; ++i) tokens[i] = static_cast<token_id>((i * 7919 + 100) % vocab);
  return tokens;
}

eigen::transformer open_model(int model, std::size_t threads) {
  eigen::transformer_options options;
  options.threads = threads;
  options.kernels = kernels;
  return eigen::transformer{file_of(model), options};
}

/// Reads every byte once, as plainly as can be.
std::uint64_t read_all(const std::uint64_t* data, std::size_t count) {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::uint64_t c = 0;
  std::uint64_t d = 0;
  for (std::size_t i = 0; i + 4 <= count; i += 4) {
    a += data[i];
    b += data[i + 1];
    c += data[i + 2];
    d += data[i + 3];
  }
  return a + b + c + d;
}

/// An evaluation of `state.range(2)` tokens behind 150 others.
void evaluate(benchmark::State& state) {
  eigen::transformer model = open_model(static_cast<int>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  auto session = model.open();
  const auto width = static_cast<std::size_t>(state.range(2));
  const auto tokens = some_tokens(context, model.vocab_size());
  session.eval(chain_block{tokens, 1});
  for (auto unused : state) {
    (void)unused;
    benchmark::DoNotOptimize(session.eval(chain_block{std::span{tokens}.first(width), width}).data());
    session.rewind(context);
  }
  state.SetItemsProcessed(state.iterations() * state.range(2));
}
BENCHMARK(evaluate)
    ->ArgNames({"draft", "threads", "tokens"})
    ->ArgsProduct({{0}, {1, 2}, {1, 2, 3, 5, 8}})
    ->ArgsProduct({{1}, {1}, {1, 2, 5, 8}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

void prompt(benchmark::State& state) {
  eigen::transformer model = open_model(static_cast<int>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  auto session = model.open();
  const auto tokens = some_tokens(context, model.vocab_size());
  for (auto unused : state) {
    (void)unused;
    session.rewind(0);
    benchmark::DoNotOptimize(session.eval(chain_block{tokens, 1}).data());
  }
}
BENCHMARK(prompt)
    ->ArgNames({"draft", "threads"})
    ->ArgsProduct({{0, 1}, {1, 2}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

template <class F>
double fastest_microseconds(int times, F function) {
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < times; ++i) {
    const auto start = clock_type::now();
    function();
    best = std::min(best, std::chrono::duration<double, std::micro>(clock_type::now() - start).count());
  }
  return best;
}

void summary(int which, std::size_t threads) {
  eigen::transformer model = open_model(which, threads);
  const auto tokens = some_tokens(context, model.vocab_size());
  auto session = model.open();
  session.eval(chain_block{tokens, 1});

  // The bound: the same number of bytes, read by the same number of threads, once per round as an evaluation does.
  eigen::thread_team team(threads);
  const std::size_t words = model.streamed_bytes() / 8 / threads;
  eigen::aligned_array<std::uint64_t> memory(words * threads);
  for (std::size_t i = 0; i < words * threads; ++i) memory[i] = i;
  std::vector<std::uint64_t> sums(threads * 8);
  const auto stream = [&] {
    team.run(threads,
             [&](std::size_t, std::size_t piece) { sums[piece * 8] = read_all(memory.data() + piece * words, words); });
    benchmark::DoNotOptimize(sums.data());
  };
  const auto evaluation = [&](std::size_t width) {
    return [&, width] {
      session.eval(chain_block{std::span{tokens}.first(width), width});
      session.rewind(context);
    };
  };
  double bound = std::numeric_limits<double>::max();
  double one = bound;
  double five = bound;
  for (int round = 0; round < 10; ++round) {  // in turn, so that a busy moment hits all of them
    bound = std::min(bound, fastest_microseconds(50, stream));
    one = std::min(one, fastest_microseconds(50, evaluation(1)));
    five = std::min(five, fastest_microseconds(50, evaluation(5)));
  }
  std::printf(
      "%-6s %zu thread%s  %5.2f MB  read %6.0f us (%5.1f GB/s)  one token %6.0f us  five %6.0f us  "
      "read / one %.2f  five / one %.2f\n",
      which == 0 ? "base" : "draft", threads, threads == 1 ? " " : "s",
      static_cast<double>(model.streamed_bytes()) / 1e6, bound, static_cast<double>(words * threads * 8) / bound / 1e3,
      one, five, bound / one, five / one);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 && std::string{argv[argc - 2]} == "--kernels") {
    kernels = eigen::instruction_set_named(argv[argc - 1]);
    argc -= 2;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  std::printf("\nkernels: %s; %zu tokens of context\n", eigen::kernels_of(kernels).name, context);
  summary(0, 1);
  summary(0, 2);
  summary(1, 1);  // so small a model stays on one thread
  return 0;
}
