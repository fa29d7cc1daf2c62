// SPDX-License-Identifier: Apache-2.0
// labels: threads
#include <proviso/drafters/shared_ngrams.hpp>

#include <cstdint>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/decoding.hpp"

namespace {

using namespace proviso;
using drafters::ngram_store;
using drafters::shared_ngrams;

/// A hash of its own for every number.
std::uint64_t key(std::uint64_t i) { return (i + 1) * 0xD6E8FEB86659FD93U; }

TEST_CASE("ngram_store: keeps the token that follows mostly") {
  ngram_store store{4096};
  CHECK(store.find(key(1)) == -1);
  store.learn(key(1), 7);
  CHECK(store.find(key(1)) == 7);
  store.learn(key(1), 9);
  CHECK(store.find(key(1)) == 9);  // one each: the newer one
  for (int i = 0; i < 3; ++i) store.learn(key(1), 7);
  CHECK(store.find(key(1)) == 7);
  store.learn(key(1), 9);
  CHECK(store.find(key(1)) == 7);
  store.learn(key(2), 0);  // token 0 is a token
  CHECK(store.find(key(2)) == 0);
  store.learn(key(3), 1 << 24);
  store.learn(key(3), -1);
  CHECK(store.find(key(3)) == -1);
  CHECK(store.used() == 2);
}

TEST_CASE("ngram_store: never grows, forgets what does not come back, keeps what does") {
  for (const std::size_t bytes : {1024U, 5000U, 65536U}) {
    const ngram_store store{bytes};
    CHECK(store.bytes() <= bytes);
    CHECK(store.bytes() * 2 > bytes);
  }
  ngram_store store{16384};
  const std::size_t cells = store.bytes() / 8;
  constexpr std::uint64_t often = 100;
  std::uint64_t fresh = often;
  for (int turn = 0; turn < 100; ++turn) {
    for (std::uint64_t i = 0; i < often; ++i) store.learn(key(i), static_cast<token_id>(i));
    for (std::size_t i = 0; i < cells / 10; ++i, ++fresh) store.learn(key(fresh), 1);
  }
  CHECK(store.bytes() == cells * 8);
  CHECK(store.used() <= cells);
  CHECK(store.used() > cells * 9 / 10);
  std::size_t kept = 0;
  for (std::uint64_t i = 0; i < often; ++i) kept += store.find(key(i)) == static_cast<token_id>(i) ? 1U : 0U;
  CHECK(kept > 95);
  for (std::size_t i = 0; i < 60 * cells; ++i, ++fresh) store.learn(key(fresh), 1);  // others come, they do not
  kept = 0;
  for (std::uint64_t i = 0; i < often; ++i) kept += store.find(key(i)) == static_cast<token_id>(i) ? 1U : 0U;
  CHECK(kept < 5);
}

TEST_CASE("ngram_store: threads write and read at a time") {
  ngram_store store{8192};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&store, t] {
      for (std::uint64_t i = 0; i < 4000; ++i) {
        store.learn(key((i * 7 + t) % 600), static_cast<token_id>((i * 7 + t) % 600));
        const token_id found = store.find(key(i % 600));
        if (found != -1 && found != static_cast<token_id>(i % 600)) store.learn(key(9999), 1);  // a torn cell
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(store.find(key(9999)) == -1);
  std::size_t known = 0;
  for (std::uint64_t i = 0; i < 600; ++i) known += store.find(key(i)) == static_cast<token_id>(i) ? 1U : 0U;
  CHECK(known > 500);
}

TEST_CASE("shared_ngrams: the text is that of plain decoding, and a request that comes again is drafted") {
  testing::table_model target{testing::random_table(40, 2, 1, 5.0F)};
  ngram_store store{1U << 20U};
  const auto ask = [&](std::uint64_t seed) {
    decoder d{
        speculative{target, shared_ngrams{store}, rules::match{}, transforms::temperature{0.7F}, lengths::fixed{6}},
        seed};
    const support::token_list text = support::decode(d, {3, 1, 4}, support::budget(100));
    CHECK(text == support::plain(target, {3, 1, 4}, support::budget(100), seed, 0.7F));
    return d.stats().tokens_per_call();
  };
  const double first = ask(1);
  const double again = ask(1);
  CHECK(first < 1.5);
  CHECK(again > 3.0);
  double early = ask(2);
  for (std::uint64_t seed = 3; seed < 60; ++seed) ask(seed);
  double late = ask(100);
  CHECK(late > early);  // other texts of the same model help, too
}

TEST_CASE("shared_ngrams: what is unknown costs nothing, and drafts keep to the limit") {
  testing::table_model target{50, [](std::span<const token_id> text, std::span<float> row) {
                                for (float& x : row) x = 0.0F;
                                row[(static_cast<std::size_t>(text.back()) + 1) % 50] = 20.0F;
                              }};
  ngram_store store{1U << 16U};
  decoder d{speculative{target, shared_ngrams{store, 2, 4, 0.0}, rules::match{}, transforms::temperature{0.0F},
                        lengths::fixed{5}}};
  support::decode(d, {0, 1}, support::budget(40));  // 2 .. 41: nothing comes twice
  CHECK(d.stats().drafted == 0);
  support::decode(d, {0, 1}, support::budget(40));
  CHECK(d.stats().drafted > 30);
  CHECK(d.stats().accepted == d.stats().drafted);
  CHECK(d.stats().drafted_per_call() <= 5.0);
}

TEST_CASE("shared_ngrams: sequences of several threads share what they learn") {
  ngram_store store{1U << 18U};
  std::vector<std::thread> threads;
  std::vector<support::token_list> texts(3);
  for (std::size_t t = 0; t < texts.size(); ++t) {
    threads.emplace_back([&store, &texts, t] {
      testing::table_model target{testing::random_table(20, 2, 1, 4.0F)};
      decoder d{speculative{target, shared_ngrams{store}, rules::match{}}, 7};
      for (int i = 0; i < 4; ++i) texts[t] = support::decode(d, {1, 2}, support::budget(60));
    });
  }
  for (std::thread& t : threads) t.join();
  testing::table_model target{testing::random_table(20, 2, 1, 4.0F)};
  for (const support::token_list& text : texts) {
    CHECK(text == support::plain(target, {1, 2}, support::budget(60), 7));
  }
}

TEST_CASE("shared_ngrams: senseless arguments are refused") {
  REQUIRE_THROWS_AS(ngram_store{1000}, std::invalid_argument);
  ngram_store store{1024};
  REQUIRE_THROWS_AS((shared_ngrams{store, 0, 4}), std::invalid_argument);
  REQUIRE_THROWS_AS((shared_ngrams{store, 5, 4}), std::invalid_argument);
  REQUIRE_THROWS_AS((shared_ngrams{store, 2, 17}), std::invalid_argument);
  REQUIRE_THROWS_AS((shared_ngrams{store, 2, 4, 1.0}), std::invalid_argument);
}

TEST_CASE("shared_ngrams: the last round of a text is learned, too") {
  testing::table_model target{50, [](std::span<const token_id> text, std::span<float> row) {
                                for (float& x : row) x = 0.0F;
                                row[(static_cast<std::size_t>(text.back()) + 1) % 50] = 20.0F;
                              }};
  ngram_store store{1U << 16U};
  const auto ask = [&](const support::token_list& prompt) {
    decoder d{speculative{target, shared_ngrams{store, 2, 2, 0.0}, rules::match{}, transforms::temperature{0.0F}}};
    support::decode(d, prompt, support::budget(2));
    return d.stats().drafted;
  };
  CHECK(ask({0, 1}) == 0);  // 2, 3
  CHECK(ask({1, 2}) == 1);  // 3 followed, in the last round
}

}  // namespace
