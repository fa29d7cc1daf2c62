// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include <proviso/core/block.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/types.hpp>
#include <proviso/model/any_model.hpp>
#include <proviso/model/concepts.hpp>
#include <proviso/model/explain.hpp>
#include <proviso/testing/block_checks.hpp>
#include <proviso/testing/chain_checks.hpp>
#include <proviso/testing/check_arithmetic.hpp>
#include <proviso/testing/check_report.hpp>
#include <proviso/testing/model_checker.hpp>

namespace proviso {
inline namespace v0 {
namespace testing {

/// Checks that a model means what the concepts say: shapes and lengths, eval(a + b) = eval(a); eval(b), wanted rows,
/// rewind then re-evaluation, independent sessions, capacity, moved sessions; and where offered, tree rows = chain
/// rows along the path, keep(path) = feeding the path, masks, and one call on many sessions = calls one by one. First
/// of all, that this translation unit computes laws rightly (`check_arithmetic`).
///
/// Needs no test framework. Reads logits on the host and evaluates a few thousand tokens. The report holds one entry
/// per check; exceptions of the model become failures.
///
///     const auto report = proviso::testing::check_model(my_model, {.tolerance = 1e-4});
///     if (!report.passed()) std::puts(report.text().c_str());
template <class M>
check_report check_model(M& model, const check_options& options = {}) {
  static_assert(explain_model<M>());
  detail::model_checker c{model, options};
  c.run("arithmetic", [&] {
    const std::string fault = check_arithmetic();
    c.require(fault.empty(), fault);
  });
  detail::chain_checks{c}();
  c.run("move", [&] {
    using S = session_t<M>;
    const std::span<const token_id> text = c.text();
    const detail::model_checker::matrix whole = c.reference(text);
    const auto next = [&](S& s, std::size_t i, const char* where) {
      const std::size_t before = s.length();
      const masked_block block{chain_block{text.subspan(i, 1), 1}};
      const logits_rows rows{any_session::evaluate(s, block)};
      c.same(whole, i, c.taken(rows, block, before, s.length()), 0, 1, where);
    };
    S first = model.open();
    next(first, 0, "before a move");
    S second{std::move(first)};
    next(second, 1, "after a move construction");
    S third = model.open();
    next(third, 0, "another session");
    third = std::move(second);
    next(third, 2, "after a move assignment");
  });
  detail::block_checks{c, tree_model<M>, masked_model<M>, batched_model<M>}();
  return std::move(c.report);
}

}  // namespace testing
}  // namespace v0
}  // namespace proviso
