// SPDX-License-Identifier: Apache-2.0
// The laws of texts that the production generator draws: every algorithm, by seed and by stream, at once, in pieces of
// 1 to 3 tokens, and with a user's tokens between the pieces.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <proviso/drive/batch_decoder.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/testing/statistical.hpp>

#include "support/algorithms.hpp"
#include "support/catch.hpp"

namespace {

using namespace proviso;
using support::algorithm_case;
using support::text_law;
using token_list = std::vector<token_id>;

constexpr std::size_t text_length = 5;
constexpr std::size_t text_values = 3;
constexpr std::size_t text_codes = 243;
constexpr std::uint32_t texts_drawn = 3000;

const token_list text_start{1, 0, 0, 1, 0};

/// Budgets of the pieces, and what a user types between them.
struct course {
  std::vector<std::size_t> pieces;
  token_list typed{};
};
using courses = std::vector<course>;

std::size_t code_of(const token_list& text) {
  std::size_t code = 0;
  for (const token_id x : text) code = code * text_values + static_cast<std::size_t>(x);
  return code;
}

/// The exact law of what is written, by code.
std::vector<double> law_of(const algorithm_case& a, const course& c) {
  struct state {
    token_list text, written;
    double p;
  };
  std::vector<state> now{{text_start, {}, 1.0}};
  for (std::size_t i = 0; i < c.pieces.size(); ++i) {
    std::vector<state> next;
    for (const state& s : now) {
      for (const auto& [piece, p] : a.law(s.text, c.pieces[i])) {
        state longer{s.text, s.written, s.p * p};
        longer.text.insert(longer.text.end(), piece.begin(), piece.end());
        longer.text.insert(longer.text.end(), c.typed.begin(), c.typed.end());
        longer.written.insert(longer.written.end(), piece.begin(), piece.end());
        next.push_back(std::move(longer));
      }
    }
    now = std::move(next);
  }
  std::vector<double> law(text_codes, 0.0);
  for (const state& s : now) law[code_of(s.written)] += s.p;
  return law;
}

/// Who writes the pieces.
enum class writer : unsigned char { one_decoder, new_decoders, batches };

token_list write(const algorithm_case& a, std::uint64_t seed, std::uint32_t stream, const course& c, writer by) {
  token_list text = text_start;
  token_list written;
  std::optional<decoder> d;
  for (const std::size_t count : c.pieces) {
    const limits bounds{.max_tokens = count};
    if (by == writer::batches) {
      batch_decoder batch;
      const std::size_t name = batch.add(a.make(seed, stream), text, bounds);
      while (batch.tick()) {
      }
      for (const generated_token t : batch[name].output()) written.push_back(t.token);
    } else {
      if (!d || by == writer::new_decoders) d.emplace(a.make(seed, stream));
      d->start(text, bounds);
      while (!d->done()) d->step();
      for (const generated_token t : d->output()) written.push_back(t.token);
    }
    text.insert(text.end(), written.end() - static_cast<std::ptrdiff_t>(count), written.end());
    text.insert(text.end(), c.typed.begin(), c.typed.end());
  }
  return written;
}

/// A statistic of chi-squared law as a normal deviate (Wilson and Hilferty, 1931).
double deviate(const testing::g_result& g) {
  const double k = static_cast<double>(g.degrees);
  return (std::cbrt(g.statistic / k) - (1.0 - 2.0 / (9.0 * k))) / std::sqrt(2.0 / (9.0 * k));
}

double sampled(const algorithm_case& a, const courses& ways, bool by_stream) {
  std::vector<std::size_t> times(ways.size(), 0);
  std::vector<std::uint64_t> seen(text_codes, 0);
  bool whole = true;
  for (std::uint32_t i = 0; i < texts_drawn; ++i) {
    const std::size_t way = i % ways.size();
    const auto by = static_cast<writer>(i / ways.size() % 3);
    const token_list text = write(a, by_stream ? 7 : i, by_stream ? i : 0, ways[way], by);
    whole = whole && text.size() == text_length;
    ++times[way];
    ++seen[code_of(text) % text_codes];
  }
  CHECK(whole);
  std::vector<double> expected(text_codes, 0.0);
  for (std::size_t way = 0; way < ways.size(); ++way) {
    const std::vector<double> law = law_of(a, ways[way]);
    for (std::size_t x = 0; x < text_codes; ++x) expected[x] += law[x] * static_cast<double>(times[way]) / texts_drawn;
  }
  return deviate(testing::g_test(seen, expected));
}

TEST_CASE("laws: what is drawn has the law of the algorithm, by seed and by stream, at once and in pieces") {
  const courses at_once{{{5}}};
  const courses in_pieces{{{3, 2}}, {{2, 3}}, {{1, 3, 1}}, {{1, 1, 1, 1, 1}}, {{2, 1, 2}}, {{3, 1, 1}}, {{1, 2, 2}}};
  const courses typed{{{2, 3}, {1, 0}}, {{1, 1, 3}, {1}}, {{3, 2}, {0, 1, 0}}};
  const support::algorithms every;
  CHECK(every.all().size() >= 40);
  for (const algorithm_case& a : every.all()) {
    std::array<double, 6> z{};
    for (const bool by_stream : {false, true}) {
      z[by_stream ? 1 : 0] = sampled(a, at_once, by_stream);
      z[by_stream ? 3 : 2] = sampled(a, in_pieces, by_stream);
      z[by_stream ? 5 : 4] = sampled(a, typed, by_stream);
    }
    std::printf("%-34s %5.2f %5.2f  %5.2f %5.2f  %5.2f %5.2f\n", a.name.c_str(), z[0], z[1], z[2], z[3], z[4], z[5]);
    INFO(a.name);
    for (const double each : z) CHECK(std::abs(each) < 4.0);
  }
}

/// Rounds are numbered from 0 in every generation, and key the draws.
class numbered_rounds {
 public:
  numbered_rounds(std::uint64_t seed, std::uint32_t stream) : source_{seed, stream} {}
  bool flip(double p, double q, const draw_key& key) { return source_.flip(p, q, by_round(key)); }
  token_id pick(const law_view& law, const draw_key& key) { return source_.pick(law, by_round(key)); }
  token_id race(const law_view& law, const draw_key& key) { return source_.race(law, by_round(key)); }

 private:
  draw_key by_round(draw_key key) {
    if (key.what == purpose::token || key.what == purpose::race) return key;
    if (rounds_ == 0 || key.at != root_) ++rounds_;
    root_ = key.at;
    key.at = rounds_ - 1;
    return key;
  }
  philox source_;
  std::uint32_t root_ = 0;
  std::uint32_t rounds_ = 0;
};

TEST_CASE("laws: draws that are keyed by the round are seen in pieces, and only there") {
  testing::table_model target{testing::random_table(3, 2, 5)};
  testing::table_model small{testing::random_table(3, 2, 105)};
  const support::algorithms every;
  algorithm_case wrong = every.all()[0];
  wrong.law = support::exact_law_after(testing::table_law(testing::random_table(3, 2, 5)));
  wrong.make = [&](std::uint64_t seed, std::uint32_t stream) {
    return sequence{speculative{target, drafters::model{small}, rules::token{}}, numbered_rounds{seed, stream}};
  };
  CHECK(std::abs(sampled(wrong, {{{5}}}, false)) < 4.0);
  for (const bool by_stream : {false, true}) CHECK(sampled(wrong, {{{3, 2}}, {{2, 3}}}, by_stream) > 6.0);
}

}  // namespace
