// SPDX-License-Identifier: Apache-2.0
#include <proviso/core/task.hpp>

#include <coroutine>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace proviso;

namespace {

/// Something to wait for that the test opens by hand.
struct gate {
  std::coroutine_handle<> waiting = nullptr;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) noexcept { waiting = h; }
  void await_resume() const noexcept {}
  void open() { std::exchange(waiting, nullptr).resume(); }
};

/// Says when a coroutine's frame is destroyed.
struct frame_witness {
  explicit frame_witness(int& count) : alive{count} { ++alive; }
  frame_witness(const frame_witness&) = delete;
  frame_witness& operator=(const frame_witness&) = delete;
  ~frame_witness() { --alive; }
  int& alive;
};

task leaf(gate& g, std::vector<std::string>& log) {
  log.push_back("leaf");
  co_await g;
  log.push_back("leaf goes on");
}
task middle(gate& g, std::vector<std::string>& log) {
  log.push_back("middle");
  co_await leaf(g, log);
  co_await leaf(g, log);
  log.push_back("middle ends");
}
task thrower(gate* g) {
  if (g != nullptr) co_await *g;
  throw std::runtime_error("thrown");
}
task catcher(gate& g, std::string& what) {
  try {
    co_await thrower(&g);
  } catch (const std::runtime_error& e) {
    what = e.what();
  }
  co_await thrower(nullptr);
}
task early(gate& a, gate& b, std::vector<std::string>& log) {
  task first = leaf(a, log);
  first.start();
  log.push_back("early waits for b");
  co_await b;
  log.push_back("early awaits leaf");
  co_await first;
  log.push_back("early ends");
}
task holder(gate& g, int& alive) {
  const frame_witness w{alive};
  co_await g;
}
task nest(gate& g, int& alive) {
  const frame_witness w{alive};
  co_await holder(g, alive);
}
[[gnu::noinline]] task one_frame(gate& g) { co_await g; }

}  // namespace

TEST_CASE("a task runs when it is started or awaited, and nests") {
  gate g;
  std::vector<std::string> log;
  task t = middle(g, log);
  CHECK(log.empty());
  CHECK(!t.done());
  t.start();
  CHECK(log == std::vector<std::string>{"middle", "leaf"});
  t.start();  // once is enough
  CHECK(log.size() == 2);
  g.open();
  CHECK(log.size() == 4);
  g.open();
  CHECK(t.done());
  CHECK(log.back() == "middle ends");
  t.get();

  const task nothing;
  CHECK(nothing.done());
  nothing.get();
}

TEST_CASE("exceptions travel to the awaiter and to get") {
  gate g;
  std::string what;
  task t = catcher(g, what);
  t.start();
  CHECK(what.empty());
  g.open();
  CHECK(what == "thrown");
  CHECK(t.done());
  CHECK_THROWS_AS(t.get(), std::runtime_error);
  CHECK_THROWS_AS(t.get(), std::runtime_error);
}

TEST_CASE("a task that was started early is awaited later, finished or not") {
  gate a;
  gate b;
  std::vector<std::string> log;
  SECTION("still running") {
    task t = early(a, b, log);
    t.start();
    CHECK(log == std::vector<std::string>{"leaf", "early waits for b"});
    b.open();
    CHECK(log.back() == "early awaits leaf");
    CHECK(!t.done());
    a.open();
    CHECK(t.done());
  }
  SECTION("finished before") {
    task t = early(a, b, log);
    t.start();
    a.open();
    CHECK(log.back() == "leaf goes on");
    b.open();
    CHECK(t.done());
  }
  CHECK(log.back() == "early ends");
}

TEST_CASE("a suspended task is destroyed with everything that it awaits") {
  int alive = 0;
  gate g;
  {
    task t = nest(g, alive);
    CHECK(alive == 0);
    t.start();
    CHECK(alive == 2);
    task moved = std::move(t);
    CHECK(t.done());
    CHECK(!moved.done());
    CHECK(alive == 2);
  }
  CHECK(alive == 0);
  {
    const task never_started = nest(g, alive);
    CHECK(!never_started.done());
  }
  CHECK(alive == 0);
}

TEST_CASE("an arena gives freed frames out again") {
  frame_arena arena;
  CHECK(frame_arena::current() == nullptr);
  void* const a = arena.allocate(100);
  void* const b = arena.allocate(100);
  void* const c = arena.allocate(60);
  CHECK(a != b);
  arena.release(a, 100);
  void* const d = arena.allocate(60);
  CHECK(d != a);  // another size
  CHECK(arena.allocate(100) == a);
  arena.release(a, 100);
  arena.release(b, 100);
  CHECK(arena.allocate(100) == b);
  arena.release(b, 100);
  arena.release(c, 60);
  arena.release(d, 60);
}

TEST_CASE("frames come from the arena that was current at the call, and return to it") {
  frame_arena arena;
  gate g;
  task outlives_scope;
  void* frame = nullptr;
  {
    const frame_arena::scope scope{arena};
    CHECK(frame_arena::current() == &arena);
    task t = one_frame(g);
    t.start();
    frame = g.waiting.address();
    {
      frame_arena inner;
      const frame_arena::scope nested{inner};
      CHECK(frame_arena::current() == &inner);
      g.open();  // a frame does not care where it is resumed
      t = task{};
    }
    CHECK(frame_arena::current() == &arena);
    outlives_scope = one_frame(g);
    outlives_scope.start();
    CHECK(g.waiting.address() == frame);  // the same memory again
  }
  CHECK(frame_arena::current() == nullptr);
  g.open();
  outlives_scope = task{};

  task from_heap = one_frame(g);
  from_heap.start();
  CHECK(g.waiting.address() != frame);
  g.open();
  CHECK(from_heap.done());
}
