// SPDX-License-Identifier: Apache-2.0
#include <proviso/decode/target.hpp>

#include <type_traits>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/combined.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/prompt_lookup.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/catch.hpp"
#include "support/combining.hpp"

namespace {

using namespace proviso;

TEST_CASE("target: what is one, and what algorithms hold") {
  CHECK(decoding_target<one_model>);
  CHECK(decoding_target<combined>);
  CHECK(!decoding_target<testing::table_model>);
  CHECK(!decoding_target<model_ref>);
  support::crowd models{2, 3, 1, 1};
  testing::table_model& one = models.model(0);
  CHECK((std::is_same_v<decltype(autoregressive{one}), autoregressive<transforms::temperature, one_model>>));
  CHECK((std::is_same_v<decltype(autoregressive{models.combined(support::mix::product)}),
                        autoregressive<transforms::temperature, combined>>));
  CHECK((
      std::is_same_v<decltype(speculative{one, drafters::prompt_lookup{}}),
                     speculative<drafters::prompt_lookup, rules::automatic, transforms::temperature, lengths::fixed>>));
  CHECK((std::is_same_v<
         decltype(speculative{models.combined(support::mix::product)}),
         speculative<drafters::none, rules::automatic, transforms::temperature, lengths::fixed, combined>>));
}

TEST_CASE("target: a model given as a target is the model") {
  testing::table_model model{testing::random_table(5, 2, 1)};
  decoder a{autoregressive{model}, 3};
  decoder b{autoregressive{one_model{model}}, 3};
  const std::vector<token_id> prompt{1, 2};
  std::vector<token_id> x, y;
  a.run(prompt, [&](generated_token t) { x.push_back(t.token); }, {.max_tokens = 30});
  b.run(prompt, [&](generated_token t) { y.push_back(t.token); }, {.max_tokens = 30});
  CHECK(x == y);
}

}  // namespace
