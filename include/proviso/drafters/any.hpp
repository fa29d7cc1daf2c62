// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

#include <proviso/core/context.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/owner.hpp>
#include <proviso/core/task.hpp>
#include <proviso/policy/explain.hpp>

namespace proviso {
inline namespace v0 {
namespace drafters {

/// A drafter of any type behind one movable type: chosen at run time, or one of a pool.
/// Guarantee: that of the drafter inside. Cost: one indirect call per hook; nothing is allocated after construction.
class any {
 public:
  template <drafter D>
  requires(!std::same_as<D, any>) any(D d)  // NOLINT(google-explicit-constructor): drafters convert
      : needs_trees{proviso::needs_trees(d)},
        reads_rows{proviso::reads_rows(d)},
        drafter_{new holder<D>{std::move(d)}} {
    static_assert(explain_drafter<D>());
  }

  bool needs_trees;  ///< of the drafter inside
  bool reads_rows;

  void visit_models(function_ref<void(model_slot&)> f) { drafter_->visit_models(f); }
  void start(std::span<const token_id> prompt) { drafter_->start(prompt); }
  /// Done already when the drafter inside evaluates no model.
  task propose(const context& c, draft& d) { return drafter_->propose(c, d); }
  void commit(const feedback& f) { drafter_->commit(f); }
  /// Shows a drafter that has `watch(text)` the text after a round in which another one drafted.
  void watch(std::span<const token_id> text) { drafter_->watch(text); }

 private:
  struct erased {
    erased() = default;
    erased(const erased&) = delete;
    erased& operator=(const erased&) = delete;
    virtual ~erased() = default;
    virtual void visit_models(function_ref<void(model_slot&)> f) = 0;
    virtual void start(std::span<const token_id> prompt) = 0;
    virtual task propose(const context& c, draft& d) = 0;
    virtual void commit(const feedback& f) = 0;
    virtual void watch(std::span<const token_id> text) = 0;
  };
  template <class D>
  struct holder final : erased {
    explicit holder(D d) : held{std::move(d)} {}
    void visit_models(function_ref<void(model_slot&)> f) override {
      if constexpr (has_models<D>) held.visit_models(f);
    }
    void start(std::span<const token_id> prompt) override { held.start(prompt); }
    task propose(const context& c, draft& d) override {
      if constexpr (awaits_models<D>) {
        return held.propose(c, d);
      } else {
        held.propose(c, d);
        return {};
      }
    }
    void commit(const feedback& f) override { held.commit(f); }
    void watch(std::span<const token_id> text) override {
      if constexpr (requires { held.watch(text); }) held.watch(text);
    }
    D held;
  };

  detail::owner<erased> drafter_;
};

}  // namespace drafters
}  // namespace v0
}  // namespace proviso
