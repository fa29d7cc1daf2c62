// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "methods.hpp"
#include "results.hpp"
#include "terminal.hpp"

namespace cli {

/// The results of a comparison as tables that fit into 60 columns.
class table {
 public:
  table(const terminal& out, const std::vector<const method*>& methods, const std::vector<result>& results)
      : out_{out}, methods_{methods}, results_{results} {
    for (const result& r : results) {
      if (std::find(languages_.begin(), languages_.end(), r.language) == languages_.end())
        languages_.push_back(r.language);
    }
  }

  /// In the order of the results.
  const std::vector<std::string>& languages() const noexcept { return languages_; }

  /// Method by method, means over languages.
  void print_methods(float temperature) const {
    fmt::print(out_.stream, "\n{:<13}{:>6}{:>8}{:>7}{:>8}{:>8}  {}\n", "", "tokens", "speed-", "tokens", "accept-",
               "drafted", "text as");
    fmt::print(out_.stream, "{}{:>6}{:>8}{:>7}{:>8}{:>8}  {}\n",
               styled(fmt::format("{:<13}", fmt::format("T = {}", temperature)), style::bold, out_.colours), "/s", "up",
               "/call", "ance", "/call", "plain");
    for (const method* m : methods_) {
      figures mean;
      for (const std::string& language : languages_) mean += of(m->name, temperature, &language);
      if (mean.runs == 0) continue;
      mean /= static_cast<double>(languages_.size());
      const bool drafts = mean.drafted > 0.0;
      fmt::print(out_.stream, "{:<13}{:>6.0f}{:>7.2f}x{:>7.2f}{:>8}{:>8.2f}  {}\n", m->name, mean.tokens_per_second,
                 mean.speedup, mean.tokens_per_call, drafts ? fmt::format("{:.0f} %", 100.0 * mean.acceptance) : "-",
                 mean.drafted, text_verdict(*m, temperature));
    }
  }

  /// Language by language, the fastest method of each temperature.
  void print_languages(const std::vector<float>& temperatures) const {
    if (methods_.size() < 2) return;
    const std::size_t at_once = (std::max)(std::size_t{1}, (out_.columns - 9) / 17);
    for (std::size_t first = 0; first < temperatures.size(); first += at_once) {
      const std::size_t last = (std::min)(temperatures.size(), first + at_once);
      std::string head = fmt::format("\n{:<9}", "");
      std::string names = fmt::format("\n{:<9}", "fastest:");
      std::string units = fmt::format("\n{:<9}", "");
      std::vector<std::string_view> best;
      for (std::size_t t = first; t < last; ++t) {
        best.push_back(fastest(temperatures[t]));
        head += fmt::format("{:>17}", fmt::format("T = {}", temperatures[t]));
        names += fmt::format("{:>17}", best.back());
        units += fmt::format("{:>9}{:>8}", "speed-up", "/call");
      }
      fmt::print(out_.stream, "{}{}{}\n", styled(head, style::bold, out_.colours), names, units);
      for (const std::string& language : languages_) {
        std::string line = fmt::format("{:<9}", language);
        for (std::size_t t = first; t < last; ++t) {
          const figures f = of(best[t - first], temperatures[t], &language);
          line += fmt::format("{:>8.2f}x{:>8.2f}", f.speedup, f.tokens_per_call);
        }
        fmt::print(out_.stream, "{}\n", line);
      }
    }
  }

 private:
  struct figures {
    std::size_t runs = 0;
    double tokens_per_second = 0.0, speedup = 0.0, tokens_per_call = 0.0, acceptance = 0.0, drafted = 0.0;

    figures& operator+=(const figures& o) {
      runs += o.runs;
      tokens_per_second += o.tokens_per_second;
      speedup += o.speedup;
      tokens_per_call += o.tokens_per_call;
      acceptance += o.acceptance;
      drafted += o.drafted;
      return *this;
    }
    figures& operator/=(double n) {
      for (double* x : {&tokens_per_second, &speedup, &tokens_per_call, &acceptance, &drafted}) *x /= n;
      return *this;
    }
  };

  /// Figures of a method over the prompts of a language: ratios of sums.
  figures of(std::string_view name, float temperature, const std::string* language) const {
    figures f;
    const totals ours = sum(name, temperature, *language);
    const totals plain = sum("plain", temperature, *language);
    f.runs = ours.runs;
    if (f.runs == 0) return f;
    f.tokens_per_second = static_cast<double>(ours.stats.emitted) / ours.seconds;
    f.speedup = f.tokens_per_second * plain.seconds / static_cast<double>(plain.stats.emitted);
    f.tokens_per_call = ours.stats.tokens_per_call();
    f.acceptance = ours.stats.acceptance_rate();
    f.drafted = ours.stats.drafted_per_call();
    return f;
  }

  struct totals {
    std::size_t runs = 0;
    double seconds = 0.0;
    proviso::statistics stats;
  };
  totals sum(std::string_view name, float temperature, const std::string& language) const {
    totals t;
    for (const result& r : results_) {
      if (r.method != name || r.language != language || r.temperature != temperature_value(temperature)) continue;
      ++t.runs;
      t.seconds += r.seconds;
      t.stats += r.stats;
    }
    return t;
  }

  std::string_view fastest(float temperature) const {
    std::string_view best = methods_[1]->name;
    double most = 0.0;
    for (const method* m : methods_) {
      if (m->name == "plain") continue;
      figures mean;
      for (const std::string& language : languages_) mean += of(m->name, temperature, &language);
      if (mean.speedup > most) {
        most = mean.speedup;
        best = m->name;
      }
    }
    return best;
  }

  /// Whether the texts were those of plain decoding, and what is promised where they were not.
  std::string text_verdict(const method& m, float temperature) const {
    std::size_t runs = 0;
    std::size_t same = 0;
    for (const result& r : results_) {
      if (r.method != m.name || r.temperature != temperature_value(temperature)) continue;
      ++runs;
      same += *r.same_as_plain ? 1U : 0U;
    }
    if (same == runs) return m.name == m.like ? "" : "yes";
    if (m.keeps == promise::same_law && temperature > 0.0F) return "same law";
    return fmt::format("NO: {}/{}", runs - same, runs);
  }

  terminal out_;
  const std::vector<const method*>& methods_;
  const std::vector<result>& results_;
  std::vector<std::string> languages_;
};

}  // namespace cli
