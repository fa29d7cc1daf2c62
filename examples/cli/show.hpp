// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <proviso/drive/decoder.hpp>

#include "interrupt.hpp"
#include "stream.hpp"
#include "terminal.hpp"
#include "wording.hpp"

namespace cli {

/// Reads a prompt beforehand, so that times are those of decoding: a generation of two tokens on the prompt without its
/// last token leaves all but that token in the sessions of all models.
inline void read_prompt(proviso::decoder& d, std::span<const proviso::token_id> prompt) {
  if (prompt.size() < 2) return;
  proviso::limits two;
  two.max_tokens = 2;
  d.run(
      prompt.first(prompt.size() - 1), [](const proviso::generated_token&) {}, two);
}

/// What a decoder did, round by round, with the time of each.
class recording {
 public:
  /// Decodes at full speed.
  recording(std::string title, proviso::decoder& d, const tokenizer& words, std::span<const proviso::token_id> prompt,
            const proviso::limits& limits)
      : title_{std::move(title)} {
    read_prompt(d, prompt);
    token_text text{words};
    const auto begin = std::chrono::steady_clock::now();
    d.start(prompt, limits);
    while (!d.done() && !interrupt::stop_requested()) {
      const auto tokens = d.step();
      const std::chrono::duration<double> now = std::chrono::steady_clock::now() - begin;
      for (const proviso::generated_token& t : tokens)
        rounds_.push_back({now.count(), {style_of(t.from), text.push(t)}});
    }
    if (!rounds_.empty()) rounds_.push_back({rounds_.back().seconds, {style::plain, text.finish()}});
    const proviso::statistics& s = d.stats();
    summary_ =
        fmt::format("{}, {}, {:.0f} ms", counted(s.emitted, "token"), counted(s.target_calls, "call"), 1e3 * seconds());
    seconds_per_call_ = s.target_calls > 0 ? seconds() / static_cast<double>(s.target_calls) : 0.0;
  }

  double seconds() const noexcept { return rounds_.empty() ? 0.0 : rounds_.back().seconds; }
  double seconds_per_call() const noexcept { return seconds_per_call_; }

  /// Title, the text as it was at a time, and the summary once it was complete. Line breaks around the text are left
  /// out.
  std::vector<styled_run> at(double seconds) const {
    std::vector<styled_run> out{{style::bold, title_ + "\n"}};
    bool begun = false;
    for (const piece& p : rounds_) {
      if (p.seconds > seconds) break;
      const std::size_t first = begun ? 0 : p.run.text.find_first_not_of('\n');
      if (first == std::string::npos) continue;
      out.push_back({p.run.look, p.run.text.substr(first)});
      begun = true;
    }
    if (seconds >= this->seconds()) {
      while (out.size() > 1 && out.back().text.find_first_not_of('\n') == std::string::npos) out.pop_back();
      out.push_back({style::dim, "\n[" + summary_ + "]"});
    }
    return out;
  }

 private:
  struct piece {
    double seconds;
    styled_run run;
  };
  std::string title_;
  std::string summary_;
  std::vector<piece> rounds_;
  double seconds_per_call_ = 0.0;
};

/// Draws recordings in columns where the terminal is wide enough, else below each other. On a terminal they are played;
/// where they are too fast to be seen, time is stretched. Elsewhere the final texts are printed.
class stage {
 public:
  stage(const terminal& t, const std::vector<recording>& recordings)
      : terminal_{t}, recordings_{recordings}, side_by_side_{t.columns >= 100} {}

  /// Returns how many times slower than it was the decoding was shown.
  double play() {
    constexpr double frame = 0.025;  // seconds
    double end = 0.0;
    for (const recording& r : recordings_) end = (std::max)(end, r.seconds());
    if (!terminal_.moves) {
      live_.draw(lines(end), true);
      return 1.0;
    }
    const double stretch = (std::max)(1.0, frame / (std::max)(1e-6, recordings_.front().seconds_per_call()));
    for (double now = 0.0; now < end && !interrupt::stop_requested(); now += frame / stretch) {
      live_.draw(lines(now), false);
      std::this_thread::sleep_for(std::chrono::duration<double>(frame));
    }
    live_.draw(lines(end), true);
    return stretch;
  }

 private:
  std::vector<std::string> lines(double now) const {
    constexpr std::size_t gap = 3;
    const std::size_t columns = side_by_side_ ? recordings_.size() : 1;
    const std::size_t width = (terminal_.columns - 1 - gap * (columns - 1)) / columns;
    std::vector<std::string> out;
    for (const recording& r : recordings_) {
      const std::vector<std::string> text = wrap(r.at(now), width, terminal_.colours);
      if (!side_by_side_) {
        out.insert(out.end(), text.begin(), text.end());
        continue;
      }
      const std::size_t left = static_cast<std::size_t>(&r - recordings_.data()) * (width + gap);
      while (out.size() < text.size()) out.push_back(std::string(left, ' '));
      for (std::size_t i = 0; i < out.size(); ++i)
        out[i] += (i < text.size() ? text[i] : std::string(width, ' ')) + std::string(gap, ' ');
    }
    return out;
  }

  terminal terminal_;
  const std::vector<recording>& recordings_;
  bool side_by_side_;
  live_lines live_{terminal_};
};

}  // namespace cli
