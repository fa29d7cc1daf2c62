// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include <fmt/format.h>

#include <proviso/backends/eigen/transformer.hpp>
#include <proviso/drafters/prompt_lookup.hpp>
#include <proviso/drafters/suffix.hpp>
#include <proviso/proviso.hpp>
#include <proviso/transforms/min_p.hpp>
#include <proviso/transforms/top_k.hpp>
#include <proviso/transforms/top_p.hpp>

namespace cli {

using model = proviso::eigen::transformer;

/// How the law of a row is shaped: temperature, then the truncations that are set, in this order.
class sampling {
 public:
  /// Throws `std::invalid_argument` for a temperature that is negative or not finite.
  explicit sampling(float temperature) : temperature_{temperature} {}

  void top_k(std::size_t count) { top_k_.emplace(count); }
  void top_p(double mass) { top_p_.emplace(mass); }
  void min_p(double share) { min_p_.emplace(share); }
  float temperature() const noexcept { return temperature_.value(); }

  void operator()(proviso::law_builder& row, const proviso::text_position& where) const {
    temperature_(row, where);
    if (top_k_) (*top_k_)(row, where);
    if (top_p_) (*top_p_)(row, where);
    if (min_p_) (*min_p_)(row, where);
  }

 private:
  proviso::transforms::temperature temperature_;
  std::optional<proviso::transforms::top_k> top_k_;
  std::optional<proviso::transforms::top_p> top_p_;
  std::optional<proviso::transforms::min_p> min_p_;
};

/// A draft length that is chosen on the command line.
class draft_length {
 public:
  explicit draft_length(proviso::lengths::fixed policy) : policy_{policy} {}
  explicit draft_length(proviso::lengths::heuristic policy) : policy_{policy} {}

  std::size_t limit() const {
    return std::visit([](const auto& p) { return p.limit(); }, policy_);
  }
  void start() {
    std::visit([](auto& p) { p.start(); }, policy_);
  }
  bool proceed(std::size_t depth, const proviso::law_view& q) const {
    return std::visit([&](const auto& p) { return p.proceed(depth, q); }, policy_);
  }
  void observe(const proviso::feedback& f) {
    std::visit([&](auto& p) { p.observe(f); }, policy_);
  }

 private:
  std::variant<proviso::lengths::fixed, proviso::lengths::heuristic> policy_;
};

/// What a method is made from.
struct ingredients {
  model* base = nullptr;
  model* draft = nullptr;  ///< null where no method in use needs it
  sampling shape{0.0F};
  std::optional<std::size_t> draft_length;  ///< else the method's own
  bool adaptive_length = false;             ///< `lengths::heuristic` instead of `lengths::fixed`
  std::uint64_t seed = 0;
};

/// What a method promises: the text of plain decoding with the same seed, or its law (at temperature 0 that is the
/// same text), or neither.
enum class promise : unsigned char { same_text, same_law, nothing };

/// A way to decode: a drafter and a rule.
struct method {
  std::string_view name;     ///< drafter-rule, or "plain"
  std::string_view summary;  ///< one line for the user
  bool needs_draft;          ///< uses the draft model
  promise keeps;             ///< what it promises about its text
  bool greedy;               ///< decodes at temperature 0 whatever is asked for
  std::size_t draft_length;  ///< tokens drafted per round at most
  proviso::decoder (*make)(const ingredients&, std::size_t draft_length);
};

namespace detail {

template <class Drafter, class Rule>
proviso::decoder speculate(const ingredients& in, std::size_t most) {
  const auto drafter = [&] {
    if constexpr (std::is_constructible_v<Drafter, model&>) {
      return Drafter{*in.draft};
    } else {
      return Drafter{};
    }
  };
  const draft_length length = in.adaptive_length ? draft_length{proviso::lengths::heuristic{most, most}}
                                                 : draft_length{proviso::lengths::fixed{most}};
  return proviso::decoder{proviso::speculative{*in.base, drafter(), Rule{}, in.shape, length}, in.seed};
}

inline proviso::decoder plain(const ingredients& in, std::size_t) {
  return proviso::decoder{proviso::autoregressive{*in.base, in.shape}, in.seed};
}

}  // namespace detail

/// Every method. A new one is a new row.
inline const auto& methods() {
  namespace drafters = proviso::drafters;
  namespace rules = proviso::rules;
  using detail::plain, detail::speculate;
  using enum promise;
  static constexpr std::array table{
      method{"plain", "one call of the model per token", false, same_text, false, 0, &plain},
      method{"draft-token", "a small model drafts; accepted with probability min(1, p/q)", true, same_law, false, 3,
             &speculate<drafters::model<model>, rules::token>},
      method{"draft-match", "a small model drafts; accepted where plain decoding draws the same", true, same_text,
             false, 3, &speculate<drafters::model<model>, rules::match>},
      method{"draft-greedy", "a small model drafts; accepted where it is most probable", true, same_text, true, 3,
             &speculate<drafters::model<model>, rules::greedy>},
      method{"lookup-token", "copies from the text so far; accepted with probability p", false, same_law, false, 6,
             &speculate<drafters::prompt_lookup, rules::token>},
      method{"lookup-match", "copies from the text so far; accepted where plain decoding draws the same", false,
             same_text, false, 6, &speculate<drafters::prompt_lookup, rules::match>},
      method{"suffix-token", "copies after the longest repetition; accepted with probability p", false, same_law, false,
             6, &speculate<drafters::suffix, rules::token>},
      method{"suffix-match", "copies after the longest repetition; accepted as lookup-match", false, same_text, false,
             6, &speculate<drafters::suffix, rules::match>},
      method{"none-match", "speculative decoding without a drafter", false, same_text, false, 0,
             &speculate<drafters::none, rules::match>}};
  return table;
}

/// The method of this name. Throws `std::invalid_argument` that lists the names.
inline const method& find_method(std::string_view name) {
  std::string names;
  for (const method& m : methods()) {
    if (m.name == name) return m;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", m.name);
  }
  throw std::invalid_argument(fmt::format("there is no method '{}'; choose from {}", name, names));
}

/// A decoder of a method. Throws `std::invalid_argument` where the method cannot honour the temperature.
inline proviso::decoder make_decoder(const method& m, const ingredients& in) {
  if (m.greedy && in.shape.temperature() > 0.0F) {
    throw std::invalid_argument(fmt::format("{} decodes at temperature 0 only", m.name));
  }
  return m.make(in, m.draft_length == 0 ? 0 : in.draft_length.value_or(m.draft_length));
}

}  // namespace cli
