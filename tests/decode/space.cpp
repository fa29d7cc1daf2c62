// SPDX-License-Identifier: Apache-2.0
#include <proviso/decode/space.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <proviso/drive/batch_decoder.hpp>
#include <proviso/model/chain_emulation.hpp>
#include <proviso/rules/any.hpp>
#include <proviso/rules/coupled.hpp>
#include <proviso/rules/greedy.hpp>
#include <proviso/rules/token.hpp>

#include "support/decoding.hpp"
#include "support/masked.hpp"

namespace {

using namespace proviso;
using namespace support;

drafters::masks groups_of(const masked_rows& rows, double node_cost = 0.0) {
  return drafters::masks{rows.tokens(), node_cost};
}

/// Decodes step by step: after every round the slot wants the text but its last token, and no mask; the session holds
/// that first, and nothing else once the next request has been carried out.
template <class Algorithm>
token_list decode_checked(Algorithm algorithm, const limits& bounds, std::uint64_t seed) {
  sequence s{std::move(algorithm), seed};
  any_session session = open_session(*s.model_slots()[0]);
  s.start(short_prompt, bounds);
  while (!s.done()) {
    for (std::span<const request> open = s.plan(); !open.empty(); open = s.plan()) {
      const request r = open.front();
      const logits_rows rows = answer(session, r);
      if (r.block.nodes.want > 0) REQUIRE(session.length() == s.text().size() - 1 + r.block.size());
      s.absorb(r.id, rows);
      if (s.between_rounds()) break;
    }
    const std::span<const token_id> held = s.model_slots()[0]->tokens();
    REQUIRE(held.size() == s.text().size() - 1);
    REQUIRE(std::equal(held.begin(), held.end(), s.text().begin()));
    REQUIRE(s.output().size() <= bounds.max_tokens);
  }
  REQUIRE(session.length() == s.text().size() - 1);
  check_counters(s.stats(), s.output());
  CHECK(s.stats().target_calls == s.stats().rounds);
  return tokens_of(s.output());
}

TEST_CASE("space: at temperature 0 the text is that of plain decoding") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3, 4));
  const auto k = static_cast<std::size_t>(GENERATE(1, 3, 6));
  const masked_rows rows = random_masks(4, k, seed, 0.4);
  testing::table_model model = model_of(rows);
  const transforms::temperature cold{0.0F};
  const token_list text = plain(model, short_prompt, budget(70), 0, 0.0F);
  CHECK(decode_checked(space{model, groups_of(rows), rules::block{}, cold}, budget(70), 5) == text);
  CHECK(decode_checked(space{model, groups_of(rows), rules::greedy{}, cold}, budget(70), 5) == text);
  CHECK(decode_checked(space{model, groups_of(rows, 0.15), rules::match{}, cold}, budget(70), 5) == text);
  chain_emulation trees{model};
  CHECK(decode_checked(space{trees, groups_of(rows), rules::token{}, cold}, budget(70), 5) == text);
}

TEST_CASE("space: under match and coupled the text is that of plain decoding with the same seed") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3, 4));
  const masked_rows rows = random_masks(4, 3, seed, 0.4);
  testing::table_model model = model_of(rows);
  const double cost = GENERATE(0.0, 0.2);
  CHECK(decode_checked(space{model, groups_of(rows, cost), rules::match{}}, budget(70), seed) ==
        plain(model, short_prompt, budget(70), seed));
  decoder race{autoregressive{model, transforms::temperature{}, draw::race}, seed};
  CHECK(decode_checked(space{model, groups_of(rows, cost), rules::coupled{}}, budget(70), seed) ==
        decode(race, short_prompt, budget(70)));
}

TEST_CASE("space: limits inside a run of candidates cut the same text at the same place") {
  const masked_rows rows = random_masks(4, 4, 1, 0.1, 0.5);
  testing::table_model model = model_of(rows);
  for (std::size_t count = 1; count <= 24; ++count) {
    CHECK(decode_checked(space{model, groups_of(rows), rules::match{}}, budget(count), 7) ==
          plain(model, short_prompt, budget(count), 7));
  }
  for (token_id end = 0; end < 4; ++end) {
    limits bounds = budget(60);
    bounds.end_tokens = {end};
    CHECK(decode_checked(space{model, groups_of(rows), rules::match{}}, bounds, 7) ==
          plain(model, short_prompt, bounds, 7));
  }
  limits bounds = budget(60);
  bounds.stop_sequences = {{0, 1}, {2, 2, 3}};
  CHECK(decode_checked(space{model, groups_of(rows), rules::match{}}, bounds, 7) ==
        plain(model, short_prompt, bounds, 7));
}

