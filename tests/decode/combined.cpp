// SPDX-License-Identifier: Apache-2.0
#include <proviso/decode/combined.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drive/batch_decoder.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/transforms/chain.hpp>
#include <proviso/transforms/top_k.hpp>

#include "support/catch.hpp"
#include "support/combining.hpp"
#include "support/decoding.hpp"
#include "support/numbers.hpp"

namespace {

using namespace proviso;
using support::budget;
using support::crowd;
using support::decode;
using support::mix;
using support::never;
using support::token_list;

TEST_CASE("combined: senseless ensembles are errors") {
  testing::table_model a{testing::random_table(3, 1, 1)};
  testing::table_model b{testing::random_table(3, 1, 2)};
  testing::table_model wide{testing::random_table(4, 1, 3)};
  REQUIRE_THROWS_AS(combined{combine::weighted{1.0}}, std::invalid_argument);
  REQUIRE_THROWS_AS((combined{combine::weighted{1.0}, std::span<const model_ref>{}}), std::invalid_argument);
  REQUIRE_THROWS_AS((combined{combine::weighted{1.0}, a, b}), std::invalid_argument);
  REQUIRE_THROWS_AS((combined{combine::product{0.5, 0.5}, a}), std::invalid_argument);
  REQUIRE_THROWS_AS((combined{combine::contrastive{0.1}, a, b, a}), std::invalid_argument);
  std::string said;
  try {
    combined{combine::weighted{0.5, 0.5}, a, wide};
  } catch (const std::invalid_argument& e) {
    said = e.what();
  }
  CHECK(said.find("different vocabularies (3 and 4 tokens)") != std::string::npos);
}

TEST_CASE("combined: requests of all models are open together, and may be answered in any order") {
  crowd models{3, 5, 2, 1};
  const auto text = [&](std::size_t which) {
    sequence s{autoregressive{models.combined(mix::weighted)}, 4};
    std::vector<any_session> sessions;
    for (model_slot* slot : s.model_slots()) sessions.push_back(open_session(*slot));
    limits bounds = budget(12);
    bounds.prefill_chunk = 2;
    s.start(token_list{1, 2, 3, 4, 0, 1}, bounds);
    bool first = true;
    while (!s.done()) {
      for (std::span<const request> open = s.plan(); !open.empty(); open = s.plan()) {
        if (first) CHECK(open.size() == 3);
        first = s.between_rounds();
        const request r = open[which % open.size()];
        s.absorb(r.id, answer(sessions[r.model], r));
        if (s.between_rounds()) {
          first = true;
          break;
        }
      }
    }
    CHECK(s.stats().target_calls == 12);
    CHECK(s.stats().drafter_calls == 24);
    CHECK(s.stats().prefill_calls == 9);
    for (const any_session& each : sessions) CHECK(each.length() == s.text().size() - 1);
    return token_list(s.text().begin(), s.text().end());
  };
  const token_list expected = text(0);
  CHECK(text(1) == expected);
  CHECK(text(2) == expected);
  CHECK(text(5) == expected);
}

TEST_CASE("combined: speculative decoding with match gives the text of plain decoding, whatever the sessions hold") {
  testing::table_model a = support::whole_text_model(6, 3.0F);
  testing::table_model b = support::whole_text_model(6, 1.0F);
  testing::table_model small{testing::random_table(6, 1, 5)};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    decoder plain{autoregressive{combined{combine::weighted{0.5, 0.5}, a, b}}, seed};
    decoder fast{speculative{combined{combine::weighted{0.5, 0.5}, a, b}, drafters::model{small}, rules::match{}},
                 seed};
    CHECK(decode(plain, {1, 2, 3}, budget(40)) == decode(fast, {1, 2, 3}, budget(40)));
    CHECK(fast.stats().target_calls < 40);
    for (const any_session& each : fast.sessions().first(2)) CHECK(each.length() == fast.text().size() - 1);
  }
}

TEST_CASE("combined: a single model is that model") {
  crowd one{1, 5, 2, 9};
  decoder a{autoregressive{one.model(0)}, 2};
  const token_list expected = decode(a, {1, 2}, budget(50));
  for (const mix how : {mix::weighted, mix::product}) {
    decoder d{autoregressive{one.combined(how)}, 2};
    CHECK(decode(d, {1, 2}, budget(50)) == expected);
  }
}

