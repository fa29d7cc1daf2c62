// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include <proviso/backends/eigen/transformer.hpp>
#include <proviso/core/law_builder.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/lengths/cost_model.hpp>
#include <proviso/lengths/fixed.hpp>
#include <proviso/lengths/heuristic.hpp>
#include <proviso/transforms/min_p.hpp>
#include <proviso/transforms/temperature.hpp>
#include <proviso/transforms/top_k.hpp>
#include <proviso/transforms/top_p.hpp>

#include "costs.hpp"

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
  explicit draft_length(proviso::lengths::cost_model policy) : reads_laws{true}, policy_{policy} {}

  bool reads_laws = false;

  std::size_t limit() const {
    return std::visit([](const auto& p) { return p.limit(); }, policy_);
  }
  void start() {
    std::visit([](auto& p) { p.start(); }, policy_);
  }
  bool proceed(std::size_t depth, const proviso::law_view& q) {
    return std::visit([&](auto& p) { return p.proceed(depth, q); }, policy_);
  }
  void observe(const proviso::feedback& f) {
    std::visit([&](auto& p) { p.observe(f); }, policy_);
  }

 private:
  std::variant<proviso::lengths::fixed, proviso::lengths::heuristic, proviso::lengths::cost_model> policy_;
};

/// What a method is made from.
struct ingredients {
  model* base = nullptr;
  model* draft = nullptr;  ///< null where no method in use needs it
  sampling shape{0.0F};
  std::optional<std::size_t> draft_length;  ///< else the method's own
  std::string_view lengths{};               ///< policy of `lengths` that chooses it, by its name; else the method's own
  std::uint64_t seed = 0;
  costs cost{};
  bool plainly = false;  ///< drafts nothing, because that cannot pay
};

/// What a method promises: the text of plain decoding with the same seed, or its law (at temperature 0 that is the
/// same text), or neither.
enum class promise : unsigned char { same_text, same_law, nothing };

/// A way to decode: a drafter and a rule.
struct method {
  std::string_view name;     ///< drafter-rule, the rule alone in a comparison of rules, or "plain"
  std::string_view summary;  ///< one line for the user
  bool needs_draft;          ///< uses the draft model
  promise keeps;             ///< what it promises about its text
  bool greedy;               ///< decodes at temperature 0 whatever is asked for
  std::size_t draft_length;  ///< depth of the draft at most
  proviso::decoder (*make)(const ingredients&, std::size_t draft_length);
  std::string_view like = "plain";     ///< the method whose text and law it has
  std::string_view lengths = "fixed";  ///< policy of `lengths`
};

/// Whether a method chooses its draft lengths by their costs; `lengths` is what the user chose.
bool minds_costs(const method& m, std::string_view lengths);
/// Whether it drafts with a model as far as that pays, and it cannot.
bool decodes_plainly(const method& m, std::string_view lengths, const costs& cost);
/// Every method.
std::span<const method> methods();
/// The method of this name. Throws `std::invalid_argument` that lists the names.
const method& find_method(std::string_view name);
/// Throws `std::invalid_argument` where the method cannot honour the temperature.
void check_temperature(const method& m, float temperature);
/// A decoder of a method. Errors: those of `check_temperature`.
proviso::decoder make_decoder(const method& m, const ingredients& in);

}  // namespace cli
