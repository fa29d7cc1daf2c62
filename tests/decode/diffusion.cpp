// SPDX-License-Identifier: Apache-2.0
#include <proviso/decode/diffusion.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/drive/batch_decoder.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/orders/quota.hpp>
#include <proviso/orders/remasking.hpp>
#include <proviso/testing/table_denoiser.hpp>

#include "support/catch.hpp"

using namespace proviso;

namespace {

using tokens = std::vector<token_id>;
const tokens two_tokens{1, 0};

/// Any order and stop, chosen at run time: one instantiation for all tests.
struct chosen {
  static constexpr bool scheduled = true;
  enum class kind { quota, ancestral, nothing } which = kind::quota;
  bool prepare(canvas_step& s) const { return which != kind::ancestral || orders::ancestral{}.prepare(s); }
  void operator()(canvas_step& s) const {
    if (which == kind::quota) orders::quota{}(s);
    if (which == kind::ancestral) orders::ancestral{}(s);
  }
};
struct gap {
  double least = 2.0;
  bool operator()(canvas_step& s) const { return least <= 1.0 && stops::early_commit{least}(s); }
};
using sampler = diffusion<chosen, transforms::temperature, schedules::log_linear, gap>;

/// What a denoiser was asked for.
struct call {
  tokens prefix;
  tokens canvas;
};
/// A Markov chain that keeps a record, holds little, and gives rows of NaN from a call on.
struct observed {
  testing::markov_denoiser net{testing::random_table(3, 1, 6)};
  std::size_t room = 64;
  std::size_t good = 1000;
  std::vector<call> calls{};
  std::vector<float> nan{};
  std::size_t vocab_size() const { return net.vocab_size(); }
  token_id mask_token() const { return net.mask_token(); }
  std::size_t capacity() const { return room; }
  logits_view<float> score(std::span<const token_id> prefix, std::span<const token_id> canvas) {
    calls.push_back({{prefix.begin(), prefix.end()}, {canvas.begin(), canvas.end()}});
    if (calls.size() <= good) return net.score(prefix, canvas);
    nan.assign(canvas.size() * 4, std::numeric_limits<float>::quiet_NaN());
    return {nan.data(), canvas.size(), 4};
  }
};

struct trial {
  observed net;
  canvas_model<observed> model{net};
  canvas_settings settings{.length = 6, .steps = 3};
  chosen order;
  gap stop;
  limits bounds;
  float temperature = 1.0F;
  statistics stats;
  stop_reason why = stop_reason::running;

  sampler make() { return sampler{model, settings, order, transforms::temperature{temperature}, {}, stop}; }
  tokens run(std::uint64_t seed = 3) {
    decoder d{make(), seed};
    why = d.run(
        two_tokens, [](generated_token) {}, bounds);
    stats = d.stats();
    tokens out;
    for (const generated_token t : d.output()) {
      CHECK(t.log_probability <= 0.0F);
      CHECK(std::isfinite(t.log_probability));
      CHECK(t.token != 3);
      out.push_back(t.token);
    }
    return out;
  }
};

}  // namespace

TEST_CASE("a canvas is filled in its steps, one evaluation each, and ends the generation") {
  trial t;
  CHECK(t.run().size() == 6);
  CHECK(t.why == stop_reason::budget);
  CHECK(t.stats.target_calls == 3);
  CHECK(t.stats.rounds == 3);
  CHECK(t.stats.emitted == 6);
  CHECK(t.stats.fresh == 6);
  REQUIRE(t.net.calls.size() == 3);
  CHECK(t.net.calls[0].prefix == two_tokens);
  CHECK(t.net.calls[0].canvas == tokens(6, 3));
  t.bounds.max_tokens = 4;
  CHECK(t.run().size() == 4);
  CHECK(t.net.calls.back().canvas.size() == 4);
}

TEST_CASE("what is masked after the last step is filled at once, and rows are reused until the canvas changes") {
  trial t;
  t.order.which = chosen::kind::nothing;
  CHECK(t.run().size() == 6);
  CHECK(t.stats.rounds == 4);
  CHECK(t.stats.target_calls == 1);
  t.order.which = chosen::kind::ancestral;
  t.settings.steps = 200;
  CHECK(t.run().size() == 6);
  CHECK(t.stats.target_calls <= 6);
}

TEST_CASE("infilling never changes what is given, wherever it stands") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    trial t;
    t.settings.given = {3, 2, 3, 3, 0, 3, 1};
    t.settings.steps = 2;
    const tokens out = t.run(seed);
    REQUIRE(out.size() == 7);
    CHECK(out[1] == 2);
    CHECK(out[4] == 0);
    CHECK(out[6] == 1);
    for (const call& c : t.net.calls) {
      CHECK(c.canvas[1] == 2);
      CHECK(c.canvas[6] == 1);
    }
  }
  trial all_given;
  all_given.settings.given = {2, 1};
  CHECK(all_given.run() == tokens{2, 1});
  CHECK(all_given.net.calls.empty());
}

