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
  template <rule R>
  requires(!std::same_as<R, any>) any(R r)
      : lossless{r.lossless},
        shares_noise{proviso::shares_noise(r)},
        prefers_likeliest{proviso::prefers_likeliest(r)},
        rule_{new holder<R>{std::move(r)}} {}  // NOLINT

  bool lossless;  ///< of the rule inside: not known when compiled
  bool shares_noise;
  bool prefers_likeliest;
  void start() { rule_->start(); }
  outcome operator()(const draft& d, const target_laws& p, random_ref random) { return rule_->verify(d, p, random); }

 private:
  struct erased {
    erased() = default;
    erased(const erased&) = delete;
    erased& operator=(const erased&) = delete;
    virtual ~erased() = default;
    virtual void start() = 0;
    virtual outcome verify(const draft& d, const target_laws& p, random_ref random) = 0;
  };
  template <class R>
  struct holder final : erased {
    explicit holder(R r) : held{std::move(r)} {}
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
