// SPDX-License-Identifier: Apache-2.0
// What every rule reads of the rows of a round, counted as the memory pages that it touches: rows of the target and of
// the drafter with at least one page read, `kB` of all together, `all_kB` that the round offers. `accepted` tokens per
// round; the time is that of a round whose laws are there already. 32768 tokens, chains of five drafted tokens, trees
// of branching 2, 2, 1; the laws of drafter and target overlap by about 0.7.
#include <benchmark/benchmark.h>

#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sys/mman.h>

#include <proviso/proviso.hpp>

namespace {

using namespace proviso;

constexpr std::size_t vocab = 32768;

/// Counts which pages of some rows are read. Pages that a row shares with its neighbours are not watched.
class page_watch {
 public:
  page_watch() {
    active = this;
    struct sigaction action {};
    action.sa_sigaction = [](int, siginfo_t* info, void*) { active->touch(info->si_addr); };
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
  }
  page_watch(const page_watch&) = delete;
  page_watch& operator=(const page_watch&) = delete;
  ~page_watch() { std::signal(SIGSEGV, SIG_DFL); }

  void begin(const std::vector<std::span<const float>>& rows) {
    rows_.clear();
    for (const std::span<const float> row : rows) {
      const auto first = reinterpret_cast<std::uintptr_t>(row.data());
      const std::uintptr_t from = (first + page - 1) / page * page;
      const std::uintptr_t to = (first + row.size_bytes()) / page * page;
      rows_.push_back({from, to, 0});
      mprotect(pointer(from), to - from, PROT_NONE);
    }
  }
  void end() const {
    for (const watched& r : rows_) mprotect(pointer(r.from), r.to - r.from, PROT_READ | PROT_WRITE);
  }
  /// Bytes read of row `i`.
  std::size_t bytes(std::size_t i) const { return rows_[i].pages * page; }

 private:
  static constexpr std::uintptr_t page = 4096;
  struct watched {
    std::uintptr_t from, to;
    std::size_t pages;
  };
  static void* pointer(std::uintptr_t address) { return reinterpret_cast<void*>(address); }

  void touch(const void* address) {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    for (watched& r : rows_) {
      if (at < r.from || at >= r.to) continue;
      ++r.pages;
      mprotect(pointer(at / page * page), page, PROT_READ);
      return;
    }
    std::signal(SIGSEGV, SIG_DFL);  // a fault of the program itself
  }

  static inline page_watch* active = nullptr;
  std::vector<watched> rows_;
};

/// A law like a language model's: log-normal weights, and 80 % of the mass on eight tokens.
std::vector<double> random_law(std::uint64_t seed) {
  const philox source{seed};
  std::vector<double> w(vocab);
  double total = 0.0;
  for (std::size_t x = 0; x < vocab; ++x) {
    const auto at = static_cast<std::uint32_t>(x);
    const double u = source.uniform({purpose::selection, at, 0, 0}) + 0x1.0p-60;
    const double v = source.uniform({purpose::selection, at, 1, 0});
    total += w[x] = std::exp(2.0 * std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v));
  }
  for (double& x : w) x *= 0.2 / total;
  for (std::uint32_t i = 0; i < 8; ++i) {
    const double u = source.uniform({purpose::selection, i, 2, 0});
    w[static_cast<std::size_t>(u * static_cast<double>(vocab))] += 0.8 * std::ldexp(1.0, -static_cast<int>(i) - 1);
  }
  return w;
}

/// The target's and the drafter's laws after each of `count` nodes.
struct laws {
  explicit laws(std::size_t count) {
    for (std::size_t n = 0; n < count; ++n) {
      const std::vector<double> own = random_law(2 * n);
      const std::vector<double> other = random_law(2 * n + 1);
      std::vector<float>& p = target.emplace_back(vocab);
      std::vector<float>& q = drafter.emplace_back(vocab);
      for (std::size_t x = 0; x < vocab; ++x) {
        p[x] = static_cast<float>(own[x]);
        q[x] = static_cast<float>(0.6 * own[x] + 0.4 * other[x]);
      }
    }
  }
  static law_view view(const std::vector<float>& row) {
    return law_view::dense(row, numeric::sum(std::span<const float>{row}));
  }
  std::vector<std::vector<float>> target, drafter;
};

enum class shape { chain, pushed, paths, tree_with, tree_without, hub };

