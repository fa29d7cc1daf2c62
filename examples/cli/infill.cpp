// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <filesystem>
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

#include <proviso/backends/eigen/denoiser.hpp>
#include <proviso/decode/diffusion.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/orders/quota.hpp>

#include "commands.hpp"
#include "stream.hpp"
#include "zoo.hpp"

namespace cli {
namespace {

using proviso::token_id;

/// The tokens of a text, in which `[[8]]` stands for eight masks. Errors: `std::invalid_argument`.
std::vector<token_id> with_gaps(const tokenizer& words, const std::string& text, token_id mask) {
  std::vector<token_id> tokens;
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find("[[", at);
    const std::vector<token_id> part = words.encode(std::string_view{text}.substr(at, open - at));
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

/// The canvas as characters: given text dim, masks as dots. Returns the lines that were written.
class canvas_picture {
 public:
  canvas_picture(const terminal& t, const tokenizer& words) : terminal_{t}, words_{words} {}

  void draw(const proviso::canvas& c) {
    if (lines_ > 0) fmt::print(terminal_.stream, "\x1b[{}A\r\x1b[J", lines_);
    lines_ = 0;
    std::size_t column = 0;
    style now = style::plain;
    token_text text{words_};
    const auto put = [&](style look, const std::string& characters) {
      if (look != now)
        fmt::print(terminal_.stream, "{}{}", code(style::plain, terminal_.colours), code(look, terminal_.colours));
      now = look;
      for (const char ch : characters) {
        const bool starts = (static_cast<unsigned char>(ch) & 0xC0U) != 0x80U;
        if (ch == '\n' || (starts && column + 1 >= terminal_.columns)) {
          std::fputc('\n', terminal_.stream);
          ++lines_;
          column = 0;
          if (ch == '\n') continue;
        }
        std::fputc(ch, terminal_.stream);
        column += static_cast<std::size_t>(starts);
      }
    };
    for (std::size_t i = 0; i < c.size(); ++i) {
      if (c.masked(i)) {
        put(style::dim, text.finish() + "\xC2\xB7");
      } else {
        put(c.given(i) ? style::plain : style::drafted, text.push({c.tokens()[i], proviso::origin::fresh, 0.0F}));
      }
    }
    put(style::plain, text.finish() + "\n");
    std::fflush(terminal_.stream);
  }

 private:
  const terminal& terminal_;
  const tokenizer& words_;
  std::size_t lines_ = 0;
};

}  // namespace

int infill(const infill_options& options) {
  const tokenizer words{zoo_file(options.files, options.files.vocabulary, "tokenizer.model")};
  const std::string file = zoo_file(options.files, options.model, "diffusion-student.safetensors");
  if (!std::filesystem::exists(file)) throw std::runtime_error(fmt::format("there is no model file {}", file));
  proviso::eigen::denoiser net{file, {.threads = options.files.threads}};
  if (net.vocab_size() != words.size()) {
    throw std::invalid_argument(
        fmt::format("{} has {} tokens, but the vocabulary has {}", file, net.vocab_size(), words.size()));
  }
  // The tag of the language stands before the canvas; everything else is on it.
  const std::vector<token_id> prompt = words.encode(tokenizer::tag(options.language));
  const std::vector<token_id> canvas = with_gaps(words, options.text, net.mask_token());
  if (prompt.size() + canvas.size() > net.capacity()) {
    throw std::invalid_argument(
        fmt::format("the text has {} tokens, but the model holds {}", prompt.size() + canvas.size(), net.capacity()));
  }
  const terminal out = options.output();
  canvas_picture picture{out, words};
  const bool animated = options.animate && out.moves;
  const auto show = [&](const proviso::canvas& c) {
    if (!animated) return;
    picture.draw(c);
    std::this_thread::sleep_for(std::chrono::milliseconds{options.pause});
  };
  proviso::canvas_model canvases{net};
  const proviso::orders::quota order{proviso::orders::ranking::spread};
  proviso::decoder d{
      proviso::diffusion{canvases, proviso::canvas_settings{.steps = options.steps, .given = canvas},
                         shown_order{order, show}, proviso::transforms::temperature{options.temperature}},
      options.seed};
  d.run(prompt, [](proviso::generated_token) {}, {.max_tokens = canvas.size()});
  if (!animated) {
    token_text text{words};
    std::string whole;
    for (const proviso::generated_token& t : d.output()) whole += text.push(t);
    fmt::print(out.stream, "{}{}\n", whole, text.finish());
  }
  fmt::print(stderr, "{} tokens filled in {} evaluations\n", std::count(canvas.begin(), canvas.end(), net.mask_token()),
             d.stats().target_calls);
  return 0;
}

}  // namespace cli
