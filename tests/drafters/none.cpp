// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/none.hpp>

#include <algorithm>
#include <vector>

#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/rules/token.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/catch.hpp"

namespace {

using namespace proviso;

TEST_CASE("none: every token is fresh and costs one evaluation of one token") {
  testing::table_model target{testing::random_table(5, 2, 1)};
  decoder d{speculative{target, drafters::none{}}, 3};
  limits bounds;
  bounds.max_tokens = 20;
  d.run(
      std::vector<token_id>{1, 2, 3}, [](generated_token t) { CHECK(t.from == origin::fresh); }, bounds);
  CHECK(d.stats().drafted == 0);
  CHECK(d.stats().fresh == 20);
  CHECK(d.stats().target_calls == 20);
  CHECK(d.stats().target_tokens == 20);
}

TEST_CASE("none: the text is that of plain decoding with the same seed") {
  testing::table_model target{testing::random_table(5, 2, 1)};
  const std::vector<token_id> prompt{1, 2, 3};
  decoder plain{autoregressive{target}, 3};
  decoder match{speculative{target, drafters::none{}, rules::match{}}, 3};
  decoder token{speculative{target, drafters::none{}, rules::token{}}, 3};
  for (decoder* d : {&plain, &match, &token}) d->run(prompt, [](generated_token) {});
  CHECK(std::equal(plain.text().begin(), plain.text().end(), match.text().begin(), match.text().end()));
  CHECK(std::equal(plain.text().begin(), plain.text().end(), token.text().begin(), token.text().end()));
}

}  // namespace
