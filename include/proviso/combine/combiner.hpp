// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

#include <proviso/core/law.hpp>
#include <proviso/core/list.hpp>

namespace proviso {
inline namespace v0 {

/// Combines the laws of several models, each after the transforms, into one law. `laws[i]` is that of model `i`, always
/// the same model, whoever proposes or verifies. The result may lie in `out`; it is the same for the same laws.
template <class C>
concept law_combiner = requires(const C& c, std::span<const law_view> laws, law_buffer& out) {
  { c(laws, out) } -> std::same_as<law_view>;
};

/// Combines the rows of logits of several models into one row; the transforms act on that one. `rows[i]` is that of
/// model `i`; all rows and `out` have one entry per token. -infinity bans a token; NaN must not get lost.
template <class C>
concept row_combiner = requires(const C& c, std::span<const std::span<const float>> rows, std::span<float> out) {
  c(rows, out);
};

/// One of the two. Optional: `check(n)` throws `std::invalid_argument` when it cannot combine `n` models.
template <class C>
concept combiner = law_combiner<C> || row_combiner<C>;

/// Explains, in sentences, which requirement of `combiner` a type misses. Always true when it compiles.
template <class C>
consteval bool explain_combiner() {
  static_assert(
      combiner<C>,
      "proviso: a combiner needs `law_view operator()(std::span<const law_view>, law_buffer&) const`, or `void "
      "operator()(std::span<const std::span<const float>> rows, std::span<float> out) const` - and it stands "
      "before the models.");
  constexpr bool checks = requires(const C& c, std::size_t n) { c.check(n); };
  constexpr bool nearly = requires { &C::check; }
  || requires { &C::checks; }
  || requires { &C::check_models; };
  static_assert(
      checks || !nearly,
      "proviso: the hook that checks the number of models is `check(std::size_t models) const`; this combiner "
      "has one with almost that name or with other arguments.");
  return true;
}

namespace combine {

/// One weight per model: not negative, with sum 1.
class weights {
 public:
  /// `owner` names the combiner in errors. Throws `std::invalid_argument`.
  weights(const char* owner, std::span<const double> values) : owner_{owner} {
    detail::copy(values, values_);
    double sum = 0.0;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (!(values_[i] >= 0.0)) {
        throw std::invalid_argument("proviso: " + std::string{owner_} + ": weight " + std::to_string(i) + " is " +
                                    std::to_string(values_[i]) + ", but weights must not be negative or NaN");
      }
      sum += values_[i];
    }
    if (values_.empty()) {
      throw std::invalid_argument("proviso: " + std::string{owner_} +
                                  ": there are no weights; one per model is needed");
    }
    if (!(sum > 1.0 - 1e-6 && sum < 1.0 + 1e-6)) {
      throw std::invalid_argument("proviso: " + std::string{owner_} + ": the weights add up to " + std::to_string(sum) +
                                  ", but must add up to 1");
    }
  }
  /// Throws `std::invalid_argument` unless there are `models` weights.
  void check(std::size_t models) const {
    if (models == values_.size()) return;
    throw std::invalid_argument("proviso: " + std::string{owner_} + ": there are " + std::to_string(values_.size()) +
                                " weights for " + std::to_string(models) + " models");
  }
  double operator[](std::size_t i) const noexcept { return values_[i]; }

 private:
  const char* owner_;
  detail::list<double> values_;
};

}  // namespace combine
}  // namespace v0
}  // namespace proviso
