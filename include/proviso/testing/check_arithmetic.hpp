// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include <proviso/core/numeric.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// Compares the arithmetic of laws with constants of its own, as this translation unit is compiled: the exponential
/// alone and in rows, the logarithm, the sum of a row, and whether NaN is seen. Options of compilers that allow other
/// arithmetic would bend a law and the law it is compared with alike; this is where they are found.
/// Returns a sentence about the first fault; empty when there is none. `prove_lossless` and `check_model` ask it.
inline std::string check_arithmetic() {
  struct point {
    double x;
    double value;  // correctly rounded
  };
  static constexpr point exponentials[] = {{0.0, 1.0},
                                           {-0.0009765625, 0.99902391418197567},
                                           {-0.125, 0.88249690258459546},
                                           {-0.34375, 0.70910618243739842},
                                           {-0.3515625, 0.70358787434562753},
                                           {-0.5, 0.60653065971263342},
                                           {-1.0, 0.36787944117144233},
                                           {-1.5, 0.22313016014842982},
                                           {-2.0, 0.1353352832366127},
                                           {-3.25, 0.038774207831722009},
                                           {-5.0, 0.006737946999085467},
                                           {-9.75, 5.8294663730868811e-05},
                                           {-17.5, 2.5109991557439819e-08},
                                           {-30.125, 8.2580732855559203e-14},
                                           {-43.5, 1.2828918236087849e-19},
                                           {-60.25, 6.8195774389612351e-27},
                                           {-86.5, 2.7134843139867624e-38}};
  static constexpr point logarithms[] = {{1.0, 0.0},
                                         {0.75, -0.2876820724517809},
                                         {0.5, -0.69314718055994529},
                                         {0.1, -2.3025850929940455},
                                         {0.001, -6.9077552789821368},
                                         {1e-30, -69.077552789821368}};
  const auto fault = [](const char* what, double x, double got, double expected) {
    return "proviso: " + std::string{what} + " of " + std::to_string(x) + " is off by " +
           std::to_string((got - expected) / expected * 100.0) +
           " %: this program was compiled with options that allow other arithmetic";
  };
  const auto wrong = [](double got, double expected, double tolerance) {
    return !(std::abs(got - expected) <= tolerance * std::abs(expected));
  };

  constexpr std::size_t count = std::size(exponentials);
  constexpr std::size_t size = 8 * count;  // a whole piece of a vectorised loop and a rest
  std::vector<float> row(size);
  for (std::size_t i = 0; i < size; ++i) row[i] = static_cast<float>(exponentials[i % count].x) + 1.0F;
  std::vector<float> weights(size);
  const double total = numeric::exp_weights(row, 1.0F, 1.0F, weights);
  double expected_total = 0.0;
  for (std::size_t i = 0; i < size; ++i) {
    const point& p = exponentials[i % count];
    const double alone = static_cast<double>(numeric::exp_nonpositive(row[i] - 1.0F));
    if (wrong(alone, p.value, 3e-7)) return fault("the exponential", p.x, alone, p.value);
    if (wrong(static_cast<double>(weights[i]), p.value, 3e-7)) {
      return fault("the exponential in a row", p.x, static_cast<double>(weights[i]), p.value);
    }
    expected_total += p.value;
  }
  if (wrong(total, expected_total, 3e-7)) return "proviso: the sum of a row is not that of its entries";
  for (const point& p : logarithms) {
    const double got = numeric::log(p.x);
    if (std::abs(got - p.value) > 1e-14 * (1.0 + std::abs(p.value))) return fault("the logarithm", p.x, got, p.value);
  }
  volatile std::uint32_t bits = 0x7FC00000U;  // NaN, unknown to the compiler
  row[size / 2] = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  if (!numeric::maximum(row).has_nan) {
    return "proviso: NaN in a row is not seen: this program was compiled with options that allow other arithmetic";
  }
  return {};
}

}  // namespace testing
}  // namespace v0
}  // namespace proviso
