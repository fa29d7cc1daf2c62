// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "svg.hpp"

namespace cli {

/// A node of a tree that was evaluated in one block.
struct pictured_node {
  enum class kind : unsigned char { root, accepted, refused, mask, used_mask };
  std::string label;
  kind what = kind::root;
  std::size_t parent = 0;  ///< index of an earlier node; its own for the root
};

/// Draws a spine of verified nodes with groups of masks under them as an SVG: the tree over the positions of the text,
/// and the attention mask of the block. The first node is the root, and `position` its position in the text.
class tree_picture {
 public:
  tree_picture(std::string title, std::vector<pictured_node> nodes, std::size_t position)
      : title_{std::move(title)}, nodes_{std::move(nodes)}, position_{position} {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      depth_.push_back(i == 0 ? 0 : depth_[nodes_[i].parent] + 1);
      if (!is_mask(i)) spine_.push_back(i);
      deepest_ = (std::max)(deepest_, depth_[i]);
    }
  }

  std::string svg() const {
    const std::size_t tree_width = (deepest_ + 1) * step;
    const std::size_t left = tree_width + 150;
    const std::size_t size = (nodes_.size() + 1) * cell;
    const std::size_t width = left + size + 20;
    const std::size_t tree_height = 96 + (spine_.size() + 1) * row;
    const std::size_t height = (std::max)(tree_height, 110 + size) + 64;
    return svg_document(
        width, height, "DejaVu Sans Mono, Menlo, Consolas, monospace",
        svg_text(16, 24, title_, "start", "#1f2328", 14) + tree() + mask(left, 96) + legend(height - 22));
  }

 private:
  static constexpr std::size_t step = 92;  // from one position to the next
  static constexpr std::size_t row = 46;
  static constexpr std::size_t cell = 15;
  using kind = pictured_node::kind;

  bool is_mask(std::size_t i) const { return nodes_[i].what == kind::mask || nodes_[i].what == kind::used_mask; }
  std::size_t above(std::size_t mask) const {
    while (is_mask(mask)) mask = nodes_[mask].parent;
    return mask;
  }
  bool sees(std::size_t i, std::size_t other) const {
    while (i > other) i = nodes_[i].parent;
    return i == other;
  }
  std::size_t x_of(std::size_t i) const { return 16 + depth_[i] * step; }
  /// The spine on top; the group of the deepest node next below it, so that no lines cross.
  std::size_t y_of(std::size_t i) const {
    const std::size_t line = is_mask(i) ? spine_.size() - depth_[above(i)] : 0;
    return 64 + line * row;
  }

  static const char* fill(kind k) {
    switch (k) {
      case kind::root:
        return "#d0d7de";
      case kind::accepted:
        return "#a6e3b0";
      case kind::refused:
        return "#ffb8b0";
      case kind::used_mask:
        return "#9ecbff";
      case kind::mask:
        break;
    }
    return "#e6effa";
  }
  std::string tree() const {
    std::string out;
    for (std::size_t d = 0; d <= deepest_; ++d) {
      out += svg_text(16 + d * step + (step - 14) / 2, 50, fmt::format("@{}", position_ + d), "middle", "#59636e");
    }
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
      const std::size_t p = nodes_[i].parent;
      const std::size_t from_x = x_of(p) + (y_of(p) == y_of(i) ? step - 14 : (step - 14) / 2);
      const std::size_t from_y = y_of(p) + (y_of(p) == y_of(i) ? 13 : 26);
      if (y_of(p) == y_of(i)) {
        out += fmt::format("<path d=\"M{} {}H{}\" stroke=\"#59636e\" fill=\"none\"/>\n", from_x, from_y, x_of(i));
      } else {
        out += fmt::format("<path d=\"M{} {}V{}H{}\" stroke=\"#59636e\" fill=\"none\"/>\n", from_x, from_y,
                           y_of(i) + 13, x_of(i));
      }
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      out +=
          fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"26\" rx=\"4\" fill=\"{}\" stroke=\"#59636e\"/>\n",
                      x_of(i), y_of(i), step - 14, fill(nodes_[i].what));
      out += svg_text(x_of(i) + (step - 14) / 2, y_of(i) + 17, nodes_[i].label, "middle");
    }
    return out;
  }

  std::string mask(std::size_t left, std::size_t top) const {
    std::string out = svg_text(left + cell / 2, top - 8, "text", "middle", "#59636e", 10);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const std::size_t y = top + i * cell;
      out += svg_text(left - 8, y + 12, fmt::format("{} @{}", nodes_[i].label, position_ + depth_[i]), "end", "#1f2328",
                      11);
      for (std::size_t j = 0; j <= nodes_.size(); ++j) {
        const bool seen = j == 0 || (j - 1 <= i && sees(i, j - 1));
        out += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n", left + j * cell, y,
                           cell - 1, cell - 1,
                           !seen    ? "#f3f4f6"
                           : j == 0 ? "#8c959f"
                                    : strong(nodes_[j - 1].what));
      }
    }
    return out;
  }
  static const char* strong(kind k) {
    switch (k) {
      case kind::root:
        return "#8c959f";
      case kind::accepted:
        return "#2da44e";
      case kind::refused:
        return "#e5534b";
      case kind::used_mask:
        return "#0969da";
      case kind::mask:
        break;
    }
    return "#8fb8e8";
  }

  static std::string legend(std::size_t y) {
    struct entry {
      kind what;
      const char* words;
    };
    std::string out;
    std::size_t x = 16;
    for (const entry e : {entry{kind::root, "last token"}, entry{kind::accepted, "candidate that stands"},
                          entry{kind::refused, "refused"}, entry{kind::used_mask, "masks of the next candidates"},
                          entry{kind::mask, "other masks"}}) {
      out +=
          fmt::format("<rect x=\"{}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{}\"/>\n", x, y - 10, strong(e.what));
      out += svg_text(x + 18, y, e.words, "start", "#1f2328", 11);
      x += 40 + 7 * std::string_view{e.words}.size();
    }
    return out;
  }

  std::string title_;
  std::vector<pictured_node> nodes_;
  std::size_t position_;
  std::vector<std::size_t> depth_;
  std::vector<std::size_t> spine_;
  std::size_t deepest_ = 0;
};

}  // namespace cli
