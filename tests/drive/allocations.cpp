// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include <proviso/decode/space.hpp>
#include <proviso/drafters/language_prior.hpp>
#include <proviso/drafters/lookahead.hpp>
#include <proviso/drafters/parallel.hpp>
#include <proviso/drafters/prompt_lookup.hpp>
#include <proviso/drafters/router.hpp>
#include <proviso/drafters/shared_rates.hpp>
#include <proviso/drafters/suffix.hpp>
#include <proviso/drive/batch_decoder.hpp>
#include <proviso/lengths/heuristic.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/rules/traversal.hpp>
#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/frequency_penalty.hpp>
#include <proviso/transforms/repetition_penalty.hpp>

#include "support/allocations.hpp"
#include "support/decoding.hpp"
#include "support/masked.hpp"

using namespace proviso;
using namespace support;

namespace {

/// Allocations in 100 rounds after the first 20 of one generation.
std::size_t in_steady_rounds(decoder d, const limits& bounds = budget(2000)) {
  d.start(token_list{1, 2, 3}, bounds);
  for (int i = 0; i < 20; ++i) d.step();
  const std::size_t before = allocations;
  for (int i = 0; i < 100; ++i) d.step();
  const std::size_t after = allocations;
  REQUIRE(!d.done());
  CHECK(d.stats().rounds == 120);
  return after - before;
}

struct models {
  testing::table_model big{testing::random_table(16, 2, 1), 4096};  // sessions reserve their capacity
  testing::table_model small{testing::blended(testing::random_table(16, 2, 1), testing::random_table(16, 2, 2), 0.4),
                             4096};
};

}  // namespace

TEST_CASE("the counter counts") {
  const std::size_t before = allocations;
  void* memory = ::operator new(400);
  const std::size_t after = allocations;
  ::operator delete(memory);
  CHECK(after == before + 1);
}

TEST_CASE("steady rounds of plain decoding allocate nothing") {
  models m;
  CHECK(in_steady_rounds(decoder{autoregressive{m.big}, 1}) == 0);
}

TEST_CASE("steady rounds with penalties, reports and every kind of stop allocate nothing") {
  models m;
  limits bounds = budget(2000);
  bounds.best_tokens = 4;
  bounds.end_tokens = {99};
  bounds.stop_sequences = {{1, 1, 1, 1, 1, 1}};
  bounds.stop_strings = {"no piece has this"};
  bounds.pieces.piece = [](void*, token_id) -> std::string_view { return "piece"; };
  const transforms::chain shape{transforms::frequency_penalty{0.1F}, transforms::repetition_penalty{1.1F, 100},
                                transforms::temperature{0.8F}};
  CHECK(in_steady_rounds(decoder{autoregressive{m.big, shape}, 1}, bounds) == 0);
  CHECK(in_steady_rounds(
            decoder{speculative{m.big, drafters::model{m.small}, rules::token{}, shape, lengths::fixed{6}}, 1},
            bounds) == 0);
}

TEST_CASE("steady rounds of speculative decoding allocate nothing") {
  models m;
  CHECK(in_steady_rounds(decoder{speculating(m.big, m.small), 1}) == 0);
  CHECK(in_steady_rounds(decoder{speculative{m.big, drafters::model{m.small}, rules::token{}}, 1}) == 0);
}

TEST_CASE("steady rounds with lookups allocate nothing") {
  // A text of a few tokens, so that the drafters find something.
  testing::table_model big{testing::random_table(4, 1, 1, 4.0F), 4096};
  CHECK(in_steady_rounds(decoder{speculative{big, drafters::prompt_lookup{}, rules::match{}}, 1}) == 0);
  CHECK(in_steady_rounds(decoder{speculative{big, drafters::suffix{}, rules::match{}}, 1}) == 0);
}

