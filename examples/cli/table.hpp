// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <proviso/core/statistics.hpp>

#include "methods.hpp"
#include "results.hpp"
#include "terminal.hpp"

namespace cli {

/// A table of text that leaves out its last columns where the terminal is too narrow for all.
class listing {
 public:
  struct field {
    std::string heading;
    int width;  ///< with the space before it; negative = to the left
  };
  listing(const terminal& out, std::vector<field> fields) : out_{out}, fields_{std::move(fields)} {
    std::size_t used = 0;
    while (shown_ < fields_.size()) {
      used += static_cast<std::size_t>(std::abs(fields_[shown_].width));
      if (shown_ > 0 && used > out_.columns) break;
      ++shown_;
    }
  }

  void head() const {
    std::vector<std::string> all;
    for (const field& f : fields_) all.push_back(f.heading);
    row(all);
  }
  void row(const std::vector<std::string>& texts) const {
    std::string line;
    for (std::size_t i = 0; i < shown_; ++i) {
      const int width = fields_[i].width;
      line += width < 0 ? fmt::format("{:<{}}", texts[i], -width) : fmt::format("{:>{}}", texts[i], width);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print(out_.stream, "{}\n", line);
  }

 private:
  terminal out_;
  std::vector<field> fields_;
  std::size_t shown_ = 0;
};

/// Sums over the results of a contestant in one language at one temperature.
struct totals {
  std::size_t runs = 0;
  double seconds = 0.0;
  proviso::statistics stats{};

  double tokens_per_second() const { return static_cast<double>(stats.emitted) / seconds; }
};

/// A figure of a table.
struct column {
  std::string top, bottom;  ///< heading
  int width;
  std::string format;  ///< of the figure
  /// From the sums of a contestant and of the first one, in one language; NaN where there is none.
  std::function<double(std::string_view name, const totals& ours, const totals& first)> value;

  std::string text(double figure) const {
    return fmt::format("{:>{}}", std::isnan(figure) ? "-" : fmt::format(fmt::runtime(format), figure), width);
  }
};

namespace columns {

inline column tokens_per_second() {
  return {"tokens", "/s", 6, "{:.0f}",
          [](std::string_view, const totals& ours, const totals&) { return ours.tokens_per_second(); }};
}
inline column speedup() {
  return {"speed-", "up", 8, "{:.2f}x", [](std::string_view, const totals& ours, const totals& first) {
            return ours.tokens_per_second() / first.tokens_per_second();
          }};
}
inline column tokens_per_call() {
  return {"tokens", "/call", 7, "{:.2f}",
          [](std::string_view, const totals& ours, const totals&) { return ours.stats.tokens_per_call(); }};
}
inline column acceptance() {
  return {"accept-", "ance", 8, "{:.0f} %", [](std::string_view, const totals& ours, const totals&) {
            const bool drafts = ours.stats.drafted > 0;
            return drafts ? 100.0 * ours.stats.acceptance_rate() : std::numeric_limits<double>::quiet_NaN();
          }};
}
inline column drafted_per_call() {
  return {"drafted", "/call", 8, "{:.2f}",
          [](std::string_view, const totals& ours, const totals&) { return ours.stats.drafted_per_call(); }};
}

}  // namespace columns

/// The columns of methods that draft for one model.
inline std::vector<column> standard_columns() {
  return {columns::tokens_per_second(), columns::speedup(), columns::tokens_per_call(), columns::acceptance(),
          columns::drafted_per_call()};
}

/// The results of a group as tables that fit into 60 columns, if its own columns do. On narrower terminals the last
/// columns are left out, the first two remain.
class table {
 public:
  /// A row: a contestant, how it is shown, and what is said of its text at a temperature.
  struct row {
    std::string name;
    std::string label;
    std::function<std::string(float temperature)> verdict;
  };

  table(const terminal& out, std::vector<row> rows, const std::vector<column>& columns,
        const std::vector<result>& results)
      : out_{out}, rows_{std::move(rows)}, columns_{columns}, results_{results} {
    for (const result& r : results) {
      if (std::find(languages_.begin(), languages_.end(), r.language) == languages_.end())
        languages_.push_back(r.language);
    }
  }

  /// In the order of the results.
  const std::vector<std::string>& languages() const noexcept { return languages_; }

