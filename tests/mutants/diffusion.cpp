// SPDX-License-Identifier: Apache-2.0
// Wrong versions of masked diffusion.
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <vector>

#include <proviso/decode/diffusion.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/orders/ancestral.hpp>
#include <proviso/orders/energy.hpp>
#include <proviso/orders/quota.hpp>
#include <proviso/orders/threshold.hpp>
#include <proviso/testing/canvas_law.hpp>
#include <proviso/testing/table_denoiser.hpp>

#include "mutants/jury.hpp"
#include "support/catch.hpp"

namespace {

using namespace mutants;
using token_list = std::vector<token_id>;

enum class sampler_fault {
  none,
  mask_emitted,       ///< the mask keeps its logit
  given_changed,      ///< given positions are drawn like masked ones
  drawn_again,        ///< positions that were filled are drawn again
  stale_rows,         ///< rows are reused although the canvas has changed
  rows_never_reused,  ///< every step asks for rows
  next_row,           ///< a position reads the row of the next masked one
  inverted_ratio,     ///< a position stays masked with probability 1 - m_s / m_t
  late_grid,          ///< m_s is taken one step too early: the grid of the released SDTT code
  quota_too_large,    ///< one position more per step than its quota
  quota_too_small,    ///< one less (but one), and all that is left in the last step
  least_confident,    ///< the least confident positions are filled
  maximum_compared,   ///< the threshold is compared with the largest probability, not with that of the drawn token
  nothing_sure        ///< a threshold that does not always fill the most confident position
};

enum class method { ancestral, quota, threshold };

constexpr double least = 0.72;

/// A sampler as the papers write it, on one canvas with given tokens.
class sampler_double {
 public:
  sampler_double(testing::markov_denoiser& d, method m, std::size_t steps, sampler_fault f)
      : net_{d}, method_{m}, steps_{steps}, fault_{f} {}

  /// Fills `canvas` and returns the number of evaluations.
  std::size_t run(token_list& canvas, random_ref source) {
    const token_list start = canvas;
    std::size_t calls = 0;
    std::size_t total = masked(canvas).size();
    if (fault_ == sampler_fault::given_changed) canvas[1] = mask();
    if (fault_ == sampler_fault::given_changed) ++total;
    token_list seen;
    const std::size_t most = method_ == method::threshold ? total : steps_ + 1;  // steps of a sound sampler
    for (std::size_t step = 0; !masked(canvas).empty() && step < most; ++step) {
      const random_ref random = source.at_root(step);
      std::vector<std::size_t> open = masked(canvas);
      if (fault_ == sampler_fault::drawn_again && step > 0) open = masked(start);
      const bool last = method_ != method::threshold && step >= steps_;
      std::vector<std::size_t> fills;
      if (method_ == method::ancestral) {
        for (const std::size_t i : open) {
          if (last || !random.flip(stay(step), 1.0, purpose::acceptance, static_cast<node_id>(i))) fills.push_back(i);
        }
        if (fills.empty() && fault_ != sampler_fault::rows_never_reused) continue;
      }
      if (seen.empty() || (seen != canvas && fault_ != sampler_fault::stale_rows)) {
        ++calls;
        seen = canvas;
      } else if (fault_ == sampler_fault::rows_never_reused) {
        ++calls;
      }
      if (method_ == method::ancestral) {
        for (const std::size_t i : fills) canvas[i] = draw(seen, i, random);
        continue;
      }
      rank(canvas, seen, open, total, step, random);
    }
    return calls;
  }