TEST_CASE("steady rounds of a router allocate nothing, whichever arms it takes") {
  models m;
  testing::table_model other{testing::random_table(16, 2, 3), 4096};
  const auto bytes = [](token_id t) { return t % 2 == 0 ? std::string_view{"der "} : std::string_view{"the "}; };
  for (const auto explore : {drafters::exploration::thompson, drafters::exploration::ucb1}) {
    drafters::shared_rates rates;
    drafters::routing how;
    how.explore = explore;
    how.reshaping = 5.0;  // all arms are taken in turn
    how.dwell = 1;
    drafters::router pool{how, drafters::language_prior{bytes}};
    pool.add(drafters::model{m.small}, {"de", 1.5, 0.1, 0.0})
        .add(drafters::model{other}, {"en", 1.5, 0.1, 0.0})
        .add(drafters::prompt_lookup{})
        .add(drafters::none{})
        .share(rates);
    CHECK(in_steady_rounds(decoder{speculative{m.big, std::move(pool), rules::token{}}, 1}) == 0);
    bandits::record taken[4];
    rates.read("de", taken);
    bandits::record also[4];
    rates.read("en", also);
    for (std::size_t i = 0; i < 4; ++i) CHECK(taken[i].weight + also[i].weight > 0.0);
  }
}

TEST_CASE("steady rounds of SPACE allocate nothing, with whole and with pruned groups") {
  const masked_rows rows = random_masks(8, 3, 1, 0.2, 0.5);
  testing::table_model model = model_of(rows, 4096);
  for (const double cost : {0.0, 0.15}) {
    CHECK(in_steady_rounds(decoder{space{model, drafters::masks{rows.tokens(), cost}}, 1}) == 0);
  }
  CHECK(in_steady_rounds(decoder{space{model, drafters::masks{rows.tokens(), 0.0, 2}, rules::traversal{}}, 1}) == 0);
}

TEST_CASE("steady rounds with parallel drafts and with lookahead windows allocate nothing") {
  const masked_rows rows = random_masks(8, 3, 1, 0.2, 0.5);
  testing::table_model model = model_of(rows, 4096);
  const drafters::parallel chains{model, rows.tokens(), drafters::mask_row::own, drafters::mask_sight::all};
  CHECK(in_steady_rounds(decoder{speculative{model, chains, rules::token{}}, 1}) == 0);
  testing::table_model few{testing::random_table(4, 1, 1, 4.0F), 4096};
  CHECK(in_steady_rounds(decoder{speculative{few, drafters::lookahead{3, 3, 2}, rules::match{}}, 1}) == 0);
}

TEST_CASE("steady ticks of a batch allocate nothing") {
  models m;
  batch_decoder batch;
  for (std::uint64_t i = 0; i < 3; ++i) {
    const token_list prompt(i + 1, 2);
    batch.add(autoregressive{m.big}, prompt, budget(2000), i);
    batch.add(speculating(m.big, m.small), prompt, budget(2000), i);
  }
  for (int i = 0; i < 120; ++i) batch.tick();
  const std::size_t before = allocations;
  for (int i = 0; i < 400; ++i) batch.tick();
  CHECK(allocations == before);
}

TEST_CASE("a second generation of the same text allocates nothing in its rounds") {
  models m;
  decoder d{
      speculative{m.big, drafters::model{m.small}, rules::token{}, transforms::temperature{0.5F}, lengths::heuristic{}},
      1};
  decode(d, {1, 2, 3}, budget(150));
  d.start(token_list{1, 2, 3}, budget(150));
  const std::size_t before = allocations;
  while (!d.done()) d.step();
  CHECK(allocations == before);
}

TEST_CASE("a large budget reserves what sessions can hold, or a fixed amount") {
  testing::table_model small{testing::random_table(16, 2, 1), 512};
  testing::table_model endless{testing::random_table(16, 2, 1)};
  const auto bytes_of_start = [](testing::table_model& m, std::size_t most) {
    decoder d{autoregressive{m}, 1};
    const std::size_t before = allocated_bytes;
    d.start(token_list{1, 2, 3}, budget(most));
    return allocated_bytes - before;
  };
  CHECK(bytes_of_start(small, 1'000'000) < 30'000);
  CHECK(bytes_of_start(endless, 1'000'000) < 600'000);
  CHECK(bytes_of_start(endless, static_cast<std::size_t>(-1)) < 600'000);
}

TEST_CASE("beyond what was reserved a text grows a few times") {
  testing::table_model big{testing::random_table(4, 1, 1, 4.0F), 200'000};
  decoder d{autoregressive{big}, 1};
  d.start(token_list{1, 2, 3}, budget(static_cast<std::size_t>(-1)));
  while (d.output().size() < 16'000) d.step();
  const std::size_t before = allocations;
  while (d.output().size() < 100'000) d.step();
  CHECK(allocations - before < 20);
}
