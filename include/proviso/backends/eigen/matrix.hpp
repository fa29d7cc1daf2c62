// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <Eigen/Core>

#include <proviso/backends/eigen/aligned_array.hpp>
#include <proviso/backends/eigen/kernels.hpp>
#include <proviso/backends/eigen/product.hpp>

namespace proviso {
inline namespace v0 {
namespace eigen {

/// How weights are kept in memory. `i8` has one scale per row; where its kernels multiply it in integers, activations
/// are rounded to 16 bits for the product.
enum class weight_storage : unsigned char { as_stored, i8, f16, f32 };

/// Bytes of one weight.
constexpr std::size_t bytes_of(weight_storage storage) noexcept {
  return storage == weight_storage::i8 ? 1 : storage == weight_storage::f16 ? 2 : 4;
}

/// Quantises a row symmetrically to int8 and returns its scale: weight = scale * int8.
inline float quantise(std::span<const float> row, std::int8_t* out) {
  const ::Eigen::Map<const ::Eigen::ArrayXf> values(row.data(), static_cast<::Eigen::Index>(row.size()));
  const float largest = values.abs().maxCoeff();
  const float scale = largest > 0.0F ? largest / 127.0F : 1.0F;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const float level = std::nearbyint(row[i] / scale);
    out[i] = static_cast<std::int8_t>(level > 127.0F ? 127.0F : level < -127.0F ? -127.0F : level);
  }
  return scale;
}

/// A matrix packed for the kernels: panels of 16 rows (`product`), columns padded with zeros.
class packed_matrix {
 public:
  packed_matrix() = default;
  packed_matrix(std::size_t rows, std::size_t columns, weight_storage storage, const kernel_table& kernels)
      : rows_{padded(rows)},
        columns_{columns},
        storage_{storage},
        fixed_{storage == weight_storage::i8 && kernels.fix != nullptr},
        layout_{fixed_ ? kernels.layout : fixed_point_layout{1}},
        stride_{padded(columns, fixed_ ? fixed_point_columns : 1)},
        scales_(rows_),
        weights_(rows_ * stride_ * bytes_of(storage)) {
    multiply_ = storage == weight_storage::f32   ? kernels.multiply_f32
                : storage == weight_storage::f16 ? kernels.multiply_f16
                                                 : kernels.multiply_i8;
    if (layout_.shifted) std::memset(weights_.data(), 128, weights_.size());
  }

  /// Rows, a multiple of 16.
  std::size_t rows() const noexcept { return rows_; }
  std::size_t columns() const noexcept { return columns_; }
  std::size_t panels() const noexcept { return rows_ / panel_rows; }
  std::size_t bytes() const noexcept { return weights_.size(); }
  weight_storage storage() const noexcept { return storage_; }
  /// Whether the matrix multiplies fixed point rows, rather than rows of floats.
  bool fixed() const noexcept { return fixed_; }
  /// Columns of the fixed point rows.
  std::size_t stride() const noexcept { return stride_; }

  void set_row(std::size_t row, std::span<const std::int8_t> weights, float scale) {
    scales_[row] = scale;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const int stored = layout_.shifted ? weights[k] + 128 : weights[k];
      weights_[place(row, k)] = static_cast<std::byte>(static_cast<unsigned char>(stored));
    }
  }

  void set_row(std::size_t row, std::span<const float> weights) {
    for (std::size_t k = 0; k < weights.size(); ++k) {
      if (storage_ == weight_storage::f16) {
        const ::Eigen::half half(weights[k]);
        std::memcpy(weights_.data() + 2 * place(row, k), &half, sizeof half);
      } else {
        std::memcpy(weights_.data() + 4 * place(row, k), &weights[k], sizeof(float));
      }
    }
  }

  /// out (+)= this * x for the panels [first, last); the rows of activations are in `call`.
  void multiply(product call, std::size_t first, std::size_t last) const {
    call.weights = weights_.data();
    call.scales = storage_ == weight_storage::i8 ? scales_.data() : nullptr;
    call.panel_stride = stride_ * panel_rows;
    call.columns = stride_;
    call.first_panel = first;
    call.last_panel = last;
    multiply_(call);
  }

 private:
  std::size_t place(std::size_t row, std::size_t k) const noexcept {
    const std::size_t first = k / layout_.together * layout_.together;
    return (row / panel_rows * stride_ + first) * panel_rows + row % panel_rows * layout_.together + k - first;
  }

  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  weight_storage storage_ = weight_storage::f32;
  bool fixed_ = false;
  fixed_point_layout layout_{1};
  std::size_t stride_ = 0;
  void (*multiply_)(const product&) = nullptr;
  aligned_array<float> scales_;
  aligned_array<std::byte> weights_;
};

/// Rows that are looked up one at a time, row-major.
class lookup_table {
 public:
  lookup_table() = default;
  lookup_table(std::size_t rows, std::size_t columns, weight_storage storage)
      : columns_{columns}, storage_{storage}, scales_(rows), weights_(rows * columns * bytes_of(storage)) {}

  void set_row(std::size_t row, std::span<const std::int8_t> weights, float scale) {
    scales_[row] = scale;
    std::memcpy(weights_.data() + row * columns_, weights.data(), columns_);
  }
  void set_row(std::size_t row, std::span<const float> weights) {
    if (storage_ == weight_storage::f16) {
      halves(row) = floats(weights.data()).cast<::Eigen::half>();
    } else {
      std::memcpy(weights_.data() + row * columns_ * sizeof(float), weights.data(), columns_ * sizeof(float));
    }
  }

  /// Writes row `row` as floats.
  void read(std::size_t row, float* out) const {
    const auto size = static_cast<::Eigen::Index>(columns_);
    ::Eigen::Map<::Eigen::ArrayXf> result(out, size);
    if (storage_ == weight_storage::i8) {
      const auto* first = reinterpret_cast<const std::int8_t*>(weights_.data()) + row * columns_;
      result = ::Eigen::Map<const ::Eigen::Array<std::int8_t, ::Eigen::Dynamic, 1>>(first, size).cast<float>() *
               scales_[row];
    } else if (storage_ == weight_storage::f16) {
      const auto* first = reinterpret_cast<const ::Eigen::half*>(weights_.data()) + row * columns_;
      result = ::Eigen::Map<const ::Eigen::Array<::Eigen::half, ::Eigen::Dynamic, 1>>(first, size).cast<float>();
    } else {
      std::memcpy(out, weights_.data() + row * columns_ * sizeof(float), columns_ * sizeof(float));
    }
  }

 private:
  ::Eigen::Map<const ::Eigen::ArrayXf> floats(const float* row) const {
    return {row, static_cast<::Eigen::Index>(columns_)};
  }
  ::Eigen::Map<::Eigen::Array<::Eigen::half, ::Eigen::Dynamic, 1>> halves(std::size_t row) {
    return {reinterpret_cast<::Eigen::half*>(weights_.data()) + row * columns_, static_cast<::Eigen::Index>(columns_)};
  }

  std::size_t columns_ = 0;
  weight_storage storage_ = weight_storage::f32;
  aligned_array<float> scales_;
  aligned_array<std::byte> weights_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
