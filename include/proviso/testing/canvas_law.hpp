// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <proviso/core/canvas.hpp>
#include <proviso/core/canvas_step.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>
#include <proviso/model/denoiser.hpp>
#include <proviso/schedules/log_linear.hpp>
#include <proviso/testing/enumerator.hpp>
#include <proviso/transforms/temperature.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// A law over canvases.
using canvas_law = std::map<std::vector<token_id>, double>;

/// What a sampler does, exactly.
struct canvas_report {
  canvas_law law;            ///< of the finished canvas
  double evaluations = 0.0;  ///< expected number
};

/// Computes the law of a sampler of one window from the laws of its steps: every step of the real order is enumerated
/// on every canvas that can be reached, and the probabilities are carried from step to step. So long samplers stay
/// cheap: the cost grows with the number of canvases, (vocabulary + 1)^length, times the steps.
///
///     testing::markov_denoiser d{chain};
///     testing::canvas_sampler sampler{d, prompt};
///     auto report = sampler.run(orders::ancestral{}, canvas, 16);     // 16 steps
///
/// Requirement: the denoiser depends on prefix and canvas alone.
template <denoiser D>
class canvas_sampler {
 public:
  canvas_sampler(D& d, std::span<const token_id> prefix, float temperature = 1.0F)
      : denoiser_{&d}, prefix_{prefix.begin(), prefix.end()}, shape_{temperature} {}

  /// The law of the canvas after one step of `order` from `from`; `evaluated` says whether the step needs rows.
  template <canvas_order O>
  canvas_law step(O order, const std::vector<token_id>& from, canvas_plan plan, bool& evaluated) {
    canvas_law to;
    enumerator all;
    auto source = all.source();
    plan.end = from.size();
    evaluated = false;
    all.run([&] {
      canvas_.start(std::span<const token_id>{given_.empty() ? from : given_}, denoiser_->mask_token());
      for (std::size_t i = 0; i < from.size(); ++i) {
        if (canvas_.masked(i) && from[i] != denoiser_->mask_token()) canvas_.fill(i, from[i], 1.0);
      }
      canvas_step s{canvas_, memory_, plan, prefix_, shape_, random_ref{source}};
      bool needs = true;
      const bool last = O::scheduled && plan.step >= plan.steps;
      if constexpr (requires { order.prepare(s); }) needs = last || order.prepare(s);
      if (needs) {
        evaluated = true;
        const std::vector<float>& rows = rows_of(from, s);
        const std::size_t cols = denoiser_->vocab_size();
        const logits_rows view{logits_view<float>{rows.data(), rows.size() / cols, cols}};
        s.give(view, 0, from.size());
        if (last) {
          for (std::size_t i = 0; i < s.masked(); ++i) s.fill(i);
        } else {
          order(s);
        }
      }
      to[{canvas_.tokens().begin(), canvas_.tokens().end()}] += all.probability();
      chances_[{from, {canvas_.tokens().begin(), canvas_.tokens().end()}}] += needs ? all.probability() : 0.0;
    });
    return to;
  }

  /// The whole sampler from the canvas `given`, whose masks are filled in at most `steps` planned steps.
  template <canvas_order O, masking_schedule S = schedules::log_linear>
  canvas_report run(O order, const std::vector<token_id>& given, std::size_t steps = 1, S schedule = S{}) {
    given_ = given;
    rows_.clear();
    canvas_report report;
    std::size_t masked = 0;
    for (const token_id t : given) masked += static_cast<std::size_t>(t == denoiser_->mask_token());
    // Mass of a canvas, split by whether rows of it are at hand.
    std::map<std::vector<token_id>, std::pair<double, double>> now{{given, {1.0, 0.0}}};
    for (std::size_t step = 0; !now.empty(); ++step) {
      std::map<std::vector<token_id>, std::pair<double, double>> next;
      canvas_plan plan{0, given.size(), step, steps, masked, 0.0};
      if (O::scheduled && step < steps) {
        const auto n = static_cast<double>(steps);
        plan.stay =
            stay_masked(schedule, static_cast<double>(steps - step) / n, static_cast<double>(steps - step - 1) / n);
      }
      for (const auto& [from, mass] : now) {
        if (count_masks(from) == 0) {
          report.law[from] += mass.first + mass.second;
          continue;
        }
        chances_.clear();
        bool evaluated = false;
        const canvas_law to = this->step(order, from, plan, evaluated);
        for (const auto& [canvas_after, p] : to) {
          const double needed = chances_[{from, canvas_after}];
          report.evaluations += mass.first * needed;
          auto& place = next[canvas_after];
          if (canvas_after != from) {
            place.first += (mass.first + mass.second) * p;
          } else {
            place.first += mass.first * (p - needed);
            place.second += mass.first * needed + mass.second * p;
          }
        }
      }
      now = std::move(next);
    }
    given_.clear();
    return report;
  }

 private:
  std::size_t count_masks(const std::vector<token_id>& tokens) const {
    std::size_t count = 0;
    for (const token_id t : tokens) count += static_cast<std::size_t>(t == denoiser_->mask_token());
    return count;
  }
  /// Rows of a canvas, and one per filled position with a mask in its place.
  const std::vector<float>& rows_of(const std::vector<token_id>& from, const canvas_step& s) {
    std::vector<float>& rows = rows_[from];
    if (!rows.empty()) return rows;
    add(rows, from, 0, from.size());
    for (std::size_t k = 0; k < s.filled(); ++k) {
      std::vector<token_id> without = from;
      without[s.filled_position(k)] = denoiser_->mask_token();
      add(rows, without, s.filled_position(k), 1);
    }
    return rows;
  }
  void add(std::vector<float>& rows, const std::vector<token_id>& canvas_tokens, std::size_t first, std::size_t count) {
    const auto view = denoiser_->score(std::span<const token_id>{prefix_}, std::span<const token_id>{canvas_tokens});
    for (std::size_t i = first; i < first + count; ++i) rows.insert(rows.end(), view.row(i).begin(), view.row(i).end());
  }

  D* denoiser_;
  std::vector<token_id> prefix_;
  transforms::temperature shape_;
  std::vector<token_id> given_;
  canvas canvas_;
  canvas_memory memory_;
  std::map<std::vector<token_id>, std::vector<float>> rows_;
  std::map<std::pair<std::vector<token_id>, std::vector<token_id>>, double> chances_;
};

/// Half the sum of |a - b| over all canvases.
inline double total_variation(const canvas_law& a, const canvas_law& b) {
  double sum = 0.0;
  for (const auto& [tokens, p] : a) {
    const auto other = b.find(tokens);
    const double q = other == b.end() ? 0.0 : other->second;
    sum += p < q ? q - p : p - q;
  }
  for (const auto& [tokens, q] : b) {
    if (a.find(tokens) == a.end()) sum += q;
  }
  return sum / 2.0;
}

}  // namespace testing
}  // namespace v0
}  // namespace proviso
