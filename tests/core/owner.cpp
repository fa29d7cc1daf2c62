// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/owner.hpp>

#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace {

struct witness {
  std::vector<int>* gone;
  int name;
  witness(std::vector<int>& list, int n) : gone{&list}, name{n} {}
  witness(const witness&) = delete;
  witness& operator=(const witness&) = delete;
  ~witness() { gone->push_back(name); }
};

}  // namespace

TEST_CASE("an owner destroys its object once, and hands it over when it is moved") {
  using proviso::detail::owner;
  std::vector<int> gone;
  {
    owner<const witness> a{new witness{gone, 1}};
    owner<const witness> b{std::move(a)};
    CHECK(b->name == 1);
    owner<const witness> c{new witness{gone, 2}};
    c = std::move(b);
    CHECK(c->name == 1);
    CHECK(gone.empty());
  }
  CHECK(gone == std::vector<int>{1, 2});
}
