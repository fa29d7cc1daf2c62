// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/core/function_ref.hpp>
#include <proviso/core/types.hpp>
#include <proviso/decode/sequence.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/testing/proof_report.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// The regularised upper incomplete gamma function Q(a, x) for a > 0, x >= 0: within 1e-12 relative where it is above
/// 1e-280, for a up to some thousands.
/// Source: Abramowitz and Stegun, 6.5.29 (series) and 6.5.31 (continued fraction, evaluated by Lentz's method).
inline double upper_gamma(double a, double x) {
  if (!(x > 0.0)) return 1.0;
  if (x > (std::numeric_limits<double>::max)()) return 0.0;
  const double scale = std::exp(a * std::log(x) - x - std::lgamma(a));
  constexpr double enough = 1e-16;
  if (x < a + 1.0) {
    double term = 1.0 / a;
    double sum = term;
    for (double n = a + 1.0; term > sum * enough; n += 1.0) sum += term *= x / n;
    return 1.0 - scale * sum;
  }
  constexpr double tiny = 1e-300;
  double b = x + 1.0 - a;
  double c = 1.0 / tiny;
  double d = 1.0 / b;
  double fraction = d;
  for (int n = 1; n < 100000; ++n) {
    const double numerator = -n * (n - a);
    b += 2.0;
    d = b + numerator * d;
    d = 1.0 / (std::abs(d) < tiny ? tiny : d);
    c = b + numerator / c;
    c = std::abs(c) < tiny ? tiny : c;
    fraction *= c * d;
    if (std::abs(c * d - 1.0) < 1e-15) break;
  }
  return scale * fraction;
}

/// How a test of counts ended. `p_value` is the probability of a statistic as large as this one if nothing is wrong.
struct g_result {
  double statistic = 0.0;
  std::size_t degrees = 0;  ///< of freedom; 0 when one bin is left, and the test says nothing
  double p_value = 1.0;

  std::string text() const {
    return "G = " + detail::number("%.2f", statistic) + " at " + std::to_string(degrees) +
           " degrees of freedom, p = " + detail::number("%.2e", p_value);
  }
};

namespace detail {

/// Joins the bins of smallest expectation until every one expects at least `least`. Returns the bin that each one
/// went to, and how many are left.
inline std::vector<std::size_t> pooled(std::span<const double> expected, double least, std::size_t& left) {
  std::vector<std::size_t> order(expected.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return expected[a] < expected[b]; });
  std::vector<std::size_t> to(expected.size());
  left = 0;
  double sum = 0.0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    to[order[i]] = left;
    sum += expected[order[i]];
    if (sum >= least) {
      ++left;
      sum = 0.0;
    }
  }
  if (sum > 0.0 && left > 0) {
    for (std::size_t& bin : to) bin = bin == left ? left - 1 : bin;
  } else if (left == 0) {
    left = 1;
  }
  return to;
}

inline void finish(g_result& g, std::size_t degrees) {
  g.statistic = g.statistic > 0.0 ? g.statistic : 0.0;  // rounding
  g.degrees = degrees;
  g.p_value = degrees == 0 ? 1.0 : upper_gamma(static_cast<double>(degrees) / 2.0, g.statistic / 2.0);
}

}  // namespace detail

/// The G-test (likelihood ratio): whether `counts` were drawn from a law with the given probabilities. Bins that
/// expect fewer than `least` draws are joined. A count where the probability is 0 refutes the law: infinite
/// statistic, p-value 0.
/// Requirements: few bins. A fault of one part in hundreds shows with 16 bins and 10^5 draws, and drowns in 4096 bins.
/// Errors: `std::invalid_argument` when the sizes differ or the probabilities do not add up to 1.
inline g_result g_test(std::span<const std::uint64_t> counts, std::span<const double> probabilities,
                       double least = 5.0) {
  double total = 0.0;
  double mass = 0.0;
  for (const std::uint64_t n : counts) total += static_cast<double>(n);
  for (const double p : probabilities) mass += p;
  if (counts.size() != probabilities.size() || !(std::abs(mass - 1.0) < 1e-6)) {
    throw std::invalid_argument("proviso: g_test: " + std::to_string(counts.size()) + " counts and " +
                                std::to_string(probabilities.size()) + " probabilities that add up to " +
                                detail::number("%.6f", mass) + "; needs one per count, in all 1");
  }
  g_result g;
  std::vector<double> expected(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    expected[i] = total * probabilities[i];
    if (counts[i] > 0 && !(probabilities[i] > 0.0)) {
      return {std::numeric_limits<double>::infinity(), counts.size() - 1, 0.0};
    }
  }
  std::size_t bins = 0;
  const std::vector<std::size_t> bin_of = detail::pooled(expected, least, bins);
  std::vector<double> seen(bins, 0.0);
  std::vector<double> hoped(bins, 0.0);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    seen[bin_of[i]] += static_cast<double>(counts[i]);
    hoped[bin_of[i]] += expected[i];
  }
  for (std::size_t i = 0; i < bins; ++i) {
    if (seen[i] > 0.0) g.statistic += 2.0 * seen[i] * std::log(seen[i] / hoped[i]);
  }
  detail::finish(g, bins - 1);
  return g;
}

