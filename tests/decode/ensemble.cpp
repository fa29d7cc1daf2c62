// SPDX-License-Identifier: Apache-2.0
// The exact laws and the costs are in tests/proofs/ensemble.cpp.
#include <proviso/decode/ensemble.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/drive/batch_decoder.hpp>
#include <proviso/drive/decoder.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/combining.hpp"
#include "support/decoding.hpp"

namespace {

using namespace proviso;
using support::budget;
using support::crowd;
using support::decode;
using support::mix;
using support::token_list;
using lengths_of = std::vector<std::size_t>;

ensemble<> of(crowd& models, const lengths_of& lengths = {}, proposers who = proposers::all) {
  return ensemble{models.combined(mix::weighted), lengths, transforms::temperature{}, who};
}

TEST_CASE("ensemble: senseless arguments are errors") {
  crowd one{1, 3, 1, 1};
  crowd two{2, 3, 1, 1};
  REQUIRE_THROWS_AS(of(one), std::invalid_argument);
  REQUIRE_THROWS_AS(of(two, {1}), std::invalid_argument);
  REQUIRE_THROWS_AS(of(two, {1, 1, 1}), std::invalid_argument);
  REQUIRE_THROWS_AS(of(two, {1, 0}), std::invalid_argument);
  REQUIRE_THROWS_AS(of(two, {static_cast<std::size_t>(-1), 1}), std::invalid_argument);
}

/// Decodes and checks what must hold after every round.
void run_ensemble(decoder& d, const token_list& prompt, const limits& bounds) {
  d.start(prompt, bounds);
  while (!d.done()) {
    d.step();
    support::check_counters(d.stats(), d.output());
    REQUIRE(d.output().size() <= bounds.max_tokens);
    REQUIRE(d.stats().bonus + d.stats().fresh == 0);
  }
  for (const any_session& s : d.sessions()) REQUIRE(s.length() <= d.text().size() - 1);
}

TEST_CASE("ensemble: sessions see the text and nothing else") {
  // Laws of the whole text: a token that a session lost or kept by mistake changes what follows. At temperature 0 the
  // text is that of plain decoding.
  testing::table_model a = support::whole_text_model(5, 3.0F);
  testing::table_model b = support::whole_text_model(5, 2.0F);
  testing::table_model c = support::whole_text_model(5, 1.0F);
  testing::table_model other{testing::random_table(5, 2, 3)};
  const transforms::temperature cold{0.0F};
  const auto all = [&] { return combined{combine::weighted{0.2, 0.2, 0.2, 0.4}, a, b, c, other}; };
  decoder plain{autoregressive{all(), cold}};
  const token_list expected = decode(plain, {1, 2, 3}, budget(80));
  for (const proposers who : {proposers::all, proposers::first}) {
    for (const lengths_of& lengths : {lengths_of{1, 1, 1, 1}, lengths_of{4, 1, 2, 3}, lengths_of{1, 5, 1, 1}}) {
      decoder d{ensemble{all(), lengths, cold, who}};
      run_ensemble(d, {1, 2, 3}, budget(80));
      CHECK(support::tokens_of(d.output()) == expected);
      CHECK(d.stats().corrected > 3);
      CHECK(d.stats().accepted > 3);
    }
  }
}

TEST_CASE("ensemble: a text that ends among waiting tokens ends there") {
  crowd models{3, 6, 2, 4};
  for (const lengths_of& lengths : {lengths_of{1, 1, 1}, lengths_of{5, 3, 2}}) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      decoder whole{of(models, lengths), seed};
      const token_list all = decode(whole, {1, 2}, budget(40));
      limits bounds = budget(40);
      bounds.end_tokens = {3};
      decoder d{of(models, lengths), seed};
      run_ensemble(d, {1, 2}, bounds);
      const auto end = std::find(all.begin(), all.end(), 3);
      const token_list expected(all.begin(), end == all.end() ? end : end + 1);
      REQUIRE(support::tokens_of(d.output()) == expected);
      if (end != all.end()) REQUIRE(d.why() == stop_reason::end_token);
    }
  }
}

TEST_CASE("ensemble: budgets, capacities and horizons are kept") {
  const testing::row_table tables[3] = {testing::random_table(4, 1, 1), testing::random_table(4, 1, 2),
                                        testing::random_table(4, 1, 3)};
  for (const std::size_t horizon : {0U, 1U, 2U, 5U, 100U}) {
    for (const std::size_t capacity : {3U, 4U, 9U, 30U}) {
      testing::table_model a{tables[0], capacity + 7};
      testing::table_model b{tables[1], capacity, horizon};  // the sessions of a table check what they are asked for
      testing::table_model c{tables[2]};
      for (const lengths_of& lengths : {lengths_of{1, 1, 1}, lengths_of{4, 2, 3}}) {
        decoder d{ensemble{combined{combine::weighted{0.3, 0.3, 0.4}, a, b, c}, lengths}, 7};
        run_ensemble(d, {1, 2, 3}, budget(100));
        CHECK(d.why() == stop_reason::capacity);
        CHECK(d.text().size() == capacity + 1);
        for (const std::size_t count : {1U, 2U, 5U}) {
          run_ensemble(d, {1, 2, 3}, budget(count));
          CHECK(d.output().size() == (std::min)(static_cast<std::size_t>(count), capacity - 2));
        }
      }
      decoder long_prompt{ensemble{combined{combine::weighted{0.5, 0.5}, b, c}}};
      long_prompt.start(token_list(capacity + 1, 1));
      REQUIRE_THROWS_AS(long_prompt.step(), std::length_error);
    }
  }
}

