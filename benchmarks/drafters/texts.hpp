// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include <proviso/core/random.hpp>
#include <proviso/decode/sequence.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drive/answer.hpp>
#include <proviso/rules/match.hpp>

namespace texts {

using namespace proviso;

inline constexpr std::size_t vocab = 4096;
inline constexpr std::size_t size = 100000;

enum class kind : std::int64_t { random, code };

inline double uniform(std::uint32_t i, std::uint32_t lane) {
  return philox{1}.uniform({purpose::selection, i, 0, lane});
}

/// `random`: independent tokens, as many small ids as in real text (density falling with the id). `code`: lines of 5
/// to 24 tokens, of which four in five repeat an earlier line with one token changed.
inline std::vector<token_id> make(kind which) {
  std::vector<token_id> text;
  const auto word = [](std::uint32_t i) {
    const double u = uniform(i, 0);
    return static_cast<token_id>(u * u * u * static_cast<double>(vocab));
  };
  std::vector<std::size_t> lines;
  for (std::uint32_t i = 0; text.size() < size; ++i) {
    if (which == kind::random) {
      text.push_back(word(i));
      continue;
    }
    const std::size_t begin = text.size();
    const std::size_t length = 5 + static_cast<std::size_t>(uniform(i, 1) * 20);
    const bool repeat = !lines.empty() && uniform(i, 2) < 0.8;
    const std::size_t from =
        repeat ? lines[static_cast<std::size_t>(uniform(i, 3) * static_cast<double>(lines.size()))] : 0;
    for (std::size_t j = 0; j < length; ++j) {
      text.push_back(repeat && from + j < begin ? text[from + j] : word(i * 32 + static_cast<std::uint32_t>(j)));
    }
    text[begin + static_cast<std::size_t>(uniform(i, 4) * static_cast<double>(length))] = word(i);
    lines.push_back(begin);
  }
  text.resize(size);
  return text;
}

/// A target that is never called: its rows are made up here.
struct silent_model {
  struct session_type {
    std::size_t held = 0;
    std::size_t length() const noexcept { return held; }
    logits_view<float> eval(chain_block) { return {}; }
    void rewind(std::size_t n) noexcept { held = n; }
  };
  static std::size_t vocab_size() noexcept { return vocab; }
  static session_type open() { return {}; }
};

using clock_type = std::chrono::steady_clock;

/// Seconds spent in a drafter: in the first round, which reads the prompt, and in the others.
struct times {
  double first = 0.0;
  double others = 0.0;
  std::size_t rounds = 0;
};

/// Times a drafter; the clock itself adds about 20 ns to a round.
template <class Inner>
class timed {
 public:
  timed(Inner inner, times& out) : inner_{std::move(inner)}, out_{&out} {}
  void start(std::span<const token_id> prompt) { inner_.start(prompt); }
  void propose(const context& c, draft& d) {
    const auto begin = clock_type::now();
    inner_.propose(c, d);
    const double seconds = std::chrono::duration<double>(clock_type::now() - begin).count();
    (out_->rounds++ == 0 ? out_->first : out_->others) += seconds;
  }
  void commit(const feedback& f) { inner_.commit(f); }

 private:
  Inner inner_;
  times* out_;
};

/// What the drafter takes for `count` tokens after a prompt; the target says, with certainty, what `next(position)`
/// says.
template <class Drafter, class Next>
times generate(const Drafter& drafter, std::span<const token_id> prompt, std::size_t count, Next&& next) {
  times spent;
  silent_model target;
  sequence s{speculative{target, timed{drafter, spent}, rules::match{}, transforms::temperature{0.0F}}};
  limits bounds;
  bounds.max_tokens = count;
  bounds.prefill_chunk = size;
  s.start(prompt, bounds);
  std::vector<float> rows(5 * vocab, 0.0F);
  while (!s.done()) {
    const std::span<const request> open = s.plan();
    if (open.empty()) continue;
    const request r = open.front();
    const std::size_t want = r.block.nodes.want;
    const std::size_t position = s.text().size();
    for (std::size_t i = 0; i < want; ++i) rows[i * vocab + static_cast<std::size_t>(next(position + i))] = 1.0F;
    s.absorb(r.id, logits_view<float>{rows.data(), want, vocab});
    for (std::size_t i = 0; i < want; ++i) rows[i * vocab + static_cast<std::size_t>(next(position + i))] = 0.0F;
  }
  return spent;
}

/// Seconds of one pass over `text` that finds the longest match of its end: what a drafter without an index does in
/// every round.
inline double pass_over(std::span<const token_id> text) {
  const auto begin = clock_type::now();
  std::size_t best = 0;
  std::size_t best_end = 0;
  for (std::size_t end = 1; end < text.size(); ++end) {
    std::size_t n = 0;
    while (n < 8 && n < end && text[end - 1 - n] == text[text.size() - 1 - n]) ++n;
    if (n >= best) {
      best = n;
      best_end = end;
    }
  }
  benchmark::DoNotOptimize(best_end);
  return std::chrono::duration<double>(clock_type::now() - begin).count();
}

/// Reads a text: time per token, also in units of one pass. Counters are the best of all runs, because other programs
/// of the machine only add.
template <class Drafter>
void index_text(benchmark::State& state) {
  const std::vector<token_id> text = make(static_cast<kind>(state.range(0)));
  double best = 1e9;
  double pass = 1e9;
  for (auto _ : state) {
    const times spent = generate(Drafter{}, text, 2, [](std::size_t) { return token_id{0}; });
    state.SetIterationTime(spent.first);
    best = (std::min)(best, spent.first);
    pass = (std::min)(pass, pass_over(text));
  }
  state.counters["ns_per_token"] = 1e9 * best / static_cast<double>(size);
  state.counters["over_pass"] = best / pass;
}

/// Rounds on the first half of a text that goes on with the second half: time per round, also in units of one pass.
template <class Drafter>
void propose(benchmark::State& state) {
  const std::vector<token_id> text = make(static_cast<kind>(state.range(0)));
  const std::span<const token_id> prompt = std::span<const token_id>{text}.first(size / 2);
  double best = 1e9;
  double pass = 1e9;
  for (auto _ : state) {
    const times spent = generate(Drafter{}, prompt, 4000, [&](std::size_t position) { return text[position]; });
    state.SetIterationTime(spent.others);
    best = (std::min)(best, spent.others / static_cast<double>(spent.rounds - 1));
    pass = (std::min)(pass, pass_over(prompt));
  }
  state.counters["ns_per_round"] = 1e9 * best;
  state.counters["over_pass"] = best / pass;
}

}  // namespace texts
