// SPDX-License-Identifier: Apache-2.0
#include <proviso/drafters/any.hpp>

#include <span>
#include <utility>

#include <proviso/drafters/none.hpp>
#include <proviso/drafters/prompt_lookup.hpp>
#include <proviso/rules/token.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"

namespace {

using namespace proviso;

TEST_CASE("any drafter: text and statistics are those of the drafter inside") {
  testing::table_model target{testing::random_table(4, 1, 1, 4.0F)};
  testing::table_model draft_model{
      testing::blended(testing::random_table(4, 1, 1, 4.0F), testing::random_table(4, 1, 2), 0.3)};
  const auto same = [&](auto direct, drafters::any erased, std::size_t models) {
    decoder a{speculative{target, std::move(direct), rules::token{}}, 5};
    decoder b{speculative{target, std::move(erased), rules::token{}}, 5};
    CHECK(support::decode(a, {1, 2}, support::budget(60)) == support::decode(b, {1, 2}, support::budget(60)));
    CHECK(a.stats().rounds == b.stats().rounds);
    CHECK(a.stats().accepted == b.stats().accepted);
    CHECK(a.stats().drafter_calls == b.stats().drafter_calls);
    CHECK(b.sessions().size() == 1 + models);
    CHECK(b.stats().drafted > 0);
  };
  same(drafters::model{draft_model}, drafters::model{draft_model}, 1);
  same(drafters::prompt_lookup{1}, drafters::prompt_lookup{1}, 0);
}

TEST_CASE("any drafter: a member `watch` is called, where there is one") {
  struct watcher : drafters::none {
    std::size_t* seen;
    explicit watcher(std::size_t& count) : seen{&count} {}
    void watch(std::span<const token_id> text) const noexcept { *seen += text.size(); }
  };
  std::size_t seen = 0;
  drafters::any watching{watcher{seen}};
  drafters::any other{drafters::none{}};
  const support::token_list text{1, 2, 3};
  watching.watch(text);
  other.watch(text);
  CHECK(seen == 3);
}

}  // namespace
