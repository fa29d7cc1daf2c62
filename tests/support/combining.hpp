// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <proviso/combine/contrastive.hpp>
#include <proviso/combine/product.hpp>
#include <proviso/combine/weighted.hpp>
#include <proviso/decode/combined.hpp>
#include <proviso/testing/prove_lossless.hpp>
#include <proviso/testing/table_model.hpp>

namespace support {

using proviso::token_id;

enum class mix { weighted, product, contrastive };

/// Several table models, and the law that they have together, computed from the tables alone.
class crowd {
 public:
  crowd(std::size_t count, std::size_t vocab, std::size_t order, std::uint64_t seed) {
    for (std::size_t i = 0; i < count; ++i) add(proviso::testing::random_table(vocab, order, seed + 100 * i));
  }
  explicit crowd(std::vector<proviso::testing::row_table> tables) {
    for (proviso::testing::row_table& table : tables) add(std::move(table));
  }

  std::size_t size() const noexcept { return tables_.size(); }
  proviso::testing::table_model& model(std::size_t i) { return *models_[i]; }
  const proviso::testing::row_table& table(std::size_t i) const { return tables_[i]; }

  /// Weights 1 : 2 : .. : n.
  std::vector<double> weights() const {
    const double n = static_cast<double>(size());
    std::vector<double> w;
    for (double i = 1.0; i <= n; ++i) w.push_back(2.0 * i / (n * (n + 1.0)));
    return w;
  }
  proviso::combined combined(mix how) {
    std::vector<proviso::model_ref> refs;
    for (const auto& m : models_) refs.emplace_back(*m);
    const std::span<const proviso::model_ref> all{refs};
    switch (how) {
      case mix::weighted:
        return proviso::combined{proviso::combine::weighted{weights()}, all};
      case mix::product:
        return proviso::combined{proviso::combine::product{weights()}, all};
      case mix::contrastive:
        break;
    }
    return proviso::combined{proviso::combine::contrastive{mu, plausibility}, all};
  }
  /// By loops over the tables.
  proviso::testing::target_law law(mix how, double temperature = 1.0) const {
    return [this, how, temperature](std::span<const token_id> text) {
      const std::size_t vocab = tables_[0].vocab();
      const std::vector<double> w = weights();
      std::vector<double> v(vocab, 0.0);
      if (how == mix::weighted) {
        for (std::size_t i = 0; i < size(); ++i) {
          const std::vector<double> p = float_law(tables_[i].row(text), temperature > 0.0 ? temperature : 1.0);
          for (std::size_t x = 0; x < vocab; ++x) v[x] += w[i] * p[x];
        }
        if (temperature > 0.0) return v;
        const auto best = std::max_element(v.begin(), v.end()) - v.begin();
        v.assign(vocab, 0.0);
        v[static_cast<std::size_t>(best)] = 1.0;
        return v;
      }
      std::vector<float> row(vocab, 0.0F);
      for (std::size_t x = 0; x < vocab; ++x) {
        if (how == mix::product) {
          for (std::size_t i = 0; i < size(); ++i) row[x] += static_cast<float>(w[i]) * tables_[i].row(text)[x];
        } else {
          const std::vector<double> expert = float_law(tables_[0].row(text), 1.0);
          const double top = *std::max_element(expert.begin(), expert.end());
          const float pushed = 1.25F * tables_[0].row(text)[x] - 0.25F * tables_[1].row(text)[x];
          row[x] = expert[x] < plausibility * top ? -std::numeric_limits<float>::infinity() : pushed;
        }
      }
      return float_law(row, temperature);
    };
  }

  static constexpr double mu = 0.25;
  static constexpr double plausibility = 0.2;

 private:
  void add(proviso::testing::row_table table) {
    models_.push_back(std::make_unique<proviso::testing::table_model>(table));
    tables_.push_back(std::move(table));
  }
  /// The law of a row as decoding builds it: rows of models are floats.
  static std::vector<double> float_law(std::span<const float> row, double temperature) {
    return proviso::testing::detail::shaped(row, {}, proviso::transforms::temperature{static_cast<float>(temperature)});
  }

  std::vector<proviso::testing::row_table> tables_;
  std::vector<std::unique_ptr<proviso::testing::table_model>> models_;
};

}  // namespace support
