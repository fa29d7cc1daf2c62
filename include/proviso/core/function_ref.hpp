// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

namespace proviso {
inline namespace v0 {

template <class Signature>
class function_ref;

/// A reference to something callable; it never owns, so the callable must outlive it. Two words, one indirect call.
template <class Result, class... Args>
class function_ref<Result(Args...)> {
 public:
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, function_ref> && std::is_invocable_r_v<Result, F&, Args...> &&
             !std::is_function_v<std::remove_reference_t<F>>)
  constexpr function_ref(F&& f) noexcept  // NOLINT(google-explicit-constructor): callables convert
      : object_{const_cast<void*>(static_cast<const void*>(&f))}, call_{[](void* object, Args... args) -> Result {
          return (*static_cast<std::add_pointer_t<std::remove_reference_t<F>>>(object))(std::forward<Args>(args)...);
        }} {}

  constexpr Result operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  Result (*call_)(void*, Args...);
};

}  // namespace v0
}  // namespace proviso
