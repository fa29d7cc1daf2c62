// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <utility>

#include <proviso/core/outcome.hpp>
#include <proviso/core/owner.hpp>

namespace proviso {
inline namespace v0 {
namespace rules {

/// A rule that is chosen at run time: one algorithm type for all of them. Costs one indirect call per round.
class any {
 public:
  static constexpr bool lossless = false;  ///< nothing is known at compile time; see `is_lossless`

  template <rule R>
  requires(!std::same_as<R, any>) any(R r)
      : shares_noise{proviso::shares_noise(r)}, rule_{new holder<R>{std::move(r)}} {}  // NOLINT

  bool shares_noise;
  bool is_lossless() const noexcept { return rule_->is_lossless(); }
  void start() { rule_->start(); }
  outcome operator()(const draft& d, const target_laws& p, random_ref random) { return rule_->verify(d, p, random); }

 private:
  struct erased {
    erased() = default;
    erased(const erased&) = delete;
    erased& operator=(const erased&) = delete;
    virtual ~erased() = default;
    virtual bool is_lossless() const noexcept = 0;
    virtual void start() = 0;
    virtual outcome verify(const draft& d, const target_laws& p, random_ref random) = 0;
  };
  template <class R>
  struct holder final : erased {
    explicit holder(R r) : held{std::move(r)} {}
    bool is_lossless() const noexcept override { return R::lossless; }
    void start() override {
      if constexpr (requires { held.start(); }) held.start();
    }
    outcome verify(const draft& d, const target_laws& p, random_ref random) override { return held(d, p, random); }
    R held;
  };

  detail::owner<erased> rule_;
};

}  // namespace rules
}  // namespace v0
}  // namespace proviso
