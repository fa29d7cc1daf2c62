// SPDX-License-Identifier: Apache-2.0
// Public calls in odd orders: whatever was started, cancelled, failed or left half done before, the next text is that
// of a fresh decoder, and no session is asked for what it cannot do.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <proviso/combine/weighted.hpp>
#include <proviso/decode/combined.hpp>
#include <proviso/decode/diffusion.hpp>
#include <proviso/decode/ensemble.hpp>
#include <proviso/drafters/top_k_tree.hpp>
#include <proviso/drive/batch_decoder.hpp>
#include <proviso/model/chain_emulation.hpp>
#include <proviso/testing/archetypes.hpp>
#include <proviso/testing/table_denoiser.hpp>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;

namespace {

/// Numbers that look random.
class dice {
 public:
  explicit dice(std::uint64_t seed) : state_{seed * 2 + 1} {}
  std::size_t below(std::size_t n) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>(state_ >> 33U) % n;
  }

 private:
  std::uint64_t state_;
};

constexpr std::size_t vocab = 6;

/// A prompt that has to do with what the sequence held before.
token_list prompt_after(dice& random, std::span<const token_id> text) {
  token_list prompt(text.begin(), text.end());
  const std::size_t kind = random.below(6);
  if (kind == 0 || prompt.empty()) prompt.assign(1 + random.below(9), static_cast<token_id>(random.below(vocab)));
  if (kind == 1) prompt[random.below(prompt.size())] = static_cast<token_id>(random.below(vocab));
  if (kind == 2 && prompt.size() > 4) prompt.resize(prompt.size() - 1 - random.below(4));
  if (kind >= 3) prompt.push_back(static_cast<token_id>(random.below(vocab)));
  if (prompt.size() > 30) prompt.resize(30 - random.below(25));
  return prompt;
}

limits limits_of(dice& random) {
  limits l = budget(random.below(10));
  l.prefill_chunk = random.below(2) == 0 ? 512 : 1 + random.below(4);
  if (random.below(2) == 0) l.end_tokens = {static_cast<token_id>(random.below(vocab))};
  return l;
}

/// Drives a sequence by hand through a random order of calls.
class driver {
 public:
  driver(const std::function<sequence()>& make, std::uint64_t seed) : make_{make}, random_{seed}, text_{make()} {
    for (model_slot* slot : text_.model_slots()) sessions_.push_back(open_session(*slot));
  }

  void run(std::size_t calls) {
    for (std::size_t i = 0; i < calls; ++i) call();
    start();
    while (!text_.done()) answer_one();
    compare();
  }

 private:
  void call() {
    switch (random_.below(13)) {
      case 0:
        return start();
      case 1:
        return text_.cancel();
      case 2:
        carried_out_.reset();
        return text_.fail();
      case 3: {
        sequence moved = std::move(text_);
        text_ = std::move(moved);
        return;
      }
      case 4: {  // as long as it runs, and no longer: what the sessions must still forget is not carried out
        while (!text_.done() && text_.why() == stop_reason::running) answer_one();
        return compare();
      }
      case 5: {  // carries a request out, or a part of it, and does not tell
        const auto open = text_.plan();
        if (open.empty() || carried_out_) return;
        const request r = open[random_.below(open.size())];
        trim(sessions_[r.model], r);
        carried_out_ = r.id;
        if (r.block.size() > 0 && random_.below(2) == 0) sessions_[r.model].eval(r.block);
        if (random_.below(2) == 0) text_.fail();
        return start();
      }
      case 6: {
        while (!text_.done()) answer_one();
        return compare();
      }
      case 7:
        text_.plan();
        return;
      case 9: {  // the last round, or a part of it, is taken back
        const std::size_t before = text_.output().size();
        while (!text_.done() && !text_.between_rounds()) answer_one();
        const std::size_t emitted = text_.output().size();
        if (emitted > before) text_.cut(before + random_.below(emitted - before));
        return compare();
      }
      case 8:
        CHECK_THROWS_AS(text_.start(token_list{}), std::invalid_argument);
        CHECK(text_.done());
        carried_out_.reset();
        return;
      default:
        if (!text_.done()) answer_one();
        return;
    }
  }

  void start() {
    prompt_ = prompt_after(random_, text_.text());
    limits_ = limits_of(random_);
    text_.start(prompt_, limits_);
    carried_out_.reset();
  }

  void answer_one() {
    const auto open = text_.plan();
    if (open.empty()) return;
    const request r = open[random_.below(open.size())];
    text_.absorb(r.id, answer(sessions_[r.model], r));
  }

