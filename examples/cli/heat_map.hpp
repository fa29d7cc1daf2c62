// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "svg.hpp"

namespace cli {

/// A table of figures whose cells are the darker the larger they are; NaN cells stay empty.
struct heat_panel {
  std::string title;
  std::vector<std::vector<double>> figures;  ///< by row, then column
};

/// Draws panels of the same rows and columns, one below the other, as an SVG. In every column of a panel the largest
/// figure is framed.
class heat_map {
 public:
  heat_map(std::string title, std::vector<std::string> rows, std::vector<std::string> columns)
      : title_{std::move(title)}, rows_{std::move(rows)}, columns_{std::move(columns)} {}

  void add(heat_panel panel) { panels_.push_back(std::move(panel)); }

  std::string svg() const {
    const std::size_t width = left + columns_.size() * cell_width + 16;
    const std::size_t panel_height = 56 + rows_.size() * cell_height;
    const std::size_t height = 44 + panels_.size() * panel_height;
    std::string out = svg_text(16, 26, title_, "start", "#1f2328", 14);
    for (std::size_t p = 0; p < panels_.size(); ++p) out += drawn(panels_[p], 44 + p * panel_height);
    return svg_document(width, height, "DejaVu Sans, Helvetica, Arial, sans-serif", out);
  }

 private:
  static constexpr std::size_t left = 96;
  static constexpr std::size_t cell_width = 56;
  static constexpr std::size_t cell_height = 24;

  std::string drawn(const heat_panel& panel, std::size_t top) const {
    double low = 1e300;
    double high = -1e300;
    for (const auto& row : panel.figures) {
      for (const double x : row) {
        if (std::isnan(x)) continue;
        low = (std::min)(low, x);
        high = (std::max)(high, x);
      }
    }
    std::string out = svg_text(16, top + 16, panel.title, "start", "#1f2328", 12);
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      out += svg_text(left + c * cell_width + cell_width / 2, top + 34, columns_[c], "middle", "#57606a", 12);
      double best = -1e300;
      for (const auto& row : panel.figures) best = std::isnan(row[c]) ? best : (std::max)(best, row[c]);
      for (std::size_t r = 0; r < rows_.size(); ++r) {
        const double x = panel.figures[r][c];
        if (std::isnan(x)) continue;
        const double share = high > low ? (x - low) / (high - low) : 0.0;
        const auto mix = [&](double from, double to) { return static_cast<int>(from + (to - from) * share + 0.5); };
        const std::size_t at_x = left + c * cell_width;
        const std::size_t at_y = top + 42 + r * cell_height;
        out += fmt::format(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#{:02x}{:02x}{:02x}\" stroke=\"{}\" "
            "stroke-width=\"{}\"/>\n",
            at_x + 1, at_y + 1, cell_width - 2, cell_height - 2, mix(247, 8), mix(251, 81), mix(255, 156),
            x == best ? "#cf222e" : "none", x == best ? 2 : 0);
        out += svg_text(at_x + cell_width / 2, at_y + 16, fmt::format("{:.2f}", x), "middle",
                        share > 0.5 ? "#ffffff" : "#1f2328", 12);
      }
    }
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      out += svg_text(left - 8, top + 58 + r * cell_height, rows_[r], "end", "#57606a", 12);
    }
    return out;
  }

  std::string title_;
  std::vector<std::string> rows_;
  std::vector<std::string> columns_;
  std::vector<heat_panel> panels_;
};

}  // namespace cli
