// SPDX-License-Identifier: Apache-2.0
#include <proviso/decode/diffusion.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <proviso/drive/decoder.hpp>
#include <proviso/orders/ancestral.hpp>
#include <proviso/orders/entropy_bound.hpp>
#include <proviso/orders/factor.hpp>
#include <proviso/orders/first_hitting.hpp>
#include <proviso/orders/quota.hpp>
#include <proviso/orders/remasking.hpp>
#include <proviso/orders/threshold.hpp>
#include <proviso/schedules/masking.hpp>
#include <proviso/testing/canvas_law.hpp>
#include <proviso/testing/enumerator.hpp>
#include <proviso/testing/table_denoiser.hpp>

#include "support/catch.hpp"

namespace {

using namespace proviso;
using testing::canvas_law;
using testing::canvas_report;
using token_list = std::vector<token_id>;

constexpr double exact = 1e-6;  // rows are floats

const token_list one_token{1};

/// All canvases of `length` positions over `values` values.
std::vector<token_list> canvases(std::size_t values, std::size_t length) {
  std::vector<token_list> all{{}};
  for (std::size_t i = 0; i < length; ++i) {
    std::vector<token_list> longer;
    for (const token_list& t : all) {
      for (std::size_t x = 0; x < values; ++x) {
        longer.push_back(t);
        longer.back().push_back(static_cast<token_id>(x));
      }
    }
    all = std::move(longer);
  }
  return all;
}

/// The law of one ancestral step, as the paper writes it: a product over positions.
canvas_law reverse_step(const testing::exact_denoiser& d, const token_list& from, double stay) {
  const std::size_t vocab = d.vocab_size() - 1;
  canvas_law to{{from, 1.0}};
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] != d.mask_token()) continue;
    std::vector<double> law(vocab);
    d.conditional(one_token, from, i, law);
    canvas_law next;
    for (const auto& [canvas, p] : to) {
      next[canvas] += p * stay;
      for (std::size_t x = 0; x < vocab; ++x) {
        token_list filled = canvas;
        filled[i] = static_cast<token_id>(x);
        next[filled] += p * (1.0 - stay) * law[x];
      }
    }
    to = std::move(next);
  }
  return to;
}

/// The law of the decoder's output, through requests, coroutine and all, and its expected evaluations.
template <class Order, class Schedule = schedules::log_linear>
canvas_report decoded(testing::exact_denoiser& d, Order order, canvas_settings settings,
                      Schedule schedule = Schedule{}) {
  canvas_report report;
  canvas_model model{d};
  testing::enumerator all;
  all.run([&] {
    decoder text{sequence{diffusion{model, settings, order, transforms::temperature{}, schedule}, all.source()}};
    const stop_reason why = text.run(one_token, [](generated_token) {});
    REQUIRE(why == stop_reason::budget);
    token_list out;
    for (const generated_token t : text.output()) out.push_back(t.token);
    report.law[out] += all.probability();
    report.evaluations += all.probability() * static_cast<double>(text.stats().target_calls);
  });
  return report;
}

/// The law of a text of `length` tokens in pieces of two, each filled as a canvas of its own, and every second one by a
/// new decoder; keys that two pieces share are errors.
template <class Order>
canvas_law decoded_in_pieces(testing::exact_denoiser& d, Order order, const canvas_settings& settings,
                             std::size_t length) {
  canvas_law law;
  canvas_model model{d};
  testing::enumerator all;
  all.run([&] {
    token_list text = one_token;
    std::optional<decoder> writer;
    for (std::size_t piece = 0; text.size() < length + 1; ++piece) {
      if (piece % 2 == 0) writer.emplace(sequence{diffusion{model, settings, order}, all.source()});
      const limits bounds{.max_tokens = std::min<std::size_t>(2, length + 1 - text.size())};
      writer->run(
          text, [&](generated_token t) { text.push_back(t.token); }, bounds);
    }
    law[{text.begin() + 1, text.end()}] += all.probability();
  });
  return law;
}
/// The same by the kernels of the order's steps.
template <class Order>
canvas_law kernels_in_pieces(testing::exact_denoiser& d, Order order, std::size_t steps, std::size_t length) {
  canvas_law law{{{}, 1.0}};
  for (std::size_t done = 0; done < length; done += 2) {
    canvas_law longer;
    for (const auto& [text, p] : law) {
      token_list prefix = one_token;
      prefix.insert(prefix.end(), text.begin(), text.end());
      testing::canvas_sampler sampler{d, prefix};
      const token_list open(std::min<std::size_t>(2, length - done), d.mask_token());
      for (const auto& [canvas, q] : sampler.run(order, open, steps).law) {
        token_list next = text;
        next.insert(next.end(), canvas.begin(), canvas.end());
        longer[next] += p * q;
      }
    }
    law = std::move(longer);
  }
  return law;
}
template <class Order>
void keeps_its_law_in_pieces(Order order, std::size_t steps) {
  testing::markov_denoiser d{testing::random_table(2, 1, 5)};
  const canvas_law kernels = kernels_in_pieces(d, order, steps, 5);
  CHECK(testing::total_variation(decoded_in_pieces(d, order, {.length = 4, .steps = steps}, 5), kernels) < exact);
  // Windows of a growing canvas are pieces, too: one generation has the same law.
  canvas_law windows;
  canvas_model model{d};
  testing::enumerator all;
  all.run([&] {
    const canvas_settings growing{.block = 2, .steps = steps, .growing = true};
    decoder writer{sequence{diffusion{model, growing, order}, all.source()}};
    token_list text;
    writer.run(
        one_token, [&](generated_token t) { text.push_back(t.token); }, limits{.max_tokens = 5});
    windows[text] += all.probability();
  });
  CHECK(testing::total_variation(windows, kernels) < exact);
}

