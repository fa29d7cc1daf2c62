// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include <proviso/backends/eigen/kernels_amx.hpp>
#include <proviso/backends/eigen/kernels_avx2.hpp>
#include <proviso/backends/eigen/kernels_avx512.hpp>
#include <proviso/backends/eigen/kernels_generic.hpp>
#include <proviso/backends/eigen/kernels_madd.hpp>
#include <proviso/backends/eigen/kernels_neon.hpp>
#include <proviso/backends/eigen/kernels_vnni.hpp>
#include <proviso/backends/eigen/product.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Instruction sets with kernels; of those that a machine runs, a later one is stronger.
enum class instruction_set : unsigned char { generic, avx2, avx_vnni, avx512, vnni, amx, neon, neon_dot };

/// All of them, weakest first.
inline constexpr std::array all_instruction_sets{
    instruction_set::generic, instruction_set::avx2, instruction_set::avx_vnni, instruction_set::avx512,
    instruction_set::vnni,    instruction_set::amx,  instruction_set::neon,     instruction_set::neon_dot};

/// The name by which a user chooses one: "generic", "avx2", "avx-vnni", "avx512", "avx512-vnni", "amx", "neon" or
/// "neon-dot".
constexpr const char* name_of(instruction_set set) noexcept {
  constexpr std::array names{"generic", "avx2", "avx-vnni", "avx512", "avx512-vnni", "amx", "neon", "neon-dot"};
  return names[static_cast<std::size_t>(set)];
}

/// The instruction set of this name. Errors: `std::invalid_argument` that lists the names.
inline instruction_set instruction_set_named(std::string_view name) {
  std::string names;
  for (instruction_set set : all_instruction_sets) {
    if (name == name_of(set)) return set;
    names += (names.empty() ? "" : ", ") + std::string{name_of(set)};
  }
  throw std::invalid_argument("proviso: there are no kernels '" + std::string{name} + "'; choose from " + names);
}

/// The row kernels of one instruction set. Every sum has a fixed order that does not depend on how many rows or
/// tokens a call covers. Sizes of rows are multiples of 16 unless stated otherwise.
struct kernel_table {
  const char* name = "";
  void (*multiply_f32)(const product&) = nullptr;
  void (*multiply_f16)(const product&) = nullptr;  ///< IEEE halves
  void (*multiply_i8)(const product&) = nullptr;   ///< int8 times fixed point rows, or floats where `fix` is null
  /// RMSNorm: out = row / sqrt(sum of squares / columns + epsilon) * gain
  void (*normalise)(const float* row, const float* gain, std::size_t size, float columns, float epsilon,
                    float* out) = nullptr;
  /// Replaces `size` (any number but 0) scores by exp(score - largest), pads with zeros to a multiple of 16 and
  /// returns their sum.
  float (*exponentials)(float* scores, std::size_t size) = nullptr;
  /// out = silu(gate) * up; panels of 16 gates and of 16 ups alternate, `panels` of each.
  void (*gated)(const float* gate_up, float* out, std::size_t panels) = nullptr;
  /// Converts a row to fixed point, for products in integers; null where int8 weights are multiplied in floats. All
  /// integer products have the same bits.
  void (*fix)(const float* row, std::size_t size, const fixed_point_rows& rows, std::size_t t) = nullptr;
  fixed_point_layout layout{};
};

/// Whether this machine runs the kernels of `set`.
inline bool runs(instruction_set set) noexcept {
  if (set == instruction_set::generic) return true;
#if defined(__x86_64__)
  __builtin_cpu_init();
  // Every processor with AVX2 also has F16C.
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
  const bool vnni = avx512 && __builtin_cpu_supports("avx512vnni") != 0;
  if (set == instruction_set::avx2) return avx2;
  if (set == instruction_set::avx_vnni) return avx2 && madd::has_avx_vnni();
  if (set == instruction_set::avx512) return avx512;
  if (set == instruction_set::vnni) return vnni;
#if defined(__linux__)
  if (set == instruction_set::amx) return vnni && amx::allowed();
#endif
#elif defined(PROVISO_NEON_KERNELS)
  if (set == instruction_set::neon) return true;
  if (set == instruction_set::neon_dot) return neon::dot_products();
#endif
  return false;
}

/// The kernels of one instruction set, which must run here.
inline kernel_table kernels_of(instruction_set set) noexcept {
  kernel_table table{"generic",           &generic::multiply_f32, &generic::multiply_f16, &generic::multiply_i8,
                     &generic::normalise, &generic::exponentials, &generic::gated};
  [[maybe_unused]] const auto integers = [&](auto multiply, auto fix, const fixed_point_layout& layout) {
    table.multiply_i8 = multiply;
    table.fix = fix;
    table.layout = layout;
  };
  [[maybe_unused]] constexpr fixed_point_layout pairs{2};
  [[maybe_unused]] constexpr fixed_point_layout shifted_quads{4, true, true};
  switch (set) {
#if defined(__x86_64__)
    case instruction_set::avx2:
    case instruction_set::avx_vnni:
      table = {"AVX2",           &avx2::multiply_f32, &avx2::multiply_f16, nullptr,
               &avx2::normalise, &avx2::exponentials, &avx2::gated};
      integers(&madd::multiply<madd::avx2>, &madd::fix, pairs);
      if (set == instruction_set::avx2) break;
      table.name = "AVX-VNNI";
      integers(&madd::multiply<madd::avx_vnni>, &madd::fix, pairs);
      break;
    case instruction_set::avx512:
    case instruction_set::vnni:
    case instruction_set::amx:
      table = {"AVX-512",          &avx512::multiply_f32, &avx512::multiply_f16, nullptr,
               &avx512::normalise, &avx512::exponentials, &avx512::gated};
      integers(&madd::multiply<madd::avx2>, &madd::fix, pairs);
      if (set == instruction_set::avx512) break;
      table.name = "AVX-512 VNNI";
      integers(&vnni::multiply, &vnni::fix, shifted_quads);
#if defined(__linux__)
      if (set == instruction_set::vnni) break;
      table.name = "AMX";
      integers(&amx::multiply, &vnni::fix, shifted_quads);
#endif
      break;
#elif defined(PROVISO_NEON_KERNELS)
    case instruction_set::neon:
      table.name = "NEON";
      integers(&neon::multiply, &neon::fix<false>, {1});
      break;
    case instruction_set::neon_dot:
      table.name = "NEON dot product";
      integers(&neon::multiply_dot, &neon::fix<true>, {4, false, true});
      break;
#endif
    default:
      break;
  }
  return table;
}

/// The strongest instruction set of this machine.
inline instruction_set strongest_instruction_set() noexcept {
  instruction_set best = instruction_set::generic;
  for (instruction_set set : all_instruction_sets) {
    if (runs(set)) best = set;
  }
  return best;
}

}  // namespace eigen
}  // namespace v0
}  // namespace proviso

#undef PROVISO_NEON_KERNELS