 private:
  token_id mask() const { return net_.mask_token(); }
  std::vector<std::size_t> masked(const token_list& canvas) const {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < canvas.size(); ++i) {
      if (canvas[i] == mask()) open.push_back(i);
    }
    return open;
  }
  double stay(std::size_t step) const {
    const double n = static_cast<double>(steps_);
    const double k = static_cast<double>(step);
    const double s = fault_ == sampler_fault::late_grid ? n - k - 2.0 : n - k - 1.0;
    const double ratio = (s > 0.0 ? s : 0.0) / (n - k);
    return fault_ == sampler_fault::inverted_ratio ? 1.0 - ratio : ratio;
  }
  row law(const token_list& canvas, std::size_t i) const {
    if (fault_ == sampler_fault::next_row) {
      const std::vector<std::size_t> open = masked(canvas);
      for (std::size_t k = 0; k + 1 < open.size(); ++k) {
        if (open[k] == i) {
          i = open[k + 1];
          break;
        }
      }
    }
    token_list asked = canvas;
    asked[i] = mask();
    row p(2);
    net_.conditional(prompt(), asked, i, p);
    if (fault_ == sampler_fault::mask_emitted) p.push_back(0.5);
    return p;
  }
  token_id draw(const token_list& canvas, std::size_t i, random_ref random) const {
    return random.pick(law_of(law(canvas, i)), purpose::draft, static_cast<node_id>(i));
  }
  void rank(token_list& canvas, const token_list& seen, const std::vector<std::size_t>& open, std::size_t total,
            std::size_t step, random_ref random) const {
    std::vector<token_id> drawn;
    std::vector<double> score;
    std::size_t best = 0;
    for (std::size_t k = 0; k < open.size(); ++k) {
      const row p = law(seen, open[k]);
      drawn.push_back(random.pick(law_of(p), purpose::draft, static_cast<node_id>(open[k])));
      score.push_back(fault_ == sampler_fault::maximum_compared ? std::max(p[0], p[1]) : at(p, drawn[k]) / sum(p));
      if (fault_ == sampler_fault::least_confident) score.back() = -score.back();
      if (score[k] > score[best] + 1e-9) best = k;
    }
    if (method_ == method::threshold) {
      for (std::size_t k = 0; k < open.size(); ++k) {
        const bool sure = k == best && fault_ != sampler_fault::nothing_sure;
        if (sure || score[k] >= least) canvas[open[k]] = drawn[k];
      }
      return;
    }
    std::size_t count = total / steps_ + (step < total % steps_ ? 1 : 0);
    if (fault_ == sampler_fault::quota_too_large) ++count;
    if (fault_ == sampler_fault::quota_too_small && count > 1) --count;
    if (step + 1 >= steps_) count = open.size();
    for (; count > 0 && best < open.size(); --count) {
      canvas[open[best]] = drawn[best];
      score[best] = -9.0;
      for (std::size_t k = 0; k < open.size(); ++k) best = score[k] > score[best] + 1e-9 ? k : best;
      if (score[best] == -9.0) break;
    }
  }

  testing::markov_denoiser& net_;
  method method_;
  std::size_t steps_;
  sampler_fault fault_;
};

verdict hear(method m, std::size_t steps, sampler_fault f) {
  verdict v;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    v.next();
    testing::markov_denoiser net{testing::random_table(2, 1, seed)};
    const token_list given{2, 0, 2, 2};
    testing::canvas_sampler sampler{net, prompt()};
    const testing::canvas_report expected = m == method::ancestral ? sampler.run(orders::ancestral{}, given, steps)
                                            : m == method::quota   ? sampler.run(orders::quota{}, given, steps)
                                                                 : sampler.run(orders::threshold{least}, given, steps);
    testing::canvas_law law;
    double calls = 0.0;
    testing::enumerator all;
    auto source = all.source();
    all.run([&] {
      token_list canvas = given;
      const auto used = static_cast<double>(sampler_double{net, m, steps, f}.run(canvas, random_ref{source}));
      calls += used * all.probability();
      law[canvas] += all.probability();
    });
    for (const auto& [canvas, p] : law) {
      for (const token_id t : canvas) {
        if (t == net.mask_token()) v.fail("mask");
      }
      if (canvas[1] != given[1]) v.fail("given");
    }
    if (testing::total_variation(law, expected.law) > 1e-6) v.fail("law");
    if (std::abs(calls - expected.evaluations) > 1e-6) v.fail("evaluations");
  }
  return v;
}

enum class weighing { right, wrong_sign, without_q };