canvas_law joint_law(const testing::markov_denoiser& d, std::size_t length) {
  canvas_law law;
  for (const token_list& t : canvases(d.vocab_size() - 1, length)) law[t] = d.joint(one_token, t);
  return law;
}
canvas_law joint_law(const testing::joint_denoiser& d) {
  canvas_law law;
  double total = 0.0;
  const std::vector<token_list> all = canvases(d.vocab_size() - 1, d.length());
  for (std::size_t i = 0; i < all.size(); ++i) total += d.weight(i);
  for (std::size_t i = 0; i < all.size(); ++i) law[all[i]] = d.weight(i) / total;
  return law;
}

template <class Order, class Schedule = schedules::log_linear>
void agrees_with_kernels(Order order, std::size_t steps, Schedule schedule = Schedule{}) {
  testing::markov_denoiser d{testing::random_table(2, 1, 5)};
  testing::canvas_sampler sampler{d, one_token};
  const canvas_report kernels = sampler.run(order, token_list(3, d.mask_token()), steps, schedule);
  const canvas_report whole = decoded(d, order, {.length = 3, .steps = steps}, schedule);
  CHECK(testing::total_variation(kernels.law, whole.law) < exact);
  CHECK(std::abs(kernels.evaluations - whole.evaluations) < exact);
}

TEST_CASE("an ancestral step has exactly the law of the reverse process") {
  testing::markov_denoiser d{testing::random_table(2, 1, 3)};
  testing::canvas_sampler sampler{d, one_token};
  for (const double stay : {0.0, 0.25, 0.9}) {
    for (const token_list& from : canvases(3, 4)) {
      bool evaluated = false;
      const canvas_law law = sampler.step(orders::ancestral{}, from, {0, 4, 0, 8, 4, stay}, evaluated);
      CHECK(testing::total_variation(law, reverse_step(d, from, stay)) < exact);
    }
  }
}

TEST_CASE("an ancestral decoder has the law of its steps, for every schedule") {
  const auto check = [](auto schedule) {
    testing::markov_denoiser d{testing::random_table(2, 1, 9)};
    constexpr std::size_t steps = 2;
    canvas_law now{{token_list(3, d.mask_token()), 1.0}};
    for (std::size_t step = 0; step <= steps; ++step) {  // after the last one, what is still masked is filled
      canvas_law next;
      const double t = static_cast<double>(steps - step) / steps;
      const double stay = step == steps ? 0.0 : schedule(t - 1.0 / steps) / schedule(t);
      for (const auto& [canvas, p] : now) {
        for (const auto& [after, q] : reverse_step(d, canvas, stay)) next[after] += p * q;
      }
      now = std::move(next);
    }
    for (auto place = now.begin(); place != now.end();)
      place = place->second > 0.0 ? std::next(place) : now.erase(place);
    CHECK(testing::total_variation(decoded(d, orders::ancestral{}, {.length = 3, .steps = steps}, schedule).law, now) <
          exact);
  };
  check(schedules::log_linear{});
  check(schedules::cosine{});
  check(schedules::geometric{0.2, 2.0});  // m(0) > 0
}

