// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/list.hpp>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using proviso::detail::list;

namespace {

std::vector<int> contents(const list<std::vector<int>>& l) {
  std::vector<int> all;
  for (const std::vector<int>& v : l) all.push_back(v.empty() ? -1 : v[0]);
  return all;
}

}  // namespace

TEST_CASE("a list grows, keeps its order and destroys its elements") {
  list<std::vector<int>> l;  // the sanitizer watches the elements' memory
  CHECK(l.empty());
  for (int i = 0; i < 20; ++i) CHECK(l.push_back({i})[0] == i);
  CHECK(l.size() == 20);
  CHECK(l[7][0] == 7);
  CHECK(l.back()[0] == 19);
  while (l.size() > 4) l.pop_back();
  l.remove(1);
  CHECK(contents(l) == std::vector<int>{0, 2, 3});
  l.remove(2);
  CHECK(contents(l) == std::vector<int>{0, 2});
  l.extend(3);
  l.extend(1);
  CHECK(contents(l) == std::vector<int>{0, 2, -1});
  const std::vector<int>* const memory = l.begin();
  l.clear();
  l.push_back({5});
  CHECK(l.begin() == memory);
  CHECK(proviso::detail::view(l).size() == 1);
}

TEST_CASE("lists are copied and moved like values") {
  list<std::vector<int>> a;
  a.push_back({1});
  a.push_back({2});
  list<std::vector<int>> b = a;
  b[0][0] = 9;
  CHECK(contents(a) == std::vector<int>{1, 2});
  CHECK(contents(b) == std::vector<int>{9, 2});
  a = b;
  CHECK(contents(a) == std::vector<int>{9, 2});
  list<std::vector<int>> c = std::move(b);
  CHECK(contents(c) == std::vector<int>{9, 2});
  b = std::move(c);
  CHECK(contents(b) == std::vector<int>{9, 2});
}

TEST_CASE("a list is resized, filled and copied into") {
  using proviso::detail::append;
  using proviso::detail::copy;
  list<std::vector<int>> l(2, {7});
  l.resize(4);
  CHECK(contents(l) == std::vector<int>{7, 7, -1, -1});
  l.resize(1);
  CHECK(contents(l) == std::vector<int>{7});
  l.assign(3, {5});
  CHECK(contents(l) == std::vector<int>{5, 5, 5});

  const int numbers[] = {1, 2, 3, 4};
  list<int> to(9, 8);
  copy(std::span<const int>{numbers}, to);
  append(std::span<const int>{numbers}.first(2), to);
  CHECK(std::vector<int>(to.begin(), to.end()) == std::vector<int>{1, 2, 3, 4, 1, 2});
  to.drop_front(3);
  CHECK(std::vector<int>(to.begin(), to.end()) == std::vector<int>{4, 1, 2});
  list<int> other;
  other.swap(to);
  CHECK(to.empty());
  CHECK(other.size() == 3);
  CHECK(other.capacity() >= 6);
}

TEST_CASE("a list may be filled with one of its own elements") {
  list<std::vector<int>> l;
  for (int i = 0; i < 4; ++i) l.push_back({i});
  l.assign(3, l[2]);
  CHECK(contents(l) == std::vector<int>{2, 2, 2});
  l.assign(50, l[1]);
  CHECK(l.size() == 50);
  CHECK(l[49][0] == 2);
  while (l.size() < l.capacity()) l.push_back({3});
  l.push_back(l[0]);
  CHECK(l.back()[0] == 2);
}

namespace {

/// Counts the living; the copy that `until` counts down to throws.
struct counted_copy {
  inline static int alive = 0;
  inline static int until = 0;
  counted_copy() { ++alive; }
  counted_copy(const counted_copy&) {
    if (--until == 0) throw 1;
    ++alive;
  }
  counted_copy(counted_copy&&) noexcept { ++alive; }
  counted_copy& operator=(const counted_copy&) = default;
  ~counted_copy() { --alive; }
};

}  // namespace

TEST_CASE("a copy that throws leaves nothing behind") {
  {
    list<counted_copy> l;
    l.extend(5);
    counted_copy::until = 3;
    CHECK_THROWS_AS((list<counted_copy>{l}), int);  // the leak sanitizer watches the memory of the list
    CHECK(counted_copy::alive == 5);
    counted_copy::until = 1;
    CHECK_THROWS_AS((list<counted_copy>(2, l[0])), int);
    CHECK(counted_copy::alive == 5);
    counted_copy::until = 0;
  }
  CHECK(counted_copy::alive == 0);
}
