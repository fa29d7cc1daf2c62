// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/function_ref.hpp>

#include <type_traits>

#include "support/catch.hpp"

using proviso::function_ref;

TEST_CASE("a function_ref calls what it refers to, by reference") {
  int calls = 0;
  auto count = [&calls](int by) { return calls += by; };
  const function_ref<int(int)> f{count};
  CHECK(f(2) == 2);
  const function_ref<int(int)> copy = f;
  CHECK(copy(3) == 5);
  CHECK(calls == 5);

  struct stateful {
    int n = 0;
    void operator()() { ++n; }
  } object;
  const function_ref<void()> g{object};
  g();
  g();
  CHECK(object.n == 2);
  STATIC_REQUIRE(!std::is_constructible_v<function_ref<int(int)>, stateful&>);
}
