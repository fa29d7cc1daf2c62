// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <proviso/core/stopping.hpp>
#include <proviso/decode/autoregressive.hpp>
#include <proviso/decode/speculative.hpp>
#include <proviso/drafters/model.hpp>
#include <proviso/drive/decoder.hpp>
#include <proviso/rules/match.hpp>
#include <proviso/testing/table_model.hpp>
#include <proviso/transforms/temperature.hpp>

#include "support/catch.hpp"

namespace support {

using proviso::token_id;
using token_list = std::vector<token_id>;

inline const token_list short_prompt{1, 0, 2};

/// Rows that depend on every token of the text: nothing that a cache lost or kept by mistake stays hidden.
inline proviso::testing::table_model whole_text_model(std::size_t vocab, float sharpness = 4.0F) {
  return proviso::testing::table_model{vocab, [sharpness](std::span<const token_id> text, std::span<float> row) {
                                         std::uint32_t h = 1;
                                         for (const token_id t : text) h = h * 31 + static_cast<std::uint32_t>(t) + 7;
                                         for (std::size_t i = 0; i < row.size(); ++i) {
                                           const std::uint32_t mixed = (h + static_cast<std::uint32_t>(i)) * 2654435761U;
                                           row[i] = static_cast<float>(mixed >> 16U) / 65536.0F * sharpness;
                                         }
                                       }};
}

inline token_list tokens_of(std::span<const proviso::generated_token> output) {
  token_list list;
  for (const proviso::generated_token t : output) list.push_back(t.token);
  return list;
}

inline proviso::limits budget(std::size_t count) {
  proviso::limits l;
  l.max_tokens = count;
  return l;
}

/// Decodes to the end.
inline token_list decode(proviso::decoder& d, const token_list& prompt, const proviso::limits& l) {
  d.start(prompt, l);
  while (!d.done()) d.step();
  return tokens_of(d.output());
}

/// Speculative decoding with a drafting model and `rules::match`: the text of plain decoding.
template <class Target, class Small>
auto speculating(Target& target, Small& small, float temperature = 1.0F, std::size_t length = 4) {
  return proviso::speculative{target, proviso::drafters::model{small}, proviso::rules::match{},
                              proviso::transforms::temperature{temperature}, proviso::lengths::fixed{length}};
}

template <class Target>
token_list plain(Target& target, const token_list& prompt, const proviso::limits& l, std::uint64_t seed = 0,
                 float temperature = 1.0F) {
  proviso::decoder d{proviso::autoregressive{target, proviso::transforms::temperature{temperature}}, seed};
  return decode(d, prompt, l);
}

/// What every generation's counters say about its output.
inline void check_counters(const proviso::statistics& s, std::span<const proviso::generated_token> output) {
  CHECK(s.emitted == output.size());
  CHECK(s.emitted == s.accepted + s.corrected + s.bonus + s.fresh);
  std::uint64_t from[4] = {};
  for (const proviso::generated_token t : output) ++from[static_cast<std::size_t>(t.from)];
  CHECK(from[static_cast<std::size_t>(proviso::origin::drafted)] == s.accepted);
  CHECK(from[static_cast<std::size_t>(proviso::origin::corrected)] == s.corrected);
  CHECK(from[static_cast<std::size_t>(proviso::origin::bonus)] == s.bonus);
  CHECK(from[static_cast<std::size_t>(proviso::origin::fresh)] == s.fresh);
  CHECK(s.accepted <= s.drafted);
  std::uint64_t accepted = 0;
  std::uint64_t drafted = 0;
  for (const std::uint64_t n : s.accepted_at) accepted += n;
  for (const std::uint64_t n : s.drafted_at) drafted += n;
  CHECK(accepted == s.accepted);
  CHECK(drafted <= s.drafted);
}

}  // namespace support