TEST_CASE("first hitting is exact on joint laws") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    testing::markov_denoiser chain{testing::random_table(3, 1, seed)};
    CHECK(testing::total_variation(decoded(chain, orders::first_hitting{}, {.length = 3}).law, joint_law(chain, 3)) <
          exact);
    std::vector<double> weights;
    const philox source{seed};
    for (std::uint32_t i = 0; i < 16; ++i) weights.push_back(source.uniform({purpose::selection, i, 0, 0}));
    testing::joint_denoiser joint{2, 4, weights};
    CHECK(testing::total_variation(decoded(joint, orders::first_hitting{}, {.length = 4}).law, joint_law(joint)) <
          exact);
  }
  // One position per step is exact in any order that looks at laws alone.
  testing::markov_denoiser chain{testing::random_table(3, 1, 4)};
  const orders::quota by_entropy{orders::ranking::entropy};
  CHECK(testing::total_variation(decoded(chain, by_entropy, {.length = 3, .steps = 3}).law, joint_law(chain, 3)) <
        exact);
  const orders::quota by_top{orders::ranking::top};
  CHECK(testing::total_variation(decoded(chain, by_top, {.length = 3, .steps = 3}).law, joint_law(chain, 3)) < exact);
  const orders::quota spread{orders::ranking::spread};
  CHECK(testing::total_variation(decoded(chain, spread, {.length = 3, .steps = 3}).law, joint_law(chain, 3)) < exact);
  const orders::entropy_bound careful{0.0};
  CHECK(testing::total_variation(decoded(chain, careful, {.length = 3}).law, joint_law(chain, 3)) < exact);
}

TEST_CASE("the decoder does what the kernels of its order do") {
  agrees_with_kernels(orders::ancestral{}, 3);
  agrees_with_kernels(orders::ancestral{}, 2, schedules::polynomial{2.0});
  agrees_with_kernels(orders::first_hitting{}, 1);
  agrees_with_kernels(orders::quota{}, 2);
  agrees_with_kernels(orders::quota{orders::ranking::margin}, 2);
  agrees_with_kernels(orders::quota{orders::ranking::random}, 2);
  agrees_with_kernels(orders::quota{orders::ranking::spread}, 2);
  agrees_with_kernels(orders::quota{orders::ranking::confidence, 0.3, orders::pace::schedule}, 3, schedules::cosine{});
  agrees_with_kernels(orders::threshold{0.7}, 1);
  agrees_with_kernels(orders::factor{1.2}, 1);
  agrees_with_kernels(orders::entropy_bound{0.7}, 1);
  agrees_with_kernels(orders::remasking{0.6, 0.55}, 1);
}

TEST_CASE("a text that is written in pieces has the law of its canvases, one after the other") {
  keeps_its_law_in_pieces(orders::ancestral{}, 2);
  keeps_its_law_in_pieces(orders::first_hitting{}, 1);
  keeps_its_law_in_pieces(orders::quota{}, 2);
  keeps_its_law_in_pieces(orders::quota{orders::ranking::random}, 2);
  keeps_its_law_in_pieces(orders::threshold{0.7}, 1);
  keeps_its_law_in_pieces(orders::factor{1.2}, 1);
  keeps_its_law_in_pieces(orders::entropy_bound{0.7}, 1);
  keeps_its_law_in_pieces(orders::remasking{0.6, 0.55}, 1);
}

TEST_CASE("windows of one canvas share no keys") {
  testing::markov_denoiser d{testing::random_table(2, 1, 6)};
  const auto whole = [&](auto order, std::size_t steps) {
    double total = 0.0;
    for (const auto& [text, p] : decoded(d, order, {.length = 4, .block = 2, .steps = steps}).law) total += p;
    CHECK(std::abs(total - 1.0) < 1e-12);
  };
  whole(orders::ancestral{}, 2);
  whole(orders::first_hitting{}, 1);
  whole(orders::quota{orders::ranking::random}, 2);
  whole(orders::quota{orders::ranking::spread}, 2);
  whole(orders::entropy_bound{0.7}, 1);
  whole(orders::remasking{0.6, 0.55}, 1);
}

TEST_CASE("rows are reused: N steps on L positions take N (1 - (1 - 1/N)^L) evaluations") {
  for (const std::size_t steps : {1U, 2U, 3U, 5U}) {
    testing::markov_denoiser d{testing::random_table(2, 1, 5)};
    const double n = static_cast<double>(steps);
    CHECK(std::abs(decoded(d, orders::ancestral{}, {.length = 3, .steps = steps}).evaluations -
                   n * (1.0 - std::pow(1.0 - 1.0 / n, 3.0))) < 1e-9);
    testing::canvas_sampler sampler{d, one_token};
    CHECK(std::abs(sampler.run(orders::ancestral{}, token_list(5, d.mask_token()), steps).evaluations -
                   n * (1.0 - std::pow(1.0 - 1.0 / n, 5.0))) < 1e-9);
  }
}