  /// One line for each contestant, means over languages.
  void print_methods(float temperature) const {
    constexpr int names = 13;
    constexpr int verdicts = 10;
    int used = names + verdicts;
    std::vector<const column*> shown;
    for (const column& c : columns_) {
      used += c.width;
      if (shown.size() < 2 || used <= static_cast<int>(out_.columns)) shown.push_back(&c);
    }
    std::string top = fmt::format("{:<{}}", "", names);
    std::string bottom;
    for (const column* c : shown) {
      top += fmt::format("{:>{}}", c->top, c->width);
      bottom += fmt::format("{:>{}}", c->bottom, c->width);
    }
    const std::string title =
        styled(fmt::format("{:<{}}", fmt::format("T = {}", temperature), names), style::bold, out_.colours);
    fmt::print(out_.stream, "\n{}  text as\n{}{}  plain\n", top, title, bottom);
    for (const row& r : rows_) {
      if (runs(r.name, temperature) == 0) continue;
      std::string line = fmt::format("{:<{}}", r.label, names);
      for (const column* c : shown) line += c->text(mean(*c, r.name, temperature));
      line += "  " + r.verdict(temperature);
      line.erase(line.find_last_not_of(' ') + 1);
      fmt::print(out_.stream, "{}\n", line);
    }
  }

  /// Language by language, the fastest contestant of each temperature, which may be the first one: its second and third
  /// column.
  void print_languages(const std::vector<float>& temperatures) const {
    if (rows_.size() < 2) return;
    const std::size_t at_once = (std::max)(std::size_t{1}, (out_.columns - 9) / 17);  // columns >= 20
    for (std::size_t first = 0; first < temperatures.size(); first += at_once) {
      const std::size_t last = (std::min)(temperatures.size(), first + at_once);
      std::string head = fmt::format("\n{:<9}", "");
      std::string names = fmt::format("\n{:<9}", "fastest:");
      std::string units = fmt::format("\n{:<9}", "");
      std::vector<const row*> best;
      for (std::size_t t = first; t < last; ++t) {
        best.push_back(&fastest(temperatures[t]));
        head += fmt::format("{:>17}", fmt::format("T = {}", temperatures[t]));
        names += fmt::format("{:>17}", best.back()->label);
        units += fmt::format("{:>9}{:>8}", columns_[1].top + columns_[1].bottom, columns_[2].bottom);
      }
      fmt::print(out_.stream, "{}{}{}\n", styled(head, style::bold, out_.colours), names, units);
      for (const std::string& language : languages_) {
        std::string line = fmt::format("{:<9}", language);
        for (std::size_t t = first; t < last; ++t) {
          for (const std::size_t c : {1U, 2U}) {
            line += fmt::format("{:>{}}",
                                columns_[c].text(figure(columns_[c], best[t - first]->name, temperatures[t], language)),
                                10 - c);
          }
        }
        fmt::print(out_.stream, "{}\n", line);
      }
    }
  }

 private:
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
  std::size_t runs(std::string_view name, float temperature) const {
    std::size_t all = 0;
    for (const std::string& language : languages_) all += sum(name, temperature, language).runs;
    return all;
  }

  double figure(const column& c, std::string_view name, float temperature, const std::string& language) const {
    const totals ours = sum(name, temperature, language);
    if (ours.runs == 0) return std::numeric_limits<double>::quiet_NaN();
    return c.value(name, ours, sum(rows_.front().name, temperature, language));
  }
  /// Over the languages that have a figure.
  double mean(const column& c, std::string_view name, float temperature) const {
    double total = 0.0;
    int count = 0;
    for (const std::string& language : languages_) {
      const double x = figure(c, name, temperature, language);
      if (std::isnan(x)) continue;
      total += x;
      ++count;
    }
    return total / count;
  }

  const row& fastest(float temperature) const {
    const row* best = &rows_.front();
    double most = 1.0;
    for (std::size_t i = 1; i < rows_.size(); ++i) {
      const double speedup = mean(columns_[1], rows_[i].name, temperature);
      if (!(speedup > most)) continue;
      most = speedup;
      best = &rows_[i];
    }
    return *best;
  }

  terminal out_;
  std::vector<row> rows_;
  const std::vector<column>& columns_;
  const std::vector<result>& results_;
  std::vector<std::string> languages_;
};

}  // namespace cli
