// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include <proviso/core/context.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// Proposes nothing: speculative decoding without speculation.
struct none {
  void start(std::span<const token_id>) const noexcept {}
  void propose(const context&, draft&) const noexcept {}
  void commit(const feedback&) const noexcept {}
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
