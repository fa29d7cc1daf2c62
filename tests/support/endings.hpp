// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <proviso/core/law_builder.hpp>
#include <proviso/core/stopping.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/testing/enumerator.hpp>
#include <proviso/testing/prove_lossless.hpp>

// Texts that end before the budget is used up.
namespace support {

/// How texts over tokens 0, 1, 2 end, and the naive look at it.
struct endings {
  std::string name;
  proviso::limits bounds;
  bool (*ended)(std::span<const proviso::token_id> output);
};

inline std::string_view piece_of(void*, proviso::token_id token) {
  static const std::string pieces[] = {"ab", "a", "ba", "mask", "mask"};
  return pieces[static_cast<std::size_t>(token)];
}

inline std::vector<endings> all_endings(std::size_t budget) {
  endings token{"end token", {}, [](std::span<const proviso::token_id> t) { return t.back() == 2; }};
  token.bounds.end_tokens = {2};
  endings sequence{"stop sequence", {}, [](std::span<const proviso::token_id> t) {
                     return t.size() > 1 && t[t.size() - 2] == 1 && t.back() == 0;
                   }};
  sequence.bounds.stop_sequences = {{1, 0}};
  endings string{"stop string", {}, [](std::span<const proviso::token_id> t) {
                   std::string text;
                   for (const proviso::token_id x : t) text += piece_of(nullptr, x);
                   return text.find("aaa") != std::string::npos || text.find("bb") != std::string::npos;
                 }};
  string.bounds.stop_strings = {"aaa", "bb"};
  string.bounds.pieces = {piece_of, nullptr};
  std::vector<endings> all{token, sequence, string};
  for (endings& e : all) e.bounds.max_tokens = budget;
  return all;
}

/// A grammar that has no word after the end: it refuses to be asked there.
struct last_word {
  const endings* how = nullptr;
  std::size_t prompt = 0;
  float temperature = 1.0F;
  void operator()(proviso::law_builder& row, const proviso::text_position& where) const {
    std::vector<proviso::token_id> output{where.prefix.begin() + static_cast<std::ptrdiff_t>(prompt),
                                          where.prefix.end()};
    output.insert(output.end(), where.path.begin(), where.path.end());
    for (std::size_t n = 1; n <= output.size(); ++n) {
      if (how->ended({output.data(), n})) throw std::logic_error("the grammar was asked for a word after its last");
    }
    row.divide(temperature);
  }
};

using text_law = std::map<std::vector<proviso::token_id>, double>;

/// The law of the texts that end so.
inline void complete(const proviso::testing::target_law& p, const std::vector<proviso::token_id>& prompt,
                     const endings& how, const std::vector<proviso::token_id>& output, double probability,
                     text_law& to) {
  if ((!output.empty() && how.ended(output)) || output.size() == how.bounds.max_tokens) {
    to[output] += probability;
    return;
  }
  std::vector<proviso::token_id> text = prompt;
  text.insert(text.end(), output.begin(), output.end());
  const std::vector<double> next = p(text);
  for (std::size_t x = 0; x < next.size(); ++x) {
    if (!(next[x] > 0.0)) continue;
    std::vector<proviso::token_id> longer = output;
    longer.push_back(static_cast<proviso::token_id>(x));
    complete(p, prompt, how, longer, probability * next[x], to);
  }
}

/// What a generation through every outcome shows.
struct ending_proof {
  double error = 0.0;  ///< total variation distance of the law of texts from the target's
  double drafted = 0.0, accepted = 0.0;
  std::string thrown;
  bool passed() const { return thrown.empty() && error < 1e-9; }
};

template <class Make>
ending_proof prove_endings(Make&& make, const proviso::testing::target_law& p,
                           const std::vector<proviso::token_id>& prompt, const endings& how) {
  ending_proof found;
  text_law got;
  proviso::testing::enumerator all;
  try {
    all.run([&] {
      proviso::decoder d{proviso::sequence{make(), all.source()}};
      d.start(prompt, how.bounds);
      while (!d.done()) d.step();
      std::vector<proviso::token_id> output;
      for (const proviso::generated_token t : d.output()) output.push_back(t.token);
      got[output] += all.probability();
      found.drafted += all.probability() * static_cast<double>(d.stats().drafted);
      found.accepted += all.probability() * static_cast<double>(d.stats().accepted);
    });
  } catch (const std::exception& e) {
    found.thrown = e.what();
    return found;
  }
  text_law exact;
  complete(p, prompt, how, {}, 1.0, exact);
  for (const auto& [text, probability] : exact) {
    const auto at = got.find(text);
    found.error += std::abs(probability - (at == got.end() ? 0.0 : at->second)) / 2.0;
  }
  for (const auto& [text, probability] : got) found.error += exact.count(text) != 0 ? 0.0 : probability / 2.0;
  return found;
}

}  // namespace support