/// The G-test of two samples: whether both were drawn from one law, whatever it is.
/// Errors: `std::invalid_argument` when the sizes differ or a sample is empty.
inline g_result g_test_two(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b, double least = 5.0) {
  double in_a = 0.0;
  double in_b = 0.0;
  for (const std::uint64_t n : a) in_a += static_cast<double>(n);
  for (const std::uint64_t n : b) in_b += static_cast<double>(n);
  if (a.size() != b.size() || !(in_a > 0.0) || !(in_b > 0.0)) {
    throw std::invalid_argument("proviso: g_test_two: needs two samples over the same bins, none of them empty");
  }
  const double smaller = (in_a < in_b ? in_a : in_b) / (in_a + in_b);
  std::vector<double> expected(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) expected[i] = smaller * static_cast<double>(a[i] + b[i]);
  std::size_t bins = 0;
  const std::vector<std::size_t> bin_of = detail::pooled(expected, least, bins);
  std::vector<double> first(bins, 0.0);
  std::vector<double> second(bins, 0.0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    first[bin_of[i]] += static_cast<double>(a[i]);
    second[bin_of[i]] += static_cast<double>(b[i]);
  }
  g_result g;
  const auto term = [&](double seen, double both, double in_sample) {
    return seen > 0.0 ? 2.0 * seen * std::log(seen * (in_a + in_b) / (both * in_sample)) : 0.0;
  };
  for (std::size_t i = 0; i < bins; ++i) {
    const double both = first[i] + second[i];
    g.statistic += term(first[i], both, in_a) + term(second[i], both, in_b);
  }
  detail::finish(g, bins - 1);
  return g;
}

/// Puts the tokens of a law into at most `bins` >= 1 bins: by falling probability, so that bins have nearly equal mass
/// and a frequent token has one of its own. Returns the bin of every token.
inline std::vector<std::size_t> bins_by_rank(std::span<const double> probabilities, std::size_t bins = 16) {
  std::vector<std::size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return probabilities[a] > probabilities[b]; });
  std::vector<std::size_t> bin(probabilities.size());
  double left = 1.0;  // mass of the tokens that have no bin yet
  double held = 0.0;  // mass of the current bin
  std::size_t current = 0;
  for (const std::size_t x : order) {
    const double share = left / static_cast<double>(bins - current);
    if (held > 0.0 && current + 1 < bins && held + probabilities[x] / 2.0 > share) {
      left -= held;
      held = 0.0;
      ++current;
    }
    bin[x] = current;
    held += probabilities[x];
  }
  return bin;
}

/// The bin of a text among `bins` >= 1, by a hash of its tokens.
inline std::size_t bin_of_text(std::span<const generated_token> text, std::size_t bins) noexcept {
  std::uint64_t h = 0x9E3779B97F4A7C15U;
  for (const generated_token t : text) {
    h = (h ^ static_cast<std::uint32_t>(t.token)) * 0xBF58476D1CE4E5B9U;
    h ^= h >> 31U;
  }
  return static_cast<std::size_t>(h % bins);
}

/// How `compare_texts` looks at two algorithms.
struct comparison_options {
  std::vector<token_id> prompt{0};
  std::size_t tokens = 3;     ///< of every text
  std::size_t texts = 20000;  ///< of each algorithm
  std::size_t bins = 16;
  std::uint64_t first_seed = 1;
};

/// What `compare_texts` found: a test of every token's bin given its position, and one of whole texts.
struct comparison_report {
  std::vector<g_result> positions;
  g_result texts;