/// Fills one position at a time, the most confident first, with its most probable token; only positions that are filled
/// in `wanted`.
token_list sequential_greedy(const testing::exact_denoiser& d, token_list canvas, const token_list& wanted) {
  for (;;) {
    double best = -1.0;
    std::size_t where = 0;
    token_id what = 0;
    for (std::size_t i = 0; i < canvas.size(); ++i) {
      if (canvas[i] != d.mask_token() || wanted[i] == d.mask_token()) continue;
      std::vector<double> law(d.vocab_size() - 1);
      d.conditional(one_token, canvas, i, law);
      for (std::size_t x = 0; x < law.size(); ++x) {
        if (law[x] <= best) continue;
        best = law[x];
        where = i;
        what = static_cast<token_id>(x);
      }
    }
    if (best < 0.0) return canvas;
    canvas[where] = what;
  }
}

/// On every joint law of three binary positions with weights on a grid, one step of `order` at temperature 0 must give
/// the positions that it fills the tokens that sequential greedy gives them and that are the most probable ones
/// together, if the condition of the theorem holds for the confidences c that it filled.
template <class Order>
void equals_sequential_greedy(const Order& order, std::size_t& applies, std::size_t& several, std::size_t& differs) {
  const std::vector<double> grid{0.0, 1.0, 30.0};
  for (const token_list& choice : canvases(3, 8)) {
    std::vector<double> weights;
    for (const token_id c : choice) weights.push_back(grid[static_cast<std::size_t>(c)]);
    bool any = false;
    for (const double w : weights) any = any || w > 0.0;
    if (!any) continue;
    testing::joint_denoiser d{2, 3, weights};
    testing::canvas_sampler sampler{d, one_token, 0.0F};
    const token_list open(3, d.mask_token());
    bool evaluated = false;
    const token_list after = sampler.step(order, open, {0, 3, 0, 1, 3, 0.0}, evaluated).begin()->first;
    const token_list greedy = sequential_greedy(d, open, after);
    const canvas_law joint = joint_law(d);
    double n = 0.0;
    double lowest = 1.0;
    bool same = true;
    for (std::size_t i = 0; i < 3; ++i) {
      if (after[i] == d.mask_token()) continue;
      std::vector<double> law(2);
      d.conditional(one_token, open, i, law);
      lowest = (std::min)(lowest, law[static_cast<std::size_t>(after[i])]);
      same = same && after[i] == greedy[i];
      n += 1.0;
    }
    const bool promised = (n + 1.0) * (1.0 - lowest) < 1.0 - 1e-9;
    applies += static_cast<std::size_t>(promised);
    several += static_cast<std::size_t>(promised && n > 1.0);
    differs += static_cast<std::size_t>(!same && n > 1.0);
    if (!promised) continue;
    std::map<token_list, double> together;  // the law of the filled positions
    for (const auto& [canvas, p] : joint) {
      token_list seen = canvas;
      for (std::size_t i = 0; i < 3; ++i) seen[i] = after[i] == d.mask_token() ? after[i] : canvas[i];
      together[seen] += p;
    }
    bool most_probable = true;
    for (const auto& [canvas, p] : together) most_probable = most_probable && p <= together[after] + 1e-9;
    if (!same || !most_probable) {
      CHECK(same);
      CHECK(most_probable);
    }
  }
}

TEST_CASE("a step under (n + 1)(1 - c) < 1 fills what sequential greedy fills") {
  std::size_t applies = 0;
  std::size_t several = 0;
  std::size_t differs = 0;
  SECTION("threshold") {
    equals_sequential_greedy(orders::threshold{0.6}, applies, several, differs);
    CHECK(differs > 0);  // beyond the condition it need not
  }
  SECTION("factor") {
    equals_sequential_greedy(orders::factor{0.999}, applies, several, differs);
    CHECK(differs == 0);  // factors up to 1 imply the condition
  }
  CHECK(applies > 1000);
  CHECK(several > 500);
}

TEST_CASE("more steps bring every order closer to the joint law") {
  testing::markov_denoiser d{testing::random_table(2, 1, 11)};
  testing::canvas_sampler sampler{d, one_token};
  const token_list open(4, d.mask_token());
  const canvas_law joint = joint_law(d, 4);
  double before = 1.0;
  for (const std::size_t steps : {1U, 2U, 4U, 16U, 64U}) {
    const double tv = testing::total_variation(sampler.run(orders::ancestral{}, open, steps).law, joint);
    CHECK(tv < before);
    before = tv;
  }
  CHECK(before < 0.02);
  CHECK(testing::total_variation(sampler.run(orders::quota{orders::ranking::entropy}, open, 4).law, joint) < exact);
}

}  // namespace
