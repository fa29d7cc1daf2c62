// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <proviso/core/block.hpp>
#include <proviso/core/types.hpp>

namespace cli {

/// What drafting costs on this machine, in units of an evaluation of one token by the model that decodes.
struct costs {
  double draft = 0.05;   ///< to draft a token
  double verify = 0.06;  ///< of one more token in an evaluation by the model that decodes

  /// Whether drafts of a model can pay at all. A drafter must also read the prompt and every token that it did not
  /// draft, so that even good drafts lose where a token of them costs as much as this.
  bool pay() const noexcept { return draft + verify < 0.5; }
};

/// The step of a scale that a cost is nearest to by ratio, so that measurements of one machine agree.
inline double nearest_step(double cost, std::initializer_list<double> steps) {
  const auto far = [&](double step) { return std::abs(std::log((std::max)(cost, 1e-3) / step)); };
  return *std::min_element(steps.begin(), steps.end(), [&](double a, double b) { return far(a) < far(b); });
}

/// From the seconds of evaluations of one and of `wide` tokens by the model that decodes, and of one by the drafter.
inline costs costs_from(double one, double several, std::size_t wide, double drafted) {
  const double more = (several / one - 1.0) / static_cast<double>(wide - 1);
  return {nearest_step(drafted / one, {0.05, 0.1, 0.2, 0.4, 0.8}),
          nearest_step(more, {0.06, 0.12, 0.2, 0.3, 0.45, 0.65, 0.9})};
}

/// Measures the costs by the fastest of a few evaluations, in turns: what else the machine does only makes them slower.
/// `draft` may be null: then drafting costs what it costs by default. Requirement: the models hold five tokens; else
/// the result is the default, too.
template <class Model>
costs measured_costs(Model& base, Model* draft) {
  constexpr std::size_t wide = 5;
  constexpr int turns = 15;
  const std::vector<proviso::token_id> text(wide, 0);
  using session = decltype(base.open());
  session target = base.open();
  std::optional<session> drafter;
  if (draft != nullptr) drafter.emplace(draft->open());
  if (target.capacity() < wide || (drafter && drafter->capacity() < wide)) return {};
  const auto seconds = [&](session& s, std::size_t tokens) {
    s.rewind(0);
    const auto begin = std::chrono::steady_clock::now();
    s.eval(proviso::chain_block{std::span{text}.first(tokens), tokens});
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  constexpr double never = std::numeric_limits<double>::infinity();
  double one = never, several = never, drafted = never;
  for (int i = 0; i < turns; ++i) {
    one = (std::min)(one, seconds(target, 1));
    several = (std::min)(several, seconds(target, wide));
    if (drafter) drafted = (std::min)(drafted, seconds(*drafter, 1));
  }
  return costs_from(one, several, wide, drafter ? drafted : costs{}.draft * one);
}

}  // namespace cli