TEST_CASE("windows are filled from left to right and see the masks after them") {
  trial t;
  t.settings.block = 4;
  t.settings.steps = 2;
  CHECK(t.run().size() == 6);
  REQUIRE(t.net.calls.size() == 4);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(t.net.calls[i].canvas[4] == 3);
    CHECK(t.net.calls[i].canvas[5] == 3);
  }
  CHECK(t.net.calls[2].canvas[3] != 3);
  CHECK(t.net.calls[2].canvas.size() == 6);
}

TEST_CASE("caches keep what stands before the window") {
  trial t;
  t.settings.block = 3;
  t.settings.steps = 3;
  t.settings.cache = canvas_cache::prefix;
  CHECK(t.run().size() == 6);
  REQUIRE(t.net.calls.size() == 6);
  CHECK(t.net.calls[0].canvas.size() == 6);
  CHECK(t.net.calls[3].canvas.size() == 3);  // rows of the window; the plain session scores all anew
  CHECK(t.net.calls[3].prefix.size() == 5);
  CHECK(t.stats.target_tokens == 8 + 6 + 6 + 8 + 3 + 3);
  // With a denoiser that is exact whatever was evaluated when, caches change nothing.
  for (const canvas_cache cache : {canvas_cache::none, canvas_cache::frozen}) {
    trial other;
    other.settings = t.settings;
    other.settings.cache = cache;
    CHECK(other.run() == t.run());
    if (cache == canvas_cache::frozen) {
      CHECK(other.stats.prefill_tokens == 2);
      CHECK(other.stats.target_tokens == 6 * 6);
    }
  }
}

TEST_CASE("a frozen session keeps the prompt for another text after it") {
  trial t;
  t.settings.block = 3;
  t.settings.steps = 3;
  t.settings.cache = canvas_cache::frozen;
  decoder d{t.make(), 3};
  const auto same_as_fresh = [&](const tokens& prompt, std::uint64_t seed) {
    d.run(
        prompt, [](generated_token) {}, t.bounds, seed);
    decoder fresh{t.make(), seed};
    fresh.run(
        prompt, [](generated_token) {}, t.bounds);
    REQUIRE(d.output().size() == fresh.output().size());
    for (std::size_t i = 0; i < d.output().size(); ++i) CHECK(d.output()[i].token == fresh.output()[i].token);
    return d.stats().prefill_tokens;
  };
  CHECK(same_as_fresh(two_tokens, 3) == 2);
  CHECK(same_as_fresh(two_tokens, 4) == 0);
  tokens longer(d.text().begin(), d.text().end());
  CHECK(same_as_fresh(longer, 4) == 8);  // one block now: its tokens see each other
  CHECK(same_as_fresh(two_tokens, 4) == 2);
  tokens other = two_tokens;
  other[0] = (other[0] + 1) % 3;
  CHECK(same_as_fresh(other, 4) == 2);
  t.bounds.max_tokens = 2;
  CHECK(same_as_fresh(other, 5) == 0);
  d.start(other, t.bounds);
  d.cancel();
  while (!d.done()) d.step();
  CHECK(same_as_fresh(other, 5) <= 2);
}

namespace {

/// A denoiser with sessions, which note what they are asked to do.
struct with_sessions {
  testing::markov_denoiser net{testing::random_table(3, 1, 6)};
  struct asked {
    std::size_t length, size, want, reuse;
    bool operator==(const asked&) const = default;
  };
  std::vector<asked> log{};

  std::size_t vocab_size() const { return net.vocab_size(); }
  token_id mask_token() const { return net.mask_token(); }
  logits_view<float> score(std::span<const token_id> p, std::span<const token_id> c) { return net.score(p, c); }

  class session {
   public:
    explicit session(with_sessions& owner) : owner_{&owner}, inner_{owner.net} {}
    std::size_t length() const { return inner_.length(); }
    void rewind(std::size_t n) { inner_.rewind(n); }
    void keep(std::span<const node_id> path) { inner_.keep(path); }
    logits_view<float> eval(const masked_block& block) {
      owner_->log.push_back({length(), block.size(), block.nodes.want, block.reuse});
      return inner_.eval(block);
    }

   private:
    with_sessions* owner_;
    canvas_model<testing::markov_denoiser>::session_type inner_;
  };
  session open_canvas() { return session{*this}; }
};

}  // namespace

