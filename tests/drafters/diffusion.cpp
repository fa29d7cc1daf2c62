// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/diffusion.hpp>

#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/any.hpp>
#include <proviso/rules/block.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/testing/prove_lossless.hpp>
#include <proviso/testing/table_denoiser.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/catch.hpp"

using namespace proviso;

namespace {

/// A table over two tokens and the mask, which the target never emits.
testing::row_table target_table() {
  const testing::row_table drawn = testing::random_table(3, 1, 5);
  std::vector<float> logits(drawn.logits().begin(), drawn.logits().end());
  for (std::size_t row = 0; row < 3; ++row) logits[row * 3 + 2] = -std::numeric_limits<float>::infinity();
  return {3, 1, logits};
}

template <class Rule>
void prove(std::size_t steps, Rule rule) {
  testing::table_model target{target_table()};
  testing::markov_denoiser net{testing::random_table(2, 1, 8)};
  canvas_model canvases{net};
  testing::proof_options options;
  options.prompt = {1, 0};
  options.tokens = 4;
  const testing::proof_report report = testing::prove_lossless(
      [&] {
        return speculative{target, drafters::diffusion{canvases, steps}, rules::any{rule}, transforms::temperature{},
                           lengths::fixed{3}};
      },
      testing::table_law(target_table()), options);
  INFO(steps << " steps\n" << report.text());
  CHECK(report.passed());
}

/// Text and statistics of 12 tokens.
struct written {
  std::vector<token_id> text;
  statistics stats;
};
template <class Drafter>
written write(Drafter drafter, float temperature) {
  testing::table_model target{target_table(), 16};
  decoder d{
      speculative{target, std::move(drafter), rules::token{}, transforms::temperature{temperature}, lengths::fixed{4}},
      7};
  const std::vector<token_id> prompt{1, 0, 1};
  limits bounds;
  bounds.max_tokens = 12;
  d.run(
      prompt, [](generated_token) {}, bounds);
  return {{d.text().begin(), d.text().end()}, d.stats()};
}

/// Like a denoiser with little room and rows that are no laws after a while.
struct frail {
  testing::markov_denoiser net{testing::random_table(2, 1, 8)};
  std::size_t room = 6;
  std::size_t good = 1;
  std::size_t longest = 0;
  std::size_t blind = 0;  // calls without a text
  std::vector<float> rows;

  std::size_t vocab_size() const { return net.vocab_size(); }
  token_id mask_token() const { return net.mask_token(); }
  std::size_t capacity() const { return room; }
  logits_view<float> score(std::span<const token_id> prefix, std::span<const token_id> canvas) {
    const std::size_t length = prefix.size() + canvas.size();
    longest = length > longest ? length : longest;
    blind += prefix.empty() ? 1U : 0U;
    const logits_view<float> view = net.score(prefix, canvas);
    rows.assign(view.data(), view.data() + view.rows() * view.cols());
    if (net.calls() > good && view.rows() > 1)
      rows[view.cols()] = std::numeric_limits<float>::quiet_NaN();  // of the second position
    return {rows.data(), view.rows(), view.cols()};
  }
};

}  // namespace

TEST_CASE("diffusion drafts are lossless, in one step and in several") {
  for (const std::size_t steps : {1U, 2U, 5U}) {
    prove(steps, rules::token{});
    prove(steps, rules::block{});
    prove(steps, rules::match{});
  }
}

TEST_CASE("at temperature 0 the text is that of plain decoding, and steps are evaluations") {
  testing::table_model target{target_table()};
  decoder plain{autoregressive{target, transforms::temperature{0.0F}}};
  limits bounds;
  bounds.max_tokens = 12;
  plain.run(
      std::vector<token_id>{1, 0, 1}, [](generated_token) {}, bounds);
  for (const std::size_t steps : {1U, 3U, 9U}) {
    testing::markov_denoiser net{testing::random_table(2, 1, 8)};
    canvas_model canvases{net};
    const written w = write(drafters::diffusion{canvases, steps}, 0.0F);
    CHECK(w.text == std::vector<token_id>{plain.text().begin(), plain.text().end()});
    CHECK(w.stats.drafter_calls == net.calls());
    CHECK(w.stats.drafter_calls <= steps * w.stats.rounds);
    CHECK(w.stats.drafter_calls >= w.stats.rounds - 1);
  }
}

TEST_CASE("a round costs one evaluation per step, and never more than tokens") {
  testing::table_model target{target_table()};
  for (const std::size_t steps : {1U, 2U, 3U, 4U, 9U}) {
    testing::markov_denoiser net{testing::random_table(2, 1, 8)};
    canvas_model canvases{net};
    decoder d{speculative{target, drafters::diffusion{canvases, steps}, rules::token{}, transforms::temperature{},
                          lengths::fixed{4}}};
    d.start(std::vector<token_id>{1, 0, 1});
    d.step();
    CHECK(d.stats().drafted == 4);
    CHECK(net.calls() == (steps < 4 ? steps : 4));
  }
}

TEST_CASE("the window and the capacity bound what the denoiser sees; rows that are no laws end drafts") {
  frail net;
  canvas_model canvases{net};
  const written w = write(drafters::diffusion{canvases, 1}, 1.0F);
  CHECK(w.text.size() == 15);
  CHECK(net.longest == 6);
  CHECK(w.stats.discarded > 0);
  frail narrow;
  narrow.good = 1000;
  canvas_model narrow_canvases{narrow};
  CHECK(write(drafters::diffusion{narrow_canvases, 1, 1}, 1.0F).stats.discarded == 0);
  CHECK(narrow.longest == 5);
  frail tight;  // no room beside a whole draft: the draft is a token shorter
  tight.good = 1000;
  tight.room = 4;
  canvas_model tight_canvases{tight};
  CHECK(write(drafters::diffusion{tight_canvases, 1}, 1.0F).stats.accepted > 0);
  CHECK(tight.longest == 4);
  CHECK(tight.blind == 0);
  REQUIRE_THROWS_AS(drafters::diffusion(canvases, 0), std::invalid_argument);
  REQUIRE_THROWS_AS(drafters::diffusion(canvases, 1, 0), std::invalid_argument);
}
