// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <proviso/core/generation.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/law_builder.hpp>
#include <proviso/core/types.hpp>
#include <proviso/testing/table_model.hpp>
#include <proviso/transforms/temperature.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// The law of the token after `text` (the prompt included): one probability per token of the vocabulary, sum 1.
using target_law = std::function<std::vector<double>(std::span<const token_id> text)>;

namespace detail {

inline std::vector<double> shaped(std::span<const float> row, std::span<const token_id> text, transform_ref shape) {
  law_builder builder;
  law_buffer memory;
  builder.begin(row, memory);
  shape(builder, text_position{text, {}});
  const law_view law = builder.finish();
  std::vector<double> p(row.size(), 0.0);
  for (std::size_t i = 0; i < law.size(); ++i) p[static_cast<std::size_t>(law.token(i))] = law.weight(i) / law.total();
  return p;
}

}  // namespace detail

/// The laws of rows that are a function of the text, after `shape`. They are built as decoding builds them, so an
/// exact algorithm agrees with them up to the rounding of double. A transform is told of no prompt here
/// (`text_position::prompt` is 0): give a law of your own for one that asks where the output begins.
template <transform Transform = transforms::temperature>
target_law row_law(std::size_t vocab, table_model::row_function rows, Transform shape = Transform{}) {
  return [vocab, rows = std::move(rows), shape = std::move(shape)](std::span<const token_id> text) {
    std::vector<float> row(vocab);
    rows(text, row);
    return detail::shaped(row, text, shape);
  };
}
/// The laws of a table after `shape`.
template <transform Transform = transforms::temperature>
target_law table_law(row_table table, Transform shape = Transform{}) {
  return [table = std::move(table), shape = std::move(shape)](std::span<const token_id> text) {
    return detail::shaped(table.row(text), text, shape);
  };
}

}  // namespace testing
}  // namespace v0
}  // namespace proviso
