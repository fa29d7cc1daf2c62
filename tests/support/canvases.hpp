// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <proviso/core/canvas.hpp>
#include <proviso/core/canvas_step.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/random.hpp>
#include <proviso/testing/enumerator.hpp>
#include <proviso/transforms/temperature.hpp>

namespace support {

using proviso::token_id;

/// One step on a canvas whose rows are given as probabilities. The last token is the mask; its logit is large.
class canvas_trial {
 public:
  using tokens = std::vector<token_id>;

  canvas_trial(tokens canvas, std::vector<std::vector<double>> laws, double temperature = 1.0)
      : start_{std::move(canvas)}, cols_{laws[0].size() + 1}, shape_{static_cast<float>(temperature)} {
    for (const std::vector<double>& law : laws) {
      for (const double p : law) rows_.push_back(static_cast<float>(std::log(p)));
      rows_.push_back(9.0F);
    }
    plan.end = start_.size();
    for (const token_id t : start_) plan.total += static_cast<std::size_t>(t == mask());
  }

  token_id mask() const { return static_cast<token_id>(cols_ - 1); }

  /// The law of the canvas after the step; tokens of `from` that `start` masks count as filled in earlier steps.
  template <class Order>
  std::map<tokens, double> law(Order order, const tokens& from) {
    std::map<tokens, double> result;
    proviso::testing::enumerator all;
    auto source = all.source();
    all.run([&] {
      const tokens outcome = run(order, from, proviso::random_ref{source});
      result[outcome] += all.probability();
    });
    return result;
  }
  template <class Order>
  std::map<tokens, double> law(Order order) {
    return law(order, start_);
  }
  /// The canvas after a step that has one outcome.
  template <class Order>
  tokens after(Order order) {
    return law(order).begin()->first;
  }

  template <class Order>
  tokens run(Order order, const tokens& from, proviso::random_ref random) {
    proviso::canvas canvas;
    canvas.start(start_, mask());
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (canvas.masked(i) && from[i] != mask()) canvas.fill(i, from[i], 1.0);
    }
    proviso::canvas_memory memory;
    proviso::canvas_step s{canvas, memory, plan, {}, shape_, random};
    const proviso::logits_rows rows{proviso::logits_view<float>{rows_.data(), rows_.size() / cols_, cols_}};
    needed = true;
    if constexpr (requires { order.prepare(s); }) needed = order.prepare(s);
    if (needed) {
      s.give(rows, 0, start_.size());
      order(s);
    }
    return {canvas.tokens().begin(), canvas.tokens().end()};
  }

  proviso::canvas_plan plan{};
  bool needed = false;  ///< whether the last run asked for rows

 private:
  tokens start_;
  std::size_t cols_;
  proviso::transforms::temperature shape_;
  std::vector<float> rows_;
};

inline bool close(double a, double b) { return std::abs(a - b) < 1e-6; }

}  // namespace support
