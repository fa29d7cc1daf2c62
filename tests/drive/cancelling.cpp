// SPDX-License-Identifier: Apache-2.0
// labels: threads
// A generation is cancelled from another thread.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <thread>

#include <proviso/drive/batch_decoder.hpp>

#include "support/decoding.hpp"

using namespace proviso;
using namespace support;

namespace {

/// A model that says how many evaluations it has begun, which another thread may read.
struct observed {
  testing::table_model rows{testing::random_table(8, 1, 1)};
  std::atomic<std::size_t> begun{0};

  struct session_type {
    observed* home;
    testing::table_model::session_type inner;
    std::size_t length() const { return inner.length(); }
    logits_view<float> eval(const chain_block& b) {
      home->begun.fetch_add(1);
      std::this_thread::yield();
      return inner.eval(b);
    }
    void rewind(std::size_t n) { inner.rewind(n); }
  };
  std::size_t vocab_size() const { return rows.vocab_size(); }
  session_type open() { return {this, rows.open()}; }
};

void wait_for(const std::atomic<std::size_t>& count, std::size_t least) {
  while (count.load() < least) std::this_thread::yield();
}

}  // namespace

TEST_CASE("cancel of a decoder may be called from another thread") {
  for (std::size_t after = 1; after < 60; after += 7) {
    observed model;
    decoder d{autoregressive{model}, 3};
    d.start(token_list{1, 2}, budget(100'000'000));
    std::thread other{[&] {
      wait_for(model.begun, after);
      d.cancel();
    }};
    while (!d.done()) d.step();
    other.join();
    CHECK(d.why() == stop_reason::cancelled);
    CHECK(d.output().size() + 1 >= after - 1);
    CHECK(d.sessions()[0].length() == d.text().size() - 1);
  }
}

TEST_CASE("cancel and a stop token end the feeding of a prompt after the chunk that is fed") {
  for (const bool by_token : {true, false}) {
    observed model;
    decoder d{autoregressive{model}, 3};
    limits l = budget(10);
    l.prefill_chunk = 1;
    const token_list prompt(200'000, 1);
    std::stop_source source;
    std::atomic<std::size_t> when_asked{0};
    std::thread other{[&] {
      wait_for(model.begun, 5);
      if (by_token) {
        source.request_stop();
      } else {
        d.cancel();
      }
      when_asked = model.begun.load();
    }};
    d.run(
        prompt, [](generated_token) {}, l, source.get_token());
    other.join();
    if (d.why() != stop_reason::cancelled) continue;  // the other thread may come before `start`, or too late
    CHECK(d.output().empty());
    CHECK(model.begun <= when_asked + 2);
    CHECK(model.begun < 200'000);
  }
}

TEST_CASE("cancel of a sequence of a batch may be called from another thread") {
  observed model;
  batch_decoder batch;
  const std::size_t a = batch.add(autoregressive{model}, token_list{1}, budget(100'000'000), 1);
  const std::size_t b = batch.add(autoregressive{model}, token_list{2}, budget(50), 2);
  sequence& text = batch[a];
  std::thread other{[&] {
    wait_for(model.begun, 20);
    text.cancel();
  }};
  batch.run();
  other.join();
  CHECK(batch[a].why() == stop_reason::cancelled);
  CHECK(batch[b].why() == stop_reason::budget);
}