/// One step on two open positions with two candidates, by sums over all pairs of candidates, against the decoder.
verdict hear(weighing how) {
  verdict v;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    v.next();
    testing::markov_denoiser net{testing::random_table(2, 1, seed)};
    const testing::row_table scores = testing::random_table(3, 1, seed + 50);
    testing::table_model scorer{scores};
    canvas_model canvases{net};
    testing::canvas_law law;
    testing::enumerator all;
    all.run([&] {
      decoder d{sequence{diffusion{canvases, canvas_settings{.length = 2, .steps = 1}, orders::energy{scorer, 2}},
                         all.source()}};
      d.run(prompt(), [](generated_token) {});
      law[{d.output()[0].token, d.output()[1].token}] += all.probability();
    });
    const auto q = [&](const token_list& x) {
      double product = 1.0;
      for (std::size_t i = 0; i < 2; ++i) {
        row p(2);
        net.conditional(prompt(), token_list{2, 2}, i, p);
        product *= at(p, x[i]);
      }
      return product;
    };
    const auto p = [&](const token_list& x) {
      double product = 1.0;
      token_list text = prompt();
      for (const token_id t : x) {
        const narrow_law after{scores, text};
        product *= after.view()(t);
        text.push_back(t);
      }
      return product;
    };
    const auto weight = [&](const token_list& x) {
      return how == weighing::right ? p(x) / q(x) : how == weighing::wrong_sign ? q(x) / p(x) : p(x);
    };
    testing::canvas_law expected;
    for (const token_list& x : {token_list{0, 0}, token_list{0, 1}, token_list{1, 0}, token_list{1, 1}}) {
      for (const token_list& y : {token_list{0, 0}, token_list{0, 1}, token_list{1, 0}, token_list{1, 1}}) {
        const double either = weight(x) + weight(y);
        expected[x] += q(x) * q(y) * weight(x) / either;
        expected[y] += q(x) * q(y) * weight(y) / either;
      }
    }
    if (testing::total_variation(law, expected) > 1e-6) v.fail("law");
  }
  return v;
}

TEST_CASE("energy mutants") {
  const book all{"energy"};
  all.sound("double without a fault", hear(weighing::right));
  all.wrong("energy with the wrong sign", hear(weighing::wrong_sign));
  all.wrong("energy without q", hear(weighing::without_q));
}

TEST_CASE("diffusion mutants") {
  const book all{"diffusion"};
  all.sound("ancestral double without a fault", hear(method::ancestral, 3, sampler_fault::none));
  all.sound("quota double without a fault", hear(method::quota, 2, sampler_fault::none));
  all.sound("threshold double without a fault", hear(method::threshold, 1, sampler_fault::none));
  all.wrong("mask emitted", hear(method::ancestral, 2, sampler_fault::mask_emitted));
  all.wrong("given token changed", hear(method::ancestral, 2, sampler_fault::given_changed));
  all.wrong("filled positions drawn again", hear(method::ancestral, 2, sampler_fault::drawn_again));
  all.wrong("stale rows", hear(method::ancestral, 3, sampler_fault::stale_rows));
  all.wrong("rows never reused", hear(method::ancestral, 3, sampler_fault::rows_never_reused));
  all.wrong("row of the next position", hear(method::ancestral, 2, sampler_fault::next_row));
  all.wrong("inverted ratio", hear(method::ancestral, 3, sampler_fault::inverted_ratio));
  all.wrong("grid one step late", hear(method::ancestral, 3, sampler_fault::late_grid));
  all.wrong("quota one too large", hear(method::quota, 2, sampler_fault::quota_too_large));
  all.wrong("quota one too small", hear(method::quota, 2, sampler_fault::quota_too_small));
  all.wrong("least confident first", hear(method::quota, 2, sampler_fault::least_confident));
  all.wrong("threshold on the largest probability", hear(method::threshold, 1, sampler_fault::maximum_compared));
  all.wrong("threshold may fill nothing", hear(method::threshold, 1, sampler_fault::nothing_sure));
}

}  // namespace
