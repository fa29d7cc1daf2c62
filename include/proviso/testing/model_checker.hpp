// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <proviso/core/block.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/random.hpp>
#include <proviso/core/types.hpp>
#include <proviso/model/any_model.hpp>
#include <proviso/testing/check_report.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {
namespace detail {

/// A model under `check_model`: the text that checks feed, evaluations whose shape is checked, comparisons of rows,
/// and the report.
class model_checker {
 public:
  model_checker(model_ref model, const check_options& options) : model_{model}, options_{options} {
    vocab_ = model_.vocab_size();
    const any_session s = model_.open();
    capacity_ = s.capacity();
    const std::size_t wanted = options_.longest_draft + 1;
    back_ = s.max_rewind() < wanted ? s.max_rewind() : wanted;
    std::size_t size = options_.text_size < 4 ? 4 : options_.text_size;
    const std::size_t room = 16;  // for trees and wrong drafts after the text
    if (capacity_ < size + room) size = capacity_ > room + 4 ? capacity_ - room : 4;
    text_ = random_tokens(size, 1);
    if (back_ > size) back_ = size;
  }

  struct fault {
    check_result result;
  };
  struct matrix {
    std::size_t rows = 0;
    std::size_t cols = 0;
    std::vector<float> values;
    float at(std::size_t r, std::size_t c) const noexcept { return values[r * cols + c]; }
  };

  check_report report;

  /// Runs one check; whatever it throws is its failure.
  void run(const char* name, function_ref<void()> body) {
    check_result result;
    try {
      body();
    } catch (const fault& f) {
      result = f.result;
      result.passed = false;
    } catch (const std::exception& e) {
      result.passed = false;
      result.detail = std::string{"it threw: "} + e.what();
    }
    result.name = name;
    report.checks.push_back(std::move(result));
  }
  void skip(const char* name, const char* why) {
    check_result result;
    result.name = name;
    result.skipped = true;
    result.detail = why;
    report.checks.push_back(std::move(result));
  }

  model_ref model() const noexcept { return model_; }
  const check_options& options() const noexcept { return options_; }
  std::size_t vocab_size() const noexcept { return vocab_; }
  /// Of a session.
  std::size_t capacity() const noexcept { return capacity_; }
  /// The longest rewind that checks ask for, but for those to the start.
  std::size_t longest_rewind() const noexcept { return back_; }
  std::span<const token_id> text() const noexcept { return text_; }
  std::span<const token_id> part(std::size_t begin, std::size_t count) const noexcept {
    return text().subspan(begin, count);
  }
  /// Every `lane` has tokens of its own.
  std::vector<token_id> random_tokens(std::size_t count, std::uint32_t lane) const {
    const philox source{options_.seed};
    std::vector<token_id> tokens(count);
    const std::size_t choices = options_.tokens.empty() ? vocab_ : options_.tokens.size();
    for (std::size_t i = 0; i < count; ++i) {
      const double u = source.uniform({purpose::selection, static_cast<std::uint32_t>(i), 0, lane});
      const auto k = static_cast<std::size_t>(u * static_cast<double>(choices));
      tokens[i] = options_.tokens.empty() ? static_cast<token_id>(k) : options_.tokens[k];
    }
    return tokens;
  }
  any_session open() { return model_.open(); }
  /// Rows of one evaluation of all `tokens` on a new session.
  matrix reference(std::span<const token_id> tokens) {
    any_session s = model_.open();
    return eval(s, chain_block{tokens, tokens.size()});
  }
  matrix eval(any_session& s, const masked_block& block) {
    const std::size_t before = s.length();
    const logits_rows rows = s.eval(block);
    return taken(rows, block, before, s.length());
  }
  matrix taken(const logits_rows& rows, const masked_block& block, std::size_t before, std::size_t after) const {
    if (block.nodes.want > 0) {
      require(rows.rows() == block.nodes.want, "eval returned " + std::to_string(rows.rows()) + " rows, wanted were " +
                                                   std::to_string(block.nodes.want));
      require(rows.cols() == vocab_,
              "the rows have " + std::to_string(rows.cols()) + " columns, vocab_size() is " + std::to_string(vocab_));
    }
    require(after == before + block.size(), "length() is " + std::to_string(after) + " after " +
                                                std::to_string(block.size()) + " tokens on " + std::to_string(before));
    matrix m;
    m.rows = block.nodes.want;
    m.cols = vocab_;
    std::vector<float> scratch(vocab_);
    for (std::size_t i = 0; i < m.rows; ++i) {
      const std::span<const float> row = rows.row(i, scratch);
      m.values.insert(m.values.end(), row.begin(), row.end());
    }
    return m;
  }
  /// Rows `first_got`.. of `got` are rows `first`.. of `expected`.
  void same(const matrix& expected, std::size_t first, const matrix& got, std::size_t first_got, std::size_t count,
            const std::string& where) const {
    for (std::size_t r = 0; r < count; ++r) {
      for (std::size_t c = 0; c < vocab_; ++c) {
        const float a = expected.at(first + r, c);
        const float b = got.at(first_got + r, c);
        if (close(a, b)) continue;
        fault f;
        f.result.differs = true;
        f.result.row = first_got + r;
        f.result.column = c;
        f.result.expected = a;
        f.result.got = b;
        f.result.detail = where + ": row " + std::to_string(first_got + r) + ", column " + std::to_string(c) +
                          ": expected " + std::to_string(a) + ", got " + std::to_string(b);
        throw f;
      }
    }
  }
  static void require(bool holds, const std::string& otherwise) {
    if (holds) return;
    fault f;
    f.result.detail = otherwise;
    throw f;
  }

 private:
  bool close(float a, float b) const noexcept {
    if (a == b) return true;
    const double x = static_cast<double>(a);
    const double y = static_cast<double>(b);
    double scale = 1.0;
    for (const double v : {x, -x, y, -y}) scale = v > scale ? v : scale;
    const double d = x > y ? x - y : y - x;
    return d <= options_.tolerance * scale && d < 1e300;
  }

  model_ref model_;
  check_options options_;
  std::vector<token_id> text_;
  std::size_t vocab_ = 0;
  std::size_t capacity_ = 0;
  std::size_t back_ = 0;
};

}  // namespace detail
}  // namespace testing
}  // namespace v0
}  // namespace proviso
