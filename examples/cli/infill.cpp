// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <proviso/decode/diffusion.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/orders/quota.hpp>

#include "commands.hpp"
#include "denoisers.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "prompts.hpp"
#include "stream.hpp"
#include "wording.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

using proviso::token_id;

/// The tokens of a text, in which `[[8]]` stands for eight masks. Words of the vocabulary begin with their space, so
/// the space before a gap is left to what fills it: a space alone is followed by digits and signs only. Errors:
/// `std::invalid_argument`.
std::vector<token_id> with_gaps(const tokenizer& words, const std::string& text, token_id mask) {
  std::vector<token_id> tokens;
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find("[[", at);
    std::string_view given = std::string_view{text}.substr(at, open - at);
    const bool spaced = open != std::string::npos && given.size() > 1 && given.back() == ' ';
    if (spaced && given[given.size() - 2] != ' ' && given[given.size() - 2] != '\n') given.remove_suffix(1);
    const std::vector<token_id> part = words.encode(given);
    if (open != at) tokens.insert(tokens.end(), part.begin(), part.end());
    if (open == std::string::npos) break;
    const std::size_t close = text.find("]]", open);
    std::size_t count = 0;
    const char* const first = text.data() + open + 2;
    const char* const last = text.data() + (close == std::string::npos ? text.size() : close);
    const auto [end, error] = std::from_chars(first, last, count);
    if (close == std::string::npos || error != std::errc{} || end != last || count == 0 || count > 4096) {
      throw std::invalid_argument("a gap is written [[N]], N being its number of tokens");
    }
    tokens.insert(tokens.end(), count, mask);
    any = true;
    at = close + 2;
  }
  if (!any) throw std::invalid_argument("the text has no gap; write [[8]] for a gap of eight tokens");
  return tokens;
}

/// An order that shows the canvas after each step.
struct shown_order {
  static constexpr bool scheduled = true;
  proviso::orders::quota order;
  std::function<void(const proviso::canvas&)> show;
  bool prepare(proviso::canvas_step& s) const { return order.prepare(s); }
  void operator()(proviso::canvas_step& s) const {
    order(s);
    show(s.state());
  }
};

/// The canvas as characters: what is filled in coloured, masks as dots.
std::vector<styled_run> drawn(const proviso::canvas& c, const tokenizer& words) {
  std::vector<styled_run> runs;
  token_text text{words};
  for (std::size_t i = 0; i < c.size(); ++i) {
    if (c.masked(i)) {
      runs.push_back({style::dim, text.finish() + "\xC2\xB7"});
    } else {
      runs.push_back({c.given(i) ? style::plain : style::drafted, text.push({c.tokens()[i]})});
    }
  }
  runs.push_back({style::plain, text.finish()});
  return runs;
}

}  // namespace

int infill(const infill_options& options) {
  const std::string text = text_from(options.text, "text", "");
  const tokenizer words{zoo_file(options.files, options.files.vocabulary, "tokenizer.model")};
  proviso::eigen::denoiser net = load_denoiser(options.files, words, options.model);
  // The tag of the language stands before the canvas; everything else is on it.
  const std::vector<token_id> prompt = language_tag(words, options.language);
  const std::vector<token_id> canvas = with_gaps(words, text, net.mask_token());
  if (prompt.size() + canvas.size() > net.capacity()) {
    throw std::invalid_argument(fmt::format("the text has {}, but the model holds {}",
                                            counted(prompt.size() + canvas.size(), "token"), net.capacity()));
  }
  const terminal out = options.output();
  live_lines live{out};
  std::vector<styled_run> seen;
  interrupt::watch();
  const auto show = [&](const proviso::canvas& c) {
    seen = drawn(c, words);
    if (!out.moves || interrupt::stop_requested()) return;
    live.draw(wrap(seen, out.columns - 1, out.colours), false);
    std::this_thread::sleep_for(std::chrono::milliseconds{options.pause});
  };
  proviso::canvas_model canvases{net};
  const proviso::orders::quota order{proviso::orders::ranking::spread};
  proviso::decoder d{
      proviso::diffusion{canvases, proviso::canvas_settings{.steps = options.steps, .given = canvas},
                         shown_order{order, show}, proviso::transforms::temperature{options.temperature}},
      options.seed};
  const proviso::stop_reason why = d.run(
      prompt, [](proviso::generated_token) {}, {.max_tokens = canvas.size()}, interrupt{});
  if (out.moves) {
    live.draw(wrap(seen, out.columns - 1, out.colours), true);
  } else {
    for (const styled_run& run : seen) fmt::print(out.stream, "{}", styled(run.text, run.look, out.colours));
    fmt::print(out.stream, "\n");
  }
  finish(out.stream);
  const bool cancelled = why == proviso::stop_reason::cancelled;
  const auto gaps = static_cast<std::size_t>(std::count(canvas.begin(), canvas.end(), net.mask_token()));
  print_line(terminal::of(stderr),
             fmt::format("[{} filled in {}{}]", counted(gaps, "token"), counted(d.stats().target_calls, "evaluation"),
                         cancelled ? "; interrupted" : ""));
  return cancelled ? interrupt::exit_code : 0;
}

}  // namespace cli
