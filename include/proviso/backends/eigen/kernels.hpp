// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <proviso/backends/eigen/kernels_amx.hpp>
#include <proviso/backends/eigen/kernels_avx2.hpp>
#include <proviso/backends/eigen/kernels_avx512.hpp>
#include <proviso/backends/eigen/kernels_generic.hpp>
#include <proviso/backends/eigen/kernels_vnni.hpp>
#include <proviso/backends/eigen/product.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// Instruction sets with kernels, weakest first.
enum class instruction_set : unsigned char { generic, avx2, avx512, vnni, amx };

/// The row kernels of one instruction set. Every sum has a fixed order that does not depend on how many rows or
/// tokens a call covers. Sizes of rows are multiples of 16 unless stated otherwise.
struct kernel_table {
  const char* name = "";
  void (*multiply_f32)(const product&) = nullptr;
  void (*multiply_f16)(const product&) = nullptr;  ///< IEEE halves
  void (*multiply_i8)(const product&) = nullptr;
  /// RMSNorm: out = row / sqrt(sum of squares / columns + epsilon) * gain
  void (*normalise)(const float* row, const float* gain, std::size_t size, float columns, float epsilon,
                    float* out) = nullptr;
  /// Replaces `size` (any number but 0) scores by exp(score - largest), pads with zeros to a multiple of 16 and
  /// returns their sum.
  float (*exponentials)(float* scores, std::size_t size) = nullptr;
  /// out = silu(gate) * up; panels of 16 gates and of 16 ups alternate, `panels` of each.
  void (*gated)(const float* gate_up, float* out, std::size_t panels) = nullptr;
  /// Integer arithmetic for int8 weights: the product, and the conversion of a row. Null where there is none.
  void (*multiply_fixed)(const product&) = nullptr;
  void (*fix)(const float* row, std::size_t size, const fixed_point_rows& rows, std::size_t t) = nullptr;
};

/// Whether this machine runs the kernels of `set`.
inline bool runs(instruction_set set) noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  // Every processor with AVX2 also has F16C.
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
  switch (set) {
    case instruction_set::generic:
      return true;
    case instruction_set::avx2:
      return avx2;
    case instruction_set::avx512:
      return avx512;
    case instruction_set::vnni:
      return avx512 && __builtin_cpu_supports("avx512vnni") != 0;
    case instruction_set::amx:
#if defined(__linux__)
      return avx512 && __builtin_cpu_supports("avx512vnni") != 0 && amx::allowed();
#else
      return false;
#endif
  }
  return false;
#else
  return set == instruction_set::generic;
#endif
}

/// The kernels of one instruction set, which must run here.
inline kernel_table kernels_of(instruction_set set) noexcept {
#if defined(__x86_64__)
  switch (set) {
    case instruction_set::generic:
      break;
    case instruction_set::avx2:
      return {"AVX2",           &avx2::multiply_f32, &avx2::multiply_f16, &avx2::multiply_i8,
              &avx2::normalise, &avx2::exponentials, &avx2::gated,        nullptr,
              nullptr};
    case instruction_set::avx512:
      return {"AVX-512",
              &avx512::multiply_f32,
              &avx512::multiply_f16,
              &avx512::multiply_i8,
              &avx512::normalise,
              &avx512::exponentials,
              &avx512::gated,
              nullptr,
              nullptr};
    case instruction_set::vnni:
      return {"AVX-512 VNNI",       &avx512::multiply_f32, &avx512::multiply_f16,
              &avx512::multiply_i8, &avx512::normalise,    &avx512::exponentials,
              &avx512::gated,       &vnni::multiply,       &vnni::fix};
    case instruction_set::amx:
#if defined(__linux__)
      return {"AMX",
              &avx512::multiply_f32,
              &avx512::multiply_f16,
              &avx512::multiply_i8,
              &avx512::normalise,
              &avx512::exponentials,
              &avx512::gated,
              &amx::multiply,
              &vnni::fix};
#else
      break;
#endif
  }
#else
  (void)set;
#endif
  return {"generic",
          &generic::multiply_f32,
          &generic::multiply_f16,
          &generic::multiply_i8,
          &generic::normalise,
          &generic::exponentials,
          &generic::gated,
          nullptr,
          nullptr};
}

/// The strongest instruction set of this machine.
inline instruction_set strongest_instruction_set() noexcept {
  for (instruction_set set :
       {instruction_set::amx, instruction_set::vnni, instruction_set::avx512, instruction_set::avx2}) {
    if (runs(set)) return set;
  }
  return instruction_set::generic;
}

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
