// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include <proviso/core/law_builder.hpp>
#include <proviso/core/random.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/numbers.hpp"

namespace rows {

using namespace proviso;
using tokens = std::vector<token_id>;

using support::never;

inline double uniform(std::uint64_t seed, std::size_t i) {
  return philox{seed}.uniform({purpose::selection, static_cast<std::uint32_t>(i), 0, 0});
}
inline float normal(std::uint64_t seed, std::size_t i) {
  return static_cast<float>(std::sqrt(-2.0 * std::log(1.0 - uniform(seed, 2 * i))) *
                            std::cos(6.283185307179586 * uniform(seed, 2 * i + 1)));
}

/// Rows of every kind that has gone wrong somewhere: ordinary, flat, peaked, equal, many ties, signed zeros, holes,
/// one finite entry, entries whose probability underflows.
inline std::vector<std::vector<float>> kinds(std::size_t vocab, std::uint64_t seed) {
  std::vector<std::vector<float>> all(9, std::vector<float>(vocab));
  for (std::size_t i = 0; i < vocab; ++i) {
    const float x = normal(seed, i);
    all[0][i] = 2.5F * x;
    all[1][i] = 0.05F * x;
    all[2][i] = 12.0F * x;
    all[3][i] = 1.5F;
    all[4][i] = std::round(x);
    all[5][i] = i % 3 == 0 ? -0.0F : i % 3 == 1 ? 0.0F : -1.0F;
    all[6][i] = uniform(seed + 1, i) < 0.6 ? never : x;
    all[7][i] = never;
    all[8][i] = 60.0F * x;
  }
  const auto alive = static_cast<std::size_t>(uniform(seed + 2, 0) * static_cast<double>(vocab));
  all[6][alive] = 0.5F;
  all[7][alive] = -3.0F;
  return all;
}

/// What penalties are tried on.
inline const std::vector<float> sample_row{1.0F, -2.0F, 0.5F, 0.0F, 3.0F, never};
inline const tokens sample_text{4, 4, 1, 0, 4, 1, 5};

inline constexpr std::size_t vocabularies[] = {1, 2, 3, 7, 63, 64, 65, 100, 257, 1000, 2049, 5000};

/// Calls f(row) for rows of all kinds and sizes.
template <class F>
void each(F f) {
  for (const std::size_t vocab : vocabularies) {
    for (const auto& row : kinds(vocab, 17 * vocab + 1)) f(row);
  }
}

/// The law that a transform makes of a row, as probabilities of all tokens. The same builder serves all rows, so
/// what one row leaves behind would show in the next.
template <class Shape>
std::vector<double> law_of(const Shape& shape, std::span<const float> row, const tokens& prefix = {},
                           const tokens& path = {}) {
  static law_builder builder;
  static law_buffer buffer;
  builder.begin(row, buffer);
  shape(builder, text_position{prefix, path});
  const law_view law = builder.finish();
  std::vector<double> p(row.size(), 0.0);
  for (std::size_t i = 0; i < law.size(); ++i) p[static_cast<std::size_t>(law.token(i))] = law.weight(i) / law.total();
  return p;
}

/// exp((x - max) / temperature) of every entry, in the arithmetic of the library (tested by itself).
inline std::vector<float> weights(std::span<const float> row, float temperature = 1.0F) {
  std::vector<float> w(row.size());
  numeric::exp_weights(row, numeric::maximum(row).value, 1.0F / temperature, w);
  return w;
}

/// `w` where `kept` says so, else 0, divided by the sum.
inline std::vector<double> normalised(const std::vector<float>& w, const std::vector<bool>& kept) {
  std::vector<double> p(w.size(), 0.0);
  double total = 0.0;
  for (std::size_t i = 0; i < w.size(); ++i) total += kept[i] ? static_cast<double>(w[i]) : 0.0;
  for (std::size_t i = 0; i < w.size(); ++i) p[i] = kept[i] ? static_cast<double>(w[i]) / total : 0.0;
  return p;
}
inline std::vector<double> softmax(std::span<const float> row, double temperature = 1.0) {
  double top = -std::numeric_limits<double>::infinity();
  for (const float x : row) top = static_cast<double>(x) > top ? static_cast<double>(x) : top;
  std::vector<double> p(row.size());
  double total = 0.0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    total += p[i] = std::exp((static_cast<double>(row[i]) - top) / temperature);
  }
  for (double& x : p) x /= total;
  return p;
}

/// Whether two laws have the same support and agree to `tolerance`, relatively.
inline bool same(const std::vector<double>& a, const std::vector<double>& b, double tolerance = 1e-6) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if ((a[i] > 0.0) != (b[i] > 0.0) && a[i] + b[i] > 1e-30) return false;
    if (!(std::abs(a[i] - b[i]) <= tolerance * (a[i] + b[i]) + 1e-30)) return false;
  }
  return true;
}

/// Whether a row that is not a law raises `std::domain_error`.
template <class Shape>
bool refuses_faults(const Shape& shape) {
  for (const std::size_t vocab : {std::size_t{3}, std::size_t{100}, std::size_t{3000}}) {
    for (const float fault : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity()}) {
      for (const std::size_t at : {std::size_t{0}, vocab / 2, vocab - 1}) {
        std::vector<float> row(vocab, 0.25F);
        row[0] = 1.0F;
        row[at] = fault;
        bool thrown = false;
        try {
          law_of(shape, row, {0, 1, 1}, {1});
        } catch (const std::domain_error&) {
          thrown = true;
        }
        if (!thrown) return false;
      }
    }
  }
  return true;
}

/// Whether drafted decoding with `rules::match` gives the text and the log-probabilities of plain decoding, bit by
/// bit, over several seeds: the law after a drafted token is then the law after the same token, committed. Also
/// wants drafts to be accepted, or nothing was compared.
template <class Shape>
bool same_when_drafted(const Shape& shape) {
  testing::table_model big{testing::random_table(12, 2, 5, 3.0F)};
  testing::table_model small{
      testing::blended(testing::random_table(12, 2, 5, 3.0F), testing::random_table(12, 2, 6, 3.0F), 0.3)};
  const tokens prompt{3, 1, 4, 1, 5};
  limits bounds;
  bounds.max_tokens = 80;
  std::size_t accepted = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    decoder plain{autoregressive{big, shape}, seed};
    decoder drafted{speculative{big, drafters::model{small}, rules::match{}, shape, lengths::fixed{4}}, seed};
    plain.run(
        prompt, [](generated_token) {}, bounds);
    drafted.run(
        prompt, [](generated_token) {}, bounds);
    if (plain.output().size() != 80 || drafted.output().size() != 80) return false;
    for (std::size_t i = 0; i < 80; ++i) {
      if (plain.output()[i].token != drafted.output()[i].token) return false;
      if (plain.output()[i].log_probability != drafted.output()[i].log_probability) return false;
    }
    accepted += drafted.stats().accepted;
  }
  return accepted > 60;
}

}  // namespace rows