TEST_CASE("combined: at temperature 0 the most probable token of the mean, not that of any model") {
  const auto odds = [](float a, float b, float c) {
    return testing::row_table{3, 0, {std::log(a), std::log(b), std::log(c)}};
  };
  testing::table_model a{odds(0.50F, 0.45F, 0.05F)};
  testing::table_model b{odds(0.05F, 0.45F, 0.50F)};
  decoder d{autoregressive{combined{combine::weighted{0.5, 0.5}, a, b}, transforms::temperature{0.0F}}};
  CHECK(decode(d, {0}, budget(3)) == token_list{1, 1, 1});
  CHECK(d.output()[0].log_probability == 0.0F);
}

TEST_CASE("combined: laws are combined after the transforms, rows before") {
  testing::table_model a{testing::row_table{4, 0, {3.0F, 2.0F, 1.0F, 0.0F}}};
  testing::table_model b{testing::row_table{4, 0, {0.0F, 1.0F, 2.0F, 2.5F}}};
  const transforms::chain shape{transforms::top_k{1}, transforms::temperature{1.0F}};
  std::vector<int> of_laws(4), of_rows(4);
  decoder laws{autoregressive{combined{combine::weighted{0.5, 0.5}, a, b}, shape}};
  decoder rows{autoregressive{combined{combine::product{0.5, 0.5}, a, b}, shape}};
  for (const token_id x : decode(laws, {0}, budget(200))) ++of_laws[static_cast<std::size_t>(x)];
  for (const token_id x : decode(rows, {0}, budget(200))) ++of_rows[static_cast<std::size_t>(x)];
  CHECK(of_laws[0] > 50);
  CHECK(of_laws[3] > 50);
  CHECK(of_laws[0] + of_laws[3] == 200);
  CHECK(of_rows[0] == 200);  // equal sums of 1.5 at 0, 1 and 2, 1.25 at 3: the lowest id
}

TEST_CASE("combined: a functor of one's own, and rows that are no law") {
  testing::table_model a{testing::row_table{3, 0, {0.0F, never, 0.0F}}};
  testing::table_model b{testing::row_table{3, 0, {never, 0.0F, 0.0F}}};
  const auto larger = [](std::span<const std::span<const float>> rows, std::span<float> out) {
    for (std::size_t x = 0; x < out.size(); ++x) out[x] = rows[0][x] > rows[1][x] ? rows[0][x] : rows[1][x];
  };
  decoder d{autoregressive{combined{larger, a, b}}, 1};
  std::vector<int> seen(3);
  for (const token_id x : decode(d, {0}, budget(100))) ++seen[static_cast<std::size_t>(x)];
  CHECK((seen[0] > 15 && seen[1] > 15 && seen[2] > 15));

  testing::table_model c{testing::row_table{3, 0, {0.0F, 0.0F, never}}};
  decoder none{autoregressive{combined{combine::product{0.3, 0.3, 0.4}, a, b, c}}};
  none.start(token_list{0});
  REQUIRE_THROWS_AS(none.step(), std::domain_error);
  testing::table_model broken{testing::row_table{3, 0, {0.0F, std::numeric_limits<float>::quiet_NaN(), 0.0F}}};
  std::string said;
  decoder bad{autoregressive{combined{combine::weighted{0.5, 0.5}, a, broken}}};
  bad.start(token_list{0});
  try {
    bad.step();
  } catch (const std::domain_error& e) {
    said = e.what();
  }
  CHECK(said.find("(model 1 of the ensemble) (target, position 1)") != std::string::npos);
}

TEST_CASE("combined: the smallest session bounds the text and the drafts") {
  testing::table_model a{testing::random_table(4, 1, 1)};
  testing::table_model b{testing::random_table(4, 1, 2), 20, 3};
  testing::table_model small{testing::random_table(4, 1, 3)};
  decoder d{speculative{combined{combine::weighted{0.5, 0.5}, a, b}, drafters::model{small}, rules::match{},
                        transforms::temperature{}, lengths::fixed{8}}};
  decode(d, {1, 2}, budget(100));
  CHECK(d.why() == stop_reason::capacity);
  CHECK(d.text().size() == 21);
}

TEST_CASE("combined: a batch gives the same texts") {
  crowd models{3, 5, 2, 1};
  batch_decoder batch;
  std::vector<std::size_t> names;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    names.push_back(batch.add(autoregressive{models.combined(mix::weighted)}, token_list{1, 2}, budget(20), seed));
  }
  batch.run();
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    decoder alone{autoregressive{models.combined(mix::weighted)}, seed};
    CHECK(support::tokens_of(batch[names[seed]].output()) == decode(alone, {1, 2}, budget(20)));
  }
}

}  // namespace