TEST_CASE("sessions of a denoiser are asked for what the cache does not keep") {
  using asked = with_sessions::asked;
  const auto run = [](canvas_cache cache) {
    with_sessions net;
    canvas_model model{net};
    decoder d{sampler{model, {.length = 6, .block = 3, .steps = 2, .cache = cache}, chosen{}}, 5};
    d.run(two_tokens, [](generated_token) {});
    CHECK(d.output().size() == 6);
    return net.log;
  };
  CHECK(run(canvas_cache::none) == std::vector<asked>{{0, 8, 6, 0}, {0, 8, 6, 0}, {0, 8, 6, 0}, {0, 8, 6, 0}});
  CHECK(run(canvas_cache::prefix) == std::vector<asked>{{0, 8, 6, 0}, {2, 6, 6, 0}, {0, 8, 3, 0}, {5, 3, 3, 0}});
  CHECK(run(canvas_cache::dual) == std::vector<asked>{{0, 8, 6, 0}, {2, 6, 6, 3}, {0, 8, 3, 0}, {5, 3, 3, 0}});
  CHECK(run(canvas_cache::frozen) ==
        std::vector<asked>{{0, 2, 0, 0}, {2, 6, 6, 0}, {2, 6, 6, 0}, {2, 6, 6, 0}, {2, 6, 6, 0}});
}

TEST_CASE("growing canvases go on until an end token, the budget or the capacity") {
  trial t;
  t.settings = {.block = 4, .steps = 2, .growing = true};
  t.bounds.max_tokens = 10;
  CHECK(t.run().size() == 10);
  CHECK(t.why == stop_reason::budget);
  CHECK(t.net.calls.back().prefix.size() == 10);
  CHECK(t.net.calls.back().canvas.size() == 2);
  t.settings.cache = canvas_cache::frozen;
  const tokens frozen = t.run();
  CHECK(t.stats.prefill_tokens == 10);  // the prompt and two canvases, each once
  t.settings.cache = canvas_cache::none;
  CHECK(t.run() == frozen);

  const std::vector<token_id> ends{2};
  t.bounds.end_tokens = ends;
  t.bounds.max_tokens = 1000;
  t.net.room = 1000;
  const tokens ended = t.run();
  CHECK(t.why == stop_reason::end_token);
  CHECK(ended.back() == 2);
  for (std::size_t i = 0; i + 1 < ended.size(); ++i) CHECK(ended[i] != 2);

  trial narrow;
  narrow.settings = t.settings;
  narrow.net.room = 12;
  narrow.bounds.max_tokens = 1000;
  CHECK(narrow.run().size() == 8);
  CHECK(narrow.why == stop_reason::capacity);
}

TEST_CASE("early commit fills the rest at once") {
  trial t;
  t.stop.least = 0.0;
  CHECK(t.run().size() == 6);
  CHECK(t.stats.target_calls == 1);
}

TEST_CASE("text depends on the seed alone: not on the driver, nor on what was decoded before") {
  trial t;
  t.settings.block = 3;
  const tokens once = t.run(9);
  CHECK(t.run(10) != once);
  decoder again{t.make(), 9};
  again.run(tokens{2, 2, 2}, [](generated_token) {});
  again.run(two_tokens, [](generated_token) {});
  CHECK(tokens{again.text().begin() + 2, again.text().end()} == once);

  batch_decoder many;
  const std::size_t a = many.add(t.make(), two_tokens, {}, 10);
  const std::size_t b = many.add(t.make(), two_tokens, {}, 9);
  many.run();
  CHECK(tokens{many[b].text().begin() + 2, many[b].text().end()} == once);
  CHECK(many[a].output().size() == 6);
}

TEST_CASE("at temperature 0 the text does not depend on the seed") {
  trial t;
  t.temperature = 0.0F;
  CHECK(t.run(1) == t.run(2));
}

TEST_CASE("a row that is not a law fails the generation") {
  trial t;
  t.net.good = 1;
  decoder d{t.make()};
  REQUIRE_THROWS_AS(d.run(two_tokens, [](generated_token) {}), std::domain_error);
  CHECK(d.why() == stop_reason::failed);
  t.net.good = 1000;
  CHECK(d.run(two_tokens, [](generated_token) {}) == stop_reason::budget);
}

TEST_CASE("senseless settings and canvases that do not fit are refused") {
  trial t;
  const auto refused = [&](canvas_settings s) {
    t.settings = s;
    REQUIRE_THROWS_AS(t.make(), std::invalid_argument);
  };
  refused({.length = 0});
  refused({.steps = 0});
  refused({.steps = std::size_t{1} << 20U});
  refused({.growing = true});
  refused({.block = 2, .growing = true, .given = {3, 1}});
  refused({.given = {3, 4}});
  t.settings = {.length = 100};
  REQUIRE_THROWS_AS(t.run(), std::length_error);
  t.settings = {};
  decoder d{t.make()};
  limits asked;
  asked.best_tokens = 1;
  REQUIRE_THROWS_AS(d.run(
                        two_tokens, [](generated_token) {}, asked),
                    std::invalid_argument);
}

TEST_CASE("cancelling keeps the windows that were emitted") {
  trial t;
  t.settings.block = 2;
  t.settings.steps = 2;
  decoder d{t.make()};
  d.start(two_tokens);
  while (d.output().empty()) d.step();
  d.cancel();
  while (!d.done()) d.step();
  CHECK(d.output().size() == 2);
  CHECK(d.why() == stop_reason::cancelled);
}
