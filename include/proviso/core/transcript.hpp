// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <proviso/core/law.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/numeric.hpp>
#include <proviso/core/top_entries.hpp>
#include <proviso/core/types.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// What a generation has written: the text, its output with log-probabilities, and, when asked for, reports on the
/// model's own laws. Cost: memory for 16384 tokens ahead at most is reserved, and for 16 tokens named in each report;
/// beyond them it grows by doubling.
class transcript {
 public:
  /// Begins with a prompt, which may be a part of the text so far. `to_come`: tokens that will be appended at most.
  /// `best`: how many of the most probable tokens each report names; without it there are no reports.
  void start(std::span<const token_id> prompt, std::size_t to_come, std::optional<std::size_t> best) {
    to_come = to_come < ahead ? to_come : ahead;
    detail::list<token_id> text;
    text.reserve(prompt.size() + to_come);
    detail::copy(prompt, text);
    text_.swap(text);
    prompt_size_ = text_.size();
    output_.clear();
    output_.reserve(to_come);
    outgrown_text_.clear();
    outgrown_output_.clear();
    own_.clear();
    best_.clear();
    named_ = best.value_or(0);
    if (best) {
      own_.reserve(to_come);
      best_.reserve(to_come * (named_ < 16 ? named_ : 16));
    }
  }

  /// Prompt and output. Spans of both stay valid until the next `start`, however long they become.
  std::span<const token_id> text() const noexcept { return detail::view(text_); }
  std::span<const generated_token> output() const noexcept { return detail::view(output_); }
  std::size_t prompt_size() const noexcept { return prompt_size_; }
  /// Tokens of the text for which there is memory.
  std::size_t expected_size() const noexcept { return text_.capacity(); }

  /// The report on output token `i`, valid until the next change. Throws `std::out_of_range` when there is none.
  own_law_report report(std::size_t i) const {
    if (i >= own_.size()) {
      throw std::out_of_range("proviso: there is no report on output token " + std::to_string(i) +
                              ": it is not out, or limits::best_tokens did not ask for reports");
    }
    const std::size_t begin = i == 0 ? 0 : own_[i - 1].best_end;
    return {own_[i].log_probability, detail::view(best_).subspan(begin, own_[i].best_end - begin)};
  }

  /// Writes a token of law `p`; `own` is the model's own law there, empty when it is not reported.
  void append(token_id token, origin from, const law_view& p, const law_view& own) {
    make_room(text_, outgrown_text_);
    make_room(output_, outgrown_output_);
    if (own) note(token, own);
    text_.push_back(token);
    output_.push_back({token, from, static_cast<float>(numeric::log(p(token)))});
  }
  /// Drops the output behind its first `n` tokens.
  void cut(std::size_t n) {
    output_.resize(n);
    text_.resize(prompt_size_ + n);
    if (own_.empty()) return;
    own_.resize(n);
    best_.resize(n == 0 ? 0 : own_.back().best_end);
  }

 private:
  static constexpr std::size_t ahead = 16384;

  void note(token_id token, const law_view& own) {
    for (const std::size_t entry : top_.of(own, named_)) {
      best_.push_back({own.token(entry), static_cast<float>(numeric::log(own.weight(entry) / own.total()))});
    }
    own_.push_back({static_cast<float>(numeric::log(own(token))), best_.size()});
  }

  /// Room for one more element. Memory that has become too small is kept, so that spans of it stay valid.
  template <class T>
  static void make_room(detail::list<T>& elements, detail::list<detail::list<T>>& outgrown) {
    if (elements.size() < elements.capacity()) return;
    detail::list<T> wider;
    wider.reserve(2 * elements.size() + 64);
    detail::copy(detail::view(elements), wider);
    elements.swap(wider);
    outgrown.push_back(std::move(wider));
  }

  struct own_record {
    float log_probability;
    std::size_t best_end;  // in `best_`
  };

  detail::list<token_id> text_;
  detail::list<generated_token> output_;
  detail::list<detail::list<token_id>> outgrown_text_;
  detail::list<detail::list<generated_token>> outgrown_output_;
  detail::list<own_record> own_;  // of the output, when it is reported
  detail::list<scored_token> best_;
  top_entries top_;
  std::size_t prompt_size_ = 0;
  std::size_t named_ = 0;  // tokens in each report
};

}  // namespace v0
}  // namespace proviso