TEST_CASE("space: a second generation does not remember the first") {
  const masked_rows rows = random_masks(4, 3, 1, 0.2);
  testing::table_model model = model_of(rows);
  decoder d{space{model, groups_of(rows, 0.1)}, 9};
  const token_list first = decode(d, short_prompt, budget(50));
  const statistics once = d.stats();
  decode(d, {3, 3, 1, 0}, budget(17));
  CHECK(decode(d, short_prompt, budget(50)) == first);
  CHECK(d.stats().target_tokens == once.target_tokens);
  CHECK(d.stats().accepted == once.accepted);
}

TEST_CASE("space: many sequences in one call give the texts of each alone") {
  const masked_rows rows = random_masks(4, 3, 1, 0.3);
  testing::table_model model = model_of(rows);
  batch_decoder batch;
  std::vector<std::size_t> ids;
  for (std::uint64_t i = 0; i < 4; ++i) {
    ids.push_back(batch.add(space{model, groups_of(rows, i % 2 == 0 ? 0.0 : 0.1)}, short_prompt, budget(40), i));
  }
  batch.run();
  for (std::uint64_t i = 0; i < 4; ++i) {
    decoder alone{space{model, groups_of(rows, i % 2 == 0 ? 0.0 : 0.1)}, i};
    CHECK(tokens_of(batch[ids[i]].output()) == decode(alone, short_prompt, budget(40)));
  }
}

/// A model whose rows are computed one by one when they are asked for; counts them.
class lazy_model {
 public:
  explicit lazy_model(testing::table_model& inner) : inner_{&inner} {}
  std::size_t vocab_size() const { return inner_->vocab_size(); }
  std::size_t asked() const noexcept { return asked_; }

  class session {
   public:
    explicit session(lazy_model& home) : home_{&home}, inner_{home.inner_->open()} {}
    std::size_t length() const { return inner_.length(); }
    lazy_logits_view<float> eval(const masked_block& block) {
      return {inner_.eval(block), {home_, [](void* home, std::size_t) { ++static_cast<lazy_model*>(home)->asked_; }}};
    }
    void rewind(std::size_t n) { inner_.rewind(n); }
    void keep(std::span<const node_id> path) { inner_.keep(path); }

   private:
    lazy_model* home_;
    testing::table_model::session_type inner_;
  };
  session open() { return session{*this}; }

 private:
  testing::table_model* inner_;
  std::size_t asked_ = 0;
};

TEST_CASE("space: of the (k + 1)^2 rows of a round at most 2 k + 1 are asked for") {
  const auto k = static_cast<std::size_t>(GENERATE(1, 3, 5));
  const masked_rows rows = random_masks(4, k, 1, 0.2, 0.5);
  testing::table_model inner = model_of(rows);
  lazy_model model{inner};
  decoder d{space{model, groups_of(rows), rules::token{}}, 2};
  d.start(short_prompt, budget(300));
  std::size_t most = 0;
  while (!d.done()) {
    const std::size_t before = model.asked();
    d.step();
    const std::size_t asked = model.asked() - before;
    most = asked > most ? asked : most;
  }
  CHECK(most == 2 * k + 1);
  CHECK(d.stats().target_tokens > 4 * model.asked() / 3);
}

TEST_CASE("space: good masks save calls") {
  const masked_rows rows = random_masks(4, 3, 1, 0.0, 0.3);
  testing::table_model model = model_of(rows);
  decoder d{space{model, groups_of(rows)}, 2};
  decode(d, short_prompt, budget(600));
  CHECK(d.stats().tokens_per_call() > 2.0);
  CHECK(d.stats().tokens_per_call() < 4.0);
  CHECK(d.stats().acceptance_at(0) > 0.7);
}

}  // namespace