TEST_CASE("ensemble: cancelled, it goes on from there") {
  crowd models{3, 5, 2, 4};
  decoder d{of(models, {3, 2, 1}), 5};
  d.start(token_list{1, 2}, budget(60));
  for (int i = 0; i < 7; ++i) d.step();
  d.cancel();
  while (!d.done()) d.step();
  CHECK(d.why() == stop_reason::cancelled);
  token_list longer(d.text().begin(), d.text().end());
  for (const any_session& s : d.sessions()) CHECK(s.length() <= longer.size() - 1);
  longer.push_back(3);
  run_ensemble(d, longer, budget(20));
  const token_list again = support::tokens_of(d.output());
  decoder fresh{of(models, {3, 2, 1}), 5};
  CHECK(decode(fresh, longer, budget(20)) == again);
}

TEST_CASE("ensemble: a batch gives the same texts") {
  crowd models{3, 5, 2, 1};
  batch_decoder batch;
  std::vector<std::size_t> names;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const lengths_of lengths = seed % 2 == 0 ? lengths_of{1, 1, 1} : lengths_of{3, 1, 2};
    names.push_back(batch.add(of(models, lengths), token_list{1, 2}, budget(30 - seed), seed));
  }
  batch.run();
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    decoder alone{of(models, seed % 2 == 0 ? lengths_of{1, 1, 1} : lengths_of{3, 1, 2}), seed};
    CHECK(support::tokens_of(batch[names[seed]].output()) == decode(alone, {1, 2}, budget(30 - seed)));
  }
}

TEST_CASE("ensemble: a row that is no law is an error where its token is verified, and ends proposals elsewhere") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  // After token 2, model 1 has no law; token 2 is only ever proposed, never part of the text.
  testing::table_model a{testing::row_table{3, 0, {1.0F, 1.0F, 1.0F}}};
  testing::table_model b{3, [nan](std::span<const token_id> text, std::span<float> row) {
                           for (std::size_t x = 0; x < 3; ++x) row[x] = text.back() == 2 ? nan : 0.0F;
                           if (text.back() != 2) row[2] = -std::numeric_limits<float>::infinity();
                         }};
  const auto only_b = [](std::span<const law_view> laws, law_buffer&) { return laws[1]; };
  for (const lengths_of& lengths : {lengths_of{1, 1}, lengths_of{3, 2}}) {
    decoder d{ensemble{combined{only_b, a, b}, lengths}, 3};
    run_ensemble(d, {0}, budget(200));
    CHECK(d.stats().discarded > 10);
    for (const generated_token t : d.output()) REQUIRE(t.token != 2);
    d.start(token_list{0, 2}, budget(10));
    std::string said;
    try {
      while (!d.done()) d.step();
    } catch (const std::domain_error& e) {
      said = e.what();
    }
    CHECK(said.find("(model 1 of the ensemble) (ensemble, position 2)") != std::string::npos);
    CHECK(d.why() == stop_reason::failed);
    run_ensemble(d, {0}, budget(20));  // starts anew
  }
}

TEST_CASE("ensemble: steady rounds allocate nothing") {
  std::vector<testing::row_table> tables;
  for (std::uint64_t i = 0; i < 3; ++i) tables.push_back(testing::random_table(16, 2, i));
  testing::table_model a{tables[0], 4096};  // sessions reserve their capacity
  testing::table_model b{tables[1], 4096};
  testing::table_model c{tables[2], 4096};
  const auto all = [&](auto how) { return combined{how, a, b, c}; };
  const auto in_steady_rounds = [](decoder d) {
    d.start(token_list{1, 2, 3}, budget(2000));
    for (int i = 0; i < 30; ++i) d.step();
    const std::size_t before = allocations;
    for (int i = 0; i < 200; ++i) d.step();
    return allocations - before;
  };
  const std::vector<double> w{0.3, 0.3, 0.4};
  CHECK(in_steady_rounds(decoder{autoregressive{all(combine::weighted{w})}}) == 0);
  CHECK(in_steady_rounds(decoder{autoregressive{all(combine::product{w})}}) == 0);
  CHECK(in_steady_rounds(decoder{ensemble{all(combine::weighted{w})}}) == 0);
  CHECK(in_steady_rounds(decoder{ensemble{all(combine::product{w}), {3, 2, 1}}}) == 0);
}

}  // namespace
