// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/view.hpp>

#include <span>
#include <vector>

#include "support/catch.hpp"

TEST_CASE("a view is the elements of a vector, and copy replaces them") {
  std::vector<int> v{1, 2, 3};
  const std::span<const int> all = proviso::detail::view(v);
  CHECK(all.data() == v.data());
  CHECK(all.size() == 3);
  proviso::detail::writable(v)[1] = 7;
  CHECK(all[1] == 7);
  std::vector<int> w{9, 9, 9, 9};
  proviso::detail::copy(all, w);
  CHECK(w == v);
}
