// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <proviso/core/canvas_step.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {
namespace orders {

/// The first-hitting sampler: one masked position, chosen uniformly, is filled per step. This is the ancestral sampler
/// with infinitely many steps, without the steps in which nothing happens.
///
/// Guarantee: with exact conditionals, exactly the joint law. Cost: one evaluation per masked position.
/// Source: Zheng et al., "Masked diffusion models are secretly time-agnostic masked models", arXiv 2409.02908.
struct first_hitting {
  static constexpr bool scheduled = false;

  bool prepare(canvas_step& s) const {
    s.scores().assign(s.masked(), 1.0);
    s.chosen().push_back(s.choose(detail::view(s.scores()), 0));
    return true;
  }
  void operator()(canvas_step& s) const { s.fill(s.chosen()[0]); }
};

}  // namespace orders
}  // namespace v0
}  // namespace proviso
