// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <proviso/core/law_builder.hpp>

/// A row of logits like those of a language model: normal with a deviation of 2.5, and a few tokens far above. A flat
/// row has a deviation of 0.3 and no such tokens.
inline std::vector<float> random_row(std::size_t vocab, bool flat, std::uint64_t seed) {
  const double deviation = flat ? 0.3 : 2.5;
  std::vector<float> row(vocab);
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
  const auto uniform = [&state] {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (static_cast<double>(state >> 11U) + 0.5) * 0x1.0p-53;
  };
  for (float& x : row) {
    x = static_cast<float>(deviation * std::sqrt(-2.0 * std::log(uniform())) * std::cos(6.283185307179586 * uniform()));
  }
  for (std::size_t i = 0; i < 30 && !flat; ++i) {
    row[static_cast<std::size_t>(uniform() * static_cast<double>(vocab))] = 18.0F - static_cast<float>(i) / 3.0F;
  }
  return row;
}

/// Time of one law per row through `shape`, cycling over 8 rows, beside a plain read of the same rows in the same
/// run: `law_us` and `read_us` are the fastest of 25 turns, `x_read` their ratio, `entries` the size of the law.
template <class Shape>
void law_per_row(benchmark::State& state, const Shape& shape) {
  using clock = std::chrono::steady_clock;
  const auto vocab = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t count = 8;
  std::vector<std::vector<float>> rows;
  for (std::size_t i = 0; i < count; ++i) rows.push_back(random_row(vocab, state.range(1) != 0, i + 1));
  std::vector<proviso::token_id> text(1000);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<proviso::token_id>(i * i % vocab);

  proviso::law_builder builder;
  std::vector<proviso::law_buffer> buffers(count);
  const auto law_of = [&](std::size_t i) {
    builder.begin(rows[i], buffers[i]);
    shape(builder, proviso::text_position{text, {}});
    return builder.finish();
  };
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(law_of(i++ % count));

  const auto fastest = [&](auto&& each_row) {  // seconds per row
    double best = 1e9;
    for (int repeat = 0; repeat < 25; ++repeat) {
      const auto start = clock::now();
      for (std::size_t r = 0; r < count; ++r) each_row(r);
      const double seconds = std::chrono::duration<double>(clock::now() - start).count() / count;
      best = seconds < best ? seconds : best;
    }
    return best;
  };
  const double law = fastest([&](std::size_t r) { benchmark::DoNotOptimize(law_of(r)); });
  const double read = fastest([&](std::size_t r) {
    const std::vector<float>& row = rows[r];
    std::uint32_t large[32] = {};
    for (std::size_t j = 0; j + 32 <= row.size(); j += 32) {
      for (std::size_t k = 0; k < 32; ++k) large[k] |= static_cast<std::uint32_t>(row[j + k] > 1e30F);
    }
    benchmark::DoNotOptimize(large);
  });
  state.counters["law_us"] = law * 1e6;
  state.counters["read_us"] = read * 1e6;
  state.counters["x_read"] = law / read;
  state.counters["entries"] = static_cast<double>(law_of(0).size());
}

/// Vocabularies of 4096, 32000 and 128256 tokens; rows of a language model, and flat rows.
inline void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"V", "flat"})->ArgsProduct({{4096, 32000, 128256}, {0, 1}})->Unit(benchmark::kMicrosecond);
}
