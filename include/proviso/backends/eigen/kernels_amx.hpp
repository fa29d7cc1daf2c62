// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <proviso/backends/eigen/kernels_vnni.hpp>
#include <proviso/backends/eigen/product.hpp>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

// GCC 12 warns about its own header of intrinsics.
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace proviso {
inline namespace v0 {
namespace eigen {

/// The integer products of `vnni` on the matrix tiles of AMX, with the same results. A tile holds the digits of up to
/// eight tokens, so eight tokens cost little more than one.
namespace amx {

/// Whether processor and system allow it; asks the system for the permission that the tiles need.
inline bool allowed() noexcept {
  static const bool result = [] {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
    const bool present = ((d >> 24) & 1U) != 0 && ((d >> 25) & 1U) != 0;  // AMX-TILE, AMX-INT8
    constexpr long request_permission = 0x1023;                           // ARCH_REQ_XCOMP_PERM
    constexpr long tile_data = 18;                                        // XFEATURE_XTILEDATA
    return present && ::syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return result;
}

/// Tokens whose digits fit into one tile.
inline constexpr std::size_t group_size = 8;

/// Fewer tokens run faster without tiles.
inline constexpr std::size_t fewest = 7;

/// Shapes of the eight tiles: sums 0-3, digits 4-5, weights 6-7.
struct alignas(64) tile_shapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {};
};

[[gnu::target("avx512f,avx512bw")]] inline void store(const product& m, std::size_t panel, std::size_t token,
                                                      std::size_t tokens, const std::int32_t* sums) {
  for (std::size_t t = 0; t < tokens; ++t, sums += 32) {
    vnni::store(m, panel * panel_rows, token + t, _mm512_load_si512(sums), _mm512_load_si512(sums + 16));
  }
}

/// Asks for a tile of weights ahead of its use; harmless behind the end of the matrix.
inline void prefetch(const std::uint8_t* tile) noexcept {
  for (std::size_t i = 0; i < 16; ++i) __builtin_prefetch(tile + 64 * i, 0, 3);
}

/// Four panels times all tokens, up to eight.
[[gnu::target("amx-tile,amx-int8,avx512f,avx512bw")]] inline void four_panels(const product& m, std::size_t panel) {
  const auto* w = static_cast<const std::uint8_t*>(m.weights) + panel * m.panel_stride;
  const std::int8_t* x = m.fixed.digits;
  const std::size_t stride = m.panel_stride;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (std::size_t k = 0; k < m.columns; k += fixed_point_columns, x += m.fixed.block_stride) {
    const std::uint8_t* at = w + k * panel_rows;
    const std::uint8_t* next = at + 4 * stride;
    _tile_loadd(4, x, fixed_point_columns);
    prefetch(next);
    _tile_loadd(6, at, 64);
    _tile_dpbsud(0, 4, 6);
    prefetch(next + stride);
    _tile_loadd(7, at + stride, 64);
    _tile_dpbsud(1, 4, 7);
    prefetch(next + 2 * stride);
    _tile_loadd(6, at + 2 * stride, 64);
    _tile_dpbsud(2, 4, 6);
    prefetch(next + 3 * stride);
    _tile_loadd(7, at + 3 * stride, 64);
    _tile_dpbsud(3, 4, 7);
  }
  alignas(64) std::int32_t sums[4][256];
  _tile_stored(0, sums[0], 64);
  _tile_stored(1, sums[1], 64);
  _tile_stored(2, sums[2], 64);
  _tile_stored(3, sums[3], 64);
  for (std::size_t p = 0; p < 4; ++p) store(m, panel + p, 0, m.tokens, sums[p]);
}

/// One or two panels times two groups of up to eight tokens, which share the tiles of weights. A group may be shorter
/// than its tile; the rows behind it are computed from whatever lies there and dropped.
template <std::size_t Panels>
[[gnu::target("amx-tile,amx-int8,avx512f,avx512bw")]] inline void two_groups(const product& m, std::size_t panel,
                                                                             std::size_t token, std::size_t first_group,
                                                                             std::size_t second_group) {
  const auto* w = static_cast<const std::uint8_t*>(m.weights) + panel * m.panel_stride;
  const std::int8_t* x = m.fixed.digits + 2 * token * fixed_point_columns;
  const std::int8_t* y = x + 2 * first_group * fixed_point_columns;
  const std::size_t stride = m.panel_stride;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (std::size_t k = 0; k < m.columns;
       k += fixed_point_columns, x += m.fixed.block_stride, y += m.fixed.block_stride) {
    const std::uint8_t* at = w + k * panel_rows;
    _tile_loadd(4, x, fixed_point_columns);
    prefetch(at + Panels * stride);
    _tile_loadd(6, at, 64);
    _tile_dpbsud(0, 4, 6);
    _tile_loadd(5, y, fixed_point_columns);
    _tile_dpbsud(1, 5, 6);
    if (Panels == 2) {
      prefetch(at + 3 * stride);
      _tile_loadd(7, at + stride, 64);
      _tile_dpbsud(2, 4, 7);
      _tile_dpbsud(3, 5, 7);
    }
  }
  alignas(64) std::int32_t sums[4][256];
  _tile_stored(0, sums[0], 64);
  _tile_stored(1, sums[1], 64);
  if (Panels == 2) {
    _tile_stored(2, sums[2], 64);
    _tile_stored(3, sums[3], 64);
  }
  for (std::size_t p = 0; p < Panels; ++p) {
    store(m, panel + p, token, first_group, sums[2 * p]);
    store(m, panel + p, token + first_group, second_group, sums[2 * p + 1]);
  }
}

/// Gives the tiles of sums and digits their rows: two for each token of a group.
[[gnu::target("amx-tile,amx-int8,avx512f,avx512bw")]] inline void shape_tiles(std::size_t even_group,
                                                                              std::size_t odd_group) {
  tile_shapes shapes;
  for (std::size_t i = 0; i < 6; i += 2) shapes.rows[i] = static_cast<std::uint8_t>(2 * even_group);
  for (std::size_t i = 1; i < 6; i += 2) shapes.rows[i] = static_cast<std::uint8_t>(2 * odd_group);
  shapes.rows[6] = shapes.rows[7] = 16;
  asm volatile("ldtilecfg %0" : : "m"(shapes));
}

[[gnu::target("amx-tile,amx-int8,avx512f,avx512bw")]] inline void multiply(const product& m) {
  if (m.tokens < fewest) return vnni::multiply(m);
  std::size_t panel = m.first_panel;
  if (m.tokens <= group_size) {
    shape_tiles(m.tokens, m.tokens);
    for (; panel + 4 <= m.last_panel; panel += 4) four_panels(m, panel);
    for (; panel < m.last_panel; ++panel) two_groups<1>(m, panel, 0, m.tokens, 0);
  } else {
    // Up to sixteen tokens: two groups of about the same size. More: full groups, and one that may be partly empty.
    const std::size_t first = m.tokens <= 2 * group_size ? (m.tokens + 1) / 2 : group_size;
    const std::size_t second = m.tokens <= 2 * group_size ? m.tokens - first : group_size;
    shape_tiles(first, second);
    for (; panel < m.last_panel; panel += 2) {
      for (std::size_t t = 0; t < m.tokens; t += first + second) {
        const std::size_t a = (std::min)(first, m.tokens - t);
        const std::size_t b = (std::min)(second, m.tokens - t - a);
        if (panel + 2 <= m.last_panel) {
          two_groups<2>(m, panel, t, a, b);
        } else {
          two_groups<1>(m, panel, t, a, b);
        }
      }
    }
  }
  _tile_release();
}

}  // namespace amx
}  // namespace eigen
}  // namespace v0
}  // namespace proviso

#pragma GCC diagnostic pop
#endif