void fill(draft& d, shape s, const laws& of, random_ref random) {
  const std::vector<std::size_t> branching = s == shape::chain || s == shape::pushed
                                                 ? std::vector<std::size_t>{1, 1, 1, 1, 1}
                                             : s == shape::paths ? std::vector<std::size_t>{3, 1, 1}
                                                                 : std::vector<std::size_t>{2, 2, 1};
  d.reset(0, 0, branching.size(), 32);
  node_id begin = draft::root();
  for (const std::size_t width : branching) {
    const auto end = static_cast<node_id>(d.size());
    for (; begin < end; ++begin) {
      const law_view q = laws::view(of.drafter[static_cast<std::size_t>(begin)]);
      if (s == shape::pushed) {
        d.push(begin, q.argmax());
      } else if (s == shape::hub && width > 1) {
        const token_id x = q.argmax();
        d.push(begin, x);
        d.sample(begin, numeric::without(q, x, d.next_law()), random);
      } else {
        d.sample_siblings(begin, q, width, s == shape::tree_without ? replacement::without : replacement::with, random);
      }
    }
  }
}

void rows(benchmark::State& state, rules::any rule, shape s) {
  static const laws all{16};
  static page_watch watch;
  draft d;
  std::vector<std::span<const float>> watched;
  double target_rows = 0, draft_rows = 0, bytes = 0, offered = 0, accepted = 0;
  std::uint64_t seed = 0;
  std::vector<law_view> targets;
  for (const std::vector<float>& row : all.target) targets.push_back(laws::view(row));
  auto law_after = [&](node_id n) { return targets[static_cast<std::size_t>(n)]; };
  const target_laws p{law_after};
  for (auto _ : state) {
    state.PauseTiming();
    philox source{++seed};
    const random_ref random{source};
    fill(d, s, all, random);
    watched.clear();
    for (std::size_t n = 0; n < d.size(); ++n) watched.emplace_back(all.target[n]);
    for (std::size_t n = 1; n < d.size(); ++n) {
      const std::span<const float> q = d.q(static_cast<node_id>(n)).weights();
      if (!q.empty() && q.data() != watched.back().data()) watched.push_back(q);
    }
    rule.start();
    watch.begin(watched);
    const outcome seen = rule(d, p, random);
    watch.end();
    accepted += static_cast<double>(seen.path.size());
    for (std::size_t i = 0; i < watched.size(); ++i) {
      const std::size_t read = watch.bytes(i);
      (i < d.size() ? target_rows : draft_rows) += read > 0 ? 1.0 : 0.0;
      bytes += static_cast<double>(read);
      offered += static_cast<double>(watched[i].size_bytes());
    }
    state.ResumeTiming();
    benchmark::DoNotOptimize(rule(d, p, random));
  }
  const double rounds = static_cast<double>(state.iterations());
  state.counters["target_rows"] = target_rows / rounds;
  state.counters["draft_rows"] = draft_rows / rounds;
  state.counters["kB"] = bytes / rounds / 1024;
  state.counters["all_kB"] = offered / rounds / 1024;
  state.counters["accepted"] = accepted / rounds;
}

template <class Rule>
void add(const char* name, shape s) {
  benchmark::RegisterBenchmark(name, [s](benchmark::State& state) { rows(state, rules::any{Rule{}}, s); })
      ->Iterations(300)
      ->Unit(benchmark::kMicrosecond);
}

const bool added = [] {
  add<rules::match>("match/chain", shape::chain);
  add<rules::match>("match/pushed", shape::pushed);
  add<rules::coupled>("coupled/chain", shape::chain);
  add<rules::token>("token/chain", shape::chain);
  add<rules::token>("token/pushed", shape::pushed);
  add<rules::block>("block/chain", shape::chain);
  add<rules::block>("block/pushed", shape::pushed);
  add<rules::joint>("joint/chain", shape::chain);
  add<rules::selected_path>("selected_path/paths", shape::paths);
  add<rules::siblings>("siblings/tree", shape::tree_without);
  add<rules::traversal>("traversal/tree", shape::tree_without);
  add<rules::k_seq>("k_seq/tree", shape::tree_with);
  add<rules::greedy_hub>("greedy_hub/tree", shape::hub);
  add<rules::match>("match/tree", shape::tree_without);
  return true;
}();

}  // namespace