  /// The smallest p-value, corrected for the number of tests (Bonferroni).
  double p_value() const noexcept {
    double least = texts.p_value;
    for (const g_result& g : positions) least = g.p_value < least ? g.p_value : least;
    least *= static_cast<double>(positions.size() + 1);
    return least < 1.0 ? least : 1.0;
  }
  std::string text() const {
    std::string out;
    for (std::size_t i = 0; i < positions.size(); ++i) {
      out += "token " + std::to_string(i + 1) + ": " + positions[i].text() + '\n';
    }
    return out + "whole texts: " + texts.text() +
           "\nsmallest p-value, corrected: " + detail::number("%.2e", p_value()) + '\n';
  }
};

namespace detail {

/// Texts of one decoder, counted per position by bin of the token and as wholes by bin of the hash.
struct sample_of_texts {
  std::vector<std::vector<std::uint64_t>> tokens;  // [position][token]
  std::vector<std::uint64_t> texts;

  sample_of_texts(function_ref<decoder(std::uint64_t)> make, const comparison_options& o, std::uint64_t first)
      : tokens(o.tokens), texts(o.bins) {
    if (o.bins < 2 || o.texts == 0) {
      throw std::invalid_argument("proviso: compare_texts: needs at least 2 bins and one text");
    }
    limits bounds;
    bounds.max_tokens = o.tokens;
    for (std::uint64_t seed = first; seed < first + o.texts; ++seed) {
      decoder d = make(seed);
      d.start(o.prompt, bounds);
      while (!d.done()) d.step();
      const std::span<const generated_token> text = d.output();
      for (std::size_t i = 0; i < text.size(); ++i) {
        const auto x = static_cast<std::size_t>(text[i].token);
        if (tokens[i].size() <= x) tokens[i].resize(x + 1);
        ++tokens[i][x];
      }
      ++texts[bin_of_text(text, o.bins)];
    }
  }
};

/// Counts of tokens, put into the bins.
inline std::vector<std::uint64_t> binned(const std::vector<std::uint64_t>& counts, const std::vector<std::size_t>& bin,
                                         std::size_t bins) {
  std::vector<std::uint64_t> sums(bins);
  for (std::size_t x = 0; x < counts.size(); ++x) sums[bin[x]] += counts[x];
  return sums;
}

inline comparison_report compare(const sample_of_texts& a, const sample_of_texts& b, const comparison_options& o) {
  comparison_report report;
  report.texts = g_test_two(a.texts, b.texts);
  for (std::size_t i = 0; i < o.tokens; ++i) {
    const std::size_t size = (std::max)(a.tokens[i].size(), b.tokens[i].size());
    if (size == 0) break;
    std::vector<double> share(size, 0.0);
    double total = 0.0;
    for (const sample_of_texts* s : {&a, &b}) {
      for (std::size_t x = 0; x < s->tokens[i].size(); ++x) {
        share[x] += static_cast<double>(s->tokens[i][x]);
        total += static_cast<double>(s->tokens[i][x]);
      }
    }
    for (double& x : share) x /= total;
    const std::vector<std::size_t> bin = bins_by_rank(share, o.bins);
    report.positions.push_back(g_test_two(binned(a.tokens[i], bin, o.bins), binned(b.tokens[i], bin, o.bins)));
  }
  return report;
}

}  // namespace detail

/// Whether two algorithms emit texts of one law, by sampling: for models that are too large to enumerate. The seeds
/// of the two are disjoint, because rules that share the noise of plain decoding would give equal texts. Tokens are
/// put into at most `bins` bins by rank of frequency, texts by a hash.
///
/// Guarantee: none. Sampling refutes and never proves; use `prove_lossless` on a small model for that.
/// Errors: `std::invalid_argument` for fewer than 2 bins or no texts.
/// Cost: `2 * texts` generations.
template <class MakeA, class MakeB>
comparison_report compare_texts(MakeA&& first, MakeB&& second, const comparison_options& options = {}) {
  auto make_a = [&](std::uint64_t seed) { return decoder{first(), seed}; };
  auto make_b = [&](std::uint64_t seed) { return decoder{second(), seed}; };
  const detail::sample_of_texts a{make_a, options, options.first_seed};
  const detail::sample_of_texts b{make_b, options, options.first_seed + options.texts};
  return detail::compare(a, b, options);
}

}  // namespace testing
}  // namespace v0
}  // namespace proviso
