// SPDX-License-Identifier: Apache-2.0
#include <proviso/backends/eigen/kernels.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/backends/eigen/matrix.hpp>

#include "instruction_sets.hpp"
#include "support/catch.hpp"

using namespace proviso::eigen;
using eigen_test::instruction_sets;

namespace {

struct numbers {
  std::mt19937 source{3};
  float operator()() { return static_cast<float>(source() >> 8) / 8388608.0F - 1.0F; }
};

/// Rows of activations, ready for every kind of product.
struct activations {
  std::size_t columns;
  std::vector<std::vector<float>> rows;
  std::vector<const float*> in;
  std::vector<std::int8_t> digits;
  std::vector<float> unit;
  std::vector<std::int32_t> offset;
  fixed_point_rows fixed;
  bool whole;

  activations(std::size_t count, std::size_t width, const kernel_table& kernels, numbers& number)
      : columns{width}, whole{!kernels.layout.split} {
    const std::size_t block_stride = padded(count, fixed_point_rows_at_once) * 2 * fixed_point_columns;
    const std::size_t row_stride = 2 * padded(width, fixed_point_columns) + 64;
    digits.resize(padded(width, fixed_point_columns) / fixed_point_columns * block_stride + count * 64,
                  std::int8_t{77});
    unit.resize(count);
    offset.resize(2 * count);
    fixed = {digits.data(), block_stride, row_stride, unit.data(), offset.data()};
    for (std::size_t t = 0; t < count; ++t) {
      std::vector<float> row(padded(width));
      for (std::size_t i = 0; i < width; ++i) row[i] = number() * (i % 7 == 0 ? 3.0F : 0.1F);
      rows.push_back(row);
    }
    for (std::size_t t = 0; t < count; ++t) {
      in.push_back(rows[t].data());
      if (kernels.fix != nullptr) kernels.fix(rows[t].data(), padded(width), fixed, t);
    }
  }
};

/// Column `k` of fixed point row 0 as an integer.
int fixed_value(const activations& x, const kernel_table& kernels, std::size_t k) {
  const std::int8_t* block = x.digits.data() + k / 64 * x.fixed.block_stride;
  if (kernels.layout.split) return block[k % 64] + 256 * block[64 + k % 64];
  std::int16_t whole = 0;
  std::memcpy(&whole, x.digits.data() + 2 * k, sizeof whole);
  return whole;
}

std::vector<std::vector<float>> multiply(const packed_matrix& matrix, const activations& x, std::size_t first,
                                         std::size_t count, float start, bool add) {
  std::vector<std::vector<float>> out(count, std::vector<float>(matrix.rows(), start));
  std::vector<float*> pointers;
  for (auto& row : out) pointers.push_back(row.data());
  product call;
  call.tokens = count;
  call.x = x.in.data() + first;
  call.fixed = x.fixed;
  call.fixed.digits += first * (x.whole ? x.fixed.row_stride : 2 * fixed_point_columns);
  call.fixed.unit += first;
  call.fixed.offset += 2 * first;
  call.out = pointers.data();
  call.add = add;
  matrix.multiply(call, 0, matrix.panels());
  return out;
}

#if defined(__x86_64__)
/// AVX-VNNI as processors with AVX-512 spell it.
struct longer_encoding {
  [[gnu::target("avx2,fma")]] static void dot(__m256i& sum, __m256i weights, __m256i x) {
    asm("vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(weights), "x"(x));
  }
};
#endif

/// Kernels in integers that this machine runs.
std::vector<kernel_table> integer_kernels() {
  std::vector<kernel_table> all;
  for (instruction_set set : instruction_sets()) {
    if (kernels_of(set).fix != nullptr) all.push_back(kernels_of(set));
  }
#if defined(__x86_64__)
  if (runs(instruction_set::vnni) && __builtin_cpu_supports("avx512vl") != 0) {
    all.push_back(kernels_of(instruction_set::avx2));
    all.back().name = "AVX-VNNI as AVX-512";
    all.back().multiply_i8 = &madd::multiply<longer_encoding>;
  }
#endif
  return all;
}

}  // namespace

TEST_CASE("products are right, and the same for any number of tokens and panels") {
  numbers number;
  for (instruction_set set : instruction_sets()) {
    const kernel_table kernels = kernels_of(set);
    for (weight_storage storage : {weight_storage::f32, weight_storage::f16, weight_storage::i8}) {
      for (std::size_t columns : {std::size_t{5}, std::size_t{64}, std::size_t{200}}) {
        for (std::size_t height : {std::size_t{16}, std::size_t{40}, std::size_t{150}}) {
          packed_matrix matrix(height, columns, storage, kernels);
          std::vector<std::vector<double>> weights(height, std::vector<double>(columns));
          for (std::size_t r = 0; r < height; ++r) {
            if (storage == weight_storage::i8) {
              std::vector<std::int8_t> row(columns);
              const float scale = 0.01F + 0.001F * static_cast<float>(r % 10);
              for (std::size_t k = 0; k < columns; ++k) {
                row[k] = static_cast<std::int8_t>(128.0F * number());
                weights[r][k] = static_cast<double>(row[k]) * static_cast<double>(scale);
              }
              matrix.set_row(r, row, scale);
            } else {
              std::vector<float> row(columns);
              for (std::size_t k = 0; k < columns; ++k) {
                row[k] = storage == weight_storage::f16 ? static_cast<float>(Eigen::half(number())) : number();
                weights[r][k] = static_cast<double>(row[k]);
              }
              matrix.set_row(r, row);
            }
          }
          const std::size_t count = 18;
          const activations x(count, columns, kernels, number);
          const auto all = multiply(matrix, x, 0, count, -7.0F, false);
          double worst = 0.0;
          for (std::size_t t = 0; t < count; ++t) {
            for (std::size_t r = 0; r < height; ++r) {
              // Fixed point: an activation is off by a share of the largest in its row. Floats: by a share of itself.
              float largest = 0.0F;
              for (float value : x.rows[t]) largest = std::max(largest, matrix.fixed() ? std::fabs(value) : 0.0F);
              double sum = 0.0;
              double size = 1e-30;
              for (std::size_t k = 0; k < columns; ++k) {
                sum += weights[r][k] * static_cast<double>(x.rows[t][k]);
                size += std::fabs(weights[r][k]) * static_cast<double>(std::max(largest, std::fabs(x.rows[t][k])));
              }
              worst = std::max(worst, std::fabs(sum - static_cast<double>(all[t][r])) / size);
            }
          }
          INFO(kernels.name << " storage " << static_cast<int>(storage) << " " << height << " x " << columns);
          CHECK(worst < (matrix.fixed() ? 1.6e-5 : 5e-7));
          for (std::size_t width = 1; width <= 9; ++width) {
            const auto some = multiply(matrix, x, width, width, 0.5F, false);
            for (std::size_t t = 0; t < width; ++t) CHECK(some[t] == all[width + t]);
          }
          const auto added = multiply(matrix, x, 0, 3, 0.5F, true);
          for (std::size_t t = 0; t < 3; ++t) {
            for (std::size_t r = 0; r < height; ++r) {
              // Rounded once or twice.
              const float expected = all[t][r] + 0.5F;
              CHECK(std::fabs(added[t][r] - expected) <= 2e-7F * (std::fabs(all[t][r]) + 0.5F));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("integer products are exact sums rounded as documented, with the same bits on every instruction set") {
  numbers number;
  for (const kernel_table& kernels : integer_kernels()) {
    for (std::size_t columns : {5U, 320U, 512U, 576U, 736U, 1024U, 1088U, 3000U}) {
      for (bool extreme : {false, true}) {
        const std::size_t height = 80;
        const std::size_t count = 13;
        packed_matrix matrix(height, columns, weight_storage::i8, kernels);
        std::vector<std::vector<std::int8_t>> weights(height, std::vector<std::int8_t>(columns));
        for (std::size_t r = 0; r < height; ++r) {
          for (std::int8_t& w : weights[r]) w = static_cast<std::int8_t>(128.0F * number());
          // The largest sums there can be, of either sign.
          if (extreme && r % 3 != 0)
            std::fill(weights[r].begin(), weights[r].end(), std::int8_t(r % 3 == 1 ? 127 : -128));
          matrix.set_row(r, weights[r], 0.01F + 0.001F * static_cast<float>(r));
        }
        activations x(count, columns, kernels, number);
        for (std::size_t t = 0; extreme && t < count; t += 2) {
          std::fill_n(x.rows[t].begin(), columns, t % 4 == 0 ? 1.5F : -1.5F);
          kernels.fix(x.rows[t].data(), padded(columns), x.fixed, t);
        }
        INFO(kernels.name << ", " << columns << " columns, extreme: " << extreme);
        std::size_t wrong = 0;
        for (std::size_t size : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 13U}) {
          const auto out = multiply(matrix, x, 0, size, 0.25F, false);
          const auto added = multiply(matrix, x, 0, size, 0.25F, true);
          for (std::size_t t = 0; t < size; ++t) {
            float largest = 0.0F;
            for (float value : x.rows[t]) largest = std::max(largest, std::fabs(value));
            const float factor = fixed_point_levels / largest;
            const float unit = largest / fixed_point_levels;
            for (std::size_t r = 0; r < height; ++r) {
              std::int64_t sum = 0;
              for (std::size_t k = 0; k < columns; ++k) {
                sum += weights[r][k] * static_cast<std::int64_t>(std::nearbyint(x.rows[t][k] * factor));
              }
              const float value = std::fma(static_cast<float>(sum >> 8), 256.0F, static_cast<float>(sum & 255));
              if (columns <= 1024) wrong += value != static_cast<float>(sum);
              const float scale = unit * (0.01F + 0.001F * static_cast<float>(r));
              wrong += out[t][r] != value * scale;
              wrong += added[t][r] != std::fma(value, scale, 0.25F);
            }
          }
        }
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("fixed point rows hold 16 bits, and rows that are not finite give no number") {
  for (instruction_set set : instruction_sets()) {
    const kernel_table kernels = kernels_of(set);
    if (kernels.fix == nullptr) continue;
    numbers number;
    for (float largest : {1e-37F, 1e-20F, 0.9999999F, 1.0F, 1.9999998F, 1.984F, 1.99F, 3.0F, 1e20F}) {
      activations x(1, 64, kernels, number);
      for (float& value : x.rows[0]) value *= largest / 4.0F;
      x.rows[0][5] = -largest;
      x.rows[0][6] = largest;
      kernels.fix(x.rows[0].data(), 64, x.fixed, 0);
      std::int64_t sums[2] = {};
      for (std::size_t k = 0; k < 64; ++k) {
        for (std::size_t i = 0; i < 2; ++i) sums[i] += x.digits[i * 64 + k];
        const double value = static_cast<double>(x.unit[0]) * fixed_value(x, kernels, k);
        if (largest < 1e-30F) continue;  // so small that the unit is clamped
        CHECK(std::fabs(value - static_cast<double>(x.rows[0][k])) <= static_cast<double>(largest) * 1.54e-5);
      }
      for (std::size_t i = 0; i < 2 && kernels.layout.shifted; ++i) CHECK(x.offset[i] == 128 * sums[i]);
    }
    for (float odd : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                      std::numeric_limits<float>::quiet_NaN()}) {
      activations x(1, 64, kernels, number);
      x.rows[0][3] = odd;
      kernels.fix(x.rows[0].data(), 64, x.fixed, 0);
      CHECK(std::isnan(x.unit[0]));
    }
  }
}

TEST_CASE("exponentials, gates and norms are right") {
  numbers number;
  for (instruction_set set : instruction_sets()) {
    const kernel_table kernels = kernels_of(set);
    INFO(kernels.name);
    for (std::size_t size = 1; size < 70; ++size) {
      std::vector<float> scores(padded(size) + 16, 123.0F);
      for (std::size_t i = 0; i < size; ++i) scores[i] = 40.0F * number();
      const std::vector<float> before = scores;
      const float largest = *std::max_element(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(size));
      const float sum = kernels.exponentials(scores.data(), size);
      double total = 0.0;
      for (std::size_t i = 0; i < size; ++i) {
        const double expected = std::exp(static_cast<double>(before[i] - largest));
        total += expected;
        CHECK(std::fabs(static_cast<double>(scores[i]) - expected) <= 4e-7 * expected + 1e-37);
      }
      CHECK(std::fabs(static_cast<double>(sum) - total) <= 1e-6 * total);
      for (std::size_t i = size; i < padded(size); ++i) CHECK(scores[i] == 0.0F);
      CHECK(scores[padded(size)] == 123.0F);
    }

    std::vector<float> gate_up(128);
    for (float& x : gate_up) x = 30.0F * number();
    gate_up[0] = 200.0F;
    gate_up[1] = -200.0F;
    std::vector<float> out(64);
    kernels.gated(gate_up.data(), out.data(), 4);
    for (std::size_t i = 0; i < 64; ++i) {
      const double gate = static_cast<double>(gate_up[i / 16 * 32 + i % 16]);
      const double up = static_cast<double>(gate_up[i / 16 * 32 + 16 + i % 16]);
      const double expected = gate / (1.0 + std::exp(-gate)) * up;
      CHECK(std::fabs(static_cast<double>(out[i]) - expected) <= 1e-6 * std::fabs(expected) + 1e-30);
    }

    std::vector<float> row(32);
    std::vector<float> gain(32);
    for (std::size_t i = 0; i < 20; ++i) {
      row[i] = number();
      gain[i] = number();
    }
    std::vector<float> normed(32, 1.0F);
    kernels.normalise(row.data(), gain.data(), 32, 20.0F, 1e-5F, normed.data());
    double squares = 0.0;
    for (float x : row) squares += static_cast<double>(x) * static_cast<double>(x);
    for (std::size_t i = 0; i < 32; ++i) {
      const double expected =
          static_cast<double>(row[i]) / std::sqrt(squares / 20.0 + 1e-5) * static_cast<double>(gain[i]);
      CHECK(std::fabs(static_cast<double>(normed[i]) - expected) < 1e-6);
    }
  }
}

TEST_CASE("plain halves widen like Eigen's") {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const auto expected = static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(half));
    const float got = generic::widen(half);
    if (std::isnan(expected)) {
      if (!std::isnan(got)) CHECK(bits == 0);
    } else if (got != expected || std::signbit(got) != std::signbit(expected)) {
      CHECK(bits == 65536);
    }
  }
}

TEST_CASE("instruction sets have names, the generic one runs everywhere, stronger ones imply weaker ones") {
  for (instruction_set set : proviso::eigen::all_instruction_sets) CHECK(instruction_set_named(name_of(set)) == set);
  try {
    instruction_set_named("sse");
    FAIL("no error");
  } catch (const std::invalid_argument& e) {
    CHECK(std::string{e.what()} ==
          "proviso: there are no kernels 'sse'; choose from generic, avx2, avx-vnni, avx512, "
          "avx512-vnni, amx, neon, neon-dot");
  }
  CHECK(runs(instruction_set::generic));
  CHECK(runs(strongest_instruction_set()));
  if (runs(instruction_set::avx_vnni)) CHECK(runs(instruction_set::avx2));
  if (runs(instruction_set::avx512)) CHECK(runs(instruction_set::avx2));
  if (runs(instruction_set::vnni)) CHECK(runs(instruction_set::avx512));
  if (runs(instruction_set::amx)) CHECK(runs(instruction_set::vnni));
  if (runs(instruction_set::neon_dot)) CHECK(runs(instruction_set::neon));
  CHECK(runs(instruction_set::avx2) + runs(instruction_set::neon) <= 1);
}