  /// The whole text, or what there is of it, is that of a fresh decoder.
  void compare() {
    if (prompt_.empty()) return;
    decoder fresh{make_()};
    token_list expected = decode(fresh, prompt_, limits_);
    const token_list output = tokens_of(text_.output());
    const bool whole = text_.why() != stop_reason::running && text_.why() != stop_reason::cancelled &&
                       text_.why() != stop_reason::failed;
    REQUIRE(output.size() <= expected.size());
    if (!whole) expected.resize(output.size());
    CHECK(output == expected);
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      const model_slot& slot = *text_.model_slots()[i];
      if (text_.done() && !slot.pending()) CHECK(sessions_[i].length() == slot.length());
    }
  }

  const std::function<sequence()>& make_;
  dice random_;
  sequence text_;
  std::vector<any_session> sessions_;
  token_list prompt_;
  limits limits_;
  std::optional<std::size_t> carried_out_;
};

void drive(const std::function<sequence()>& make) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    INFO("seed " << seed);
    driver{make, seed}.run(40);
  }
}

}  // namespace

TEST_CASE("after any order of calls the next text is right: chains") {
  testing::table_model big = whole_text_model(vocab);
  testing::table_model small{testing::random_table(vocab, 1, 5)};
  drive([&] { return sequence{autoregressive{big}, 3}; });
  drive([&] { return sequence{speculating(big, small), 3}; });
}

TEST_CASE("after any order of calls the next text is right: sessions that promise the least") {
  testing::table_model rows = whole_text_model(vocab);
  testing::table_model small_rows{testing::random_table(vocab, 1, 5)};
  testing::chain_only plain_big{rows, 0};
  drive([&] { return sequence{autoregressive{plain_big}, 3}; });
  testing::chain_only big{rows, 4};
  testing::chain_only small{small_rows, 4};
  drive([&] { return sequence{speculating(big, small), 3}; });
  for (const std::size_t horizon : {1U, 3U, 7U}) {
    testing::short_horizon near{rows, horizon};
    testing::short_horizon small_near{small_rows, horizon};
    drive([&] { return sequence{speculating(near, small_near), 3}; });
  }
}

TEST_CASE("after any order of calls the next text is right: trees") {
  testing::table_model big = whole_text_model(vocab);
  testing::table_model small{testing::random_table(vocab, 2, 5)};
  drive([&] { return sequence{speculative{big, drafters::top_k_tree{small}, rules::match{}}, 3}; });
  testing::table_model near{testing::random_table(vocab, 3, 6), unlimited, 12};
  testing::table_model small_near{testing::random_table(vocab, 2, 6), unlimited, 9};
  drive([&] { return sequence{speculative{near, drafters::top_k_tree{small_near}, rules::match{}}, 3}; });
  chain_emulation chains{big};
  drive([&] { return sequence{speculative{chains, drafters::top_k_tree{small}, rules::match{}}, 3}; });
}

TEST_CASE("after any order of calls the next text is right: ensembles") {
  testing::table_model a = whole_text_model(vocab);
  testing::table_model b = whole_text_model(vocab, 2.0F);
  testing::table_model small{testing::random_table(vocab, 1, 5)};
  drive([&] {
    return sequence{speculative{combined{combine::weighted{0.5, 0.5}, a, b}, drafters::model{small}, rules::match{}},
                    3};
  });
  drive([&] { return sequence{ensemble{combined{combine::weighted{0.5, 0.5}, a, b}, {2, 3}}, 3}; });
}

TEST_CASE("after any order of calls the next text is right: canvases") {
  testing::markov_denoiser net{testing::random_table(vocab, 1, 6)};
  canvas_model<testing::markov_denoiser> model{net};
  for (const canvas_cache cache : {canvas_cache::none, canvas_cache::frozen}) {
    canvas_settings settings{.length = 4, .block = 2, .steps = 2};
    settings.cache = cache;
    drive([&] { return sequence{diffusion{model, settings}, 3}; });
    settings.growing = true;
    drive([&] { return sequence{diffusion{model, settings}, 3}; });
  }
}

TEST_CASE("a sequence of a batch that starts again before its sessions were trimmed has the right text") {
  testing::table_model big = whole_text_model(vocab);
  testing::table_model small{testing::random_table(vocab, 1, 5)};
  const token_list prompt{3, 1, 4};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    batch_decoder b;
    const std::size_t n = b.add(speculating(big, small), prompt, budget(6), seed);
    while (b[n].why() == stop_reason::running) b.tick();
    token_list longer(b[n].text().begin(), b[n].text().end());
    longer.push_back(2);
    b[n].start(longer, budget(8));
    b.run();
    decoder fresh{speculating(big, small), seed};
    CHECK(tokens_of(b[n].output()) == decode(fresh, longer, budget(8)));
  }
}
