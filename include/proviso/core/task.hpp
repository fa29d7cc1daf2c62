// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <new>
#include <utility>

#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {

/// Memory for coroutine frames of one sequence. Freed frames are kept and given out again to coroutines of the same
/// size, so after the first rounds of a generation no frame is allocated.
class frame_arena {
 public:
  frame_arena() = default;
  frame_arena(const frame_arena&) = delete;
  frame_arena& operator=(const frame_arena&) = delete;
  ~frame_arena() {
    while (free_ != nullptr) ::operator delete(std::exchange(free_, free_->next));
  }

  /// At least `sizeof(void*) + sizeof(std::size_t)` bytes.
  void* allocate(std::size_t bytes) {
    for (free_frame** link = &free_; *link != nullptr; link = &(*link)->next) {
      if ((*link)->bytes == bytes) return std::exchange(*link, (*link)->next);
    }
    return ::operator new(bytes);
  }
  void release(void* frame, std::size_t bytes) noexcept { free_ = ::new (frame) free_frame{free_, bytes}; }

  /// The arena of the sequence that runs on this thread, if any.
  static frame_arena* current() noexcept { return current_; }
  /// Makes an arena current for as long as the scope lives.
  class scope {
   public:
    explicit scope(frame_arena& arena) noexcept : outer_{std::exchange(current_, &arena)} {}
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() { current_ = outer_; }

   private:
    frame_arena* outer_;
  };

 private:
  inline static thread_local frame_arena* current_ = nullptr;
  struct free_frame {
    free_frame* next;
    std::size_t bytes;
  };
  free_frame* free_ = nullptr;
};

/// A coroutine that runs when it is awaited and may itself await evaluations and other tasks.
///
/// Its frame comes from the arena of the sequence that runs on this thread, else from the heap. Exceptions travel to
/// the awaiter. A task may also be started early (`start`) and awaited later: between the two its evaluations are
/// open beside the caller's, which is how drafting overlaps verification.
class [[nodiscard]] task {
 public:
  struct promise_type {
    std::coroutine_handle<> continuation = std::noop_coroutine();
    std::exception_ptr error;

    static void* operator new(std::size_t bytes) {
      frame_arena* arena = frame_arena::current();
      void* base = arena != nullptr ? arena->allocate(bytes + header) : ::operator new(bytes + header);
      *static_cast<frame_arena**>(base) = arena;
      return static_cast<std::byte*>(base) + header;
    }
    static void operator delete(void* frame, std::size_t bytes) noexcept {
      auto* base = static_cast<std::byte*>(frame) - header;
      frame_arena* arena = *reinterpret_cast<frame_arena**>(base);
      if (arena != nullptr) {
        arena->release(base, bytes + header);
      } else {
        ::operator delete(base);
      }
    }

    task get_return_object() noexcept { return task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept {
      struct resume_awaiter {
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
          return self.promise().continuation;
        }
        void await_resume() const noexcept {}
      };
      return resume_awaiter{};
    }
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { error = std::current_exception(); }

   private:
    static constexpr std::size_t header = __STDCPP_DEFAULT_NEW_ALIGNMENT__;  // holds the arena
  };

  task() = default;
  task(task&& other) noexcept
      : handle_{std::exchange(other.handle_, nullptr)}, started_{std::exchange(other.started_, false)} {}
  task& operator=(task&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(started_, other.started_);
    return *this;
  }
  ~task() {
    if (handle_) handle_.destroy();
  }

  /// Runs until the first suspension. Errors are kept for `co_await` or `get`.
  void start() {
    if (handle_ && !started_) {
      started_ = true;
      handle_.resume();
    }
  }
  bool done() const noexcept { return !handle_ || handle_.done(); }
  /// Rethrows what the finished task threw.
  void get() const {
    if (handle_ && handle_.promise().error) std::rethrow_exception(handle_.promise().error);
  }

  bool await_ready() const noexcept { return done(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().continuation = awaiter;
    if (started_) return std::noop_coroutine();
    started_ = true;
    return handle_;
  }
  void await_resume() const { get(); }

 private:
  explicit task(std::coroutine_handle<promise_type> handle) noexcept : handle_{handle} {}

  std::coroutine_handle<promise_type> handle_ = nullptr;
  bool started_ = false;
};

}  // namespace v0
}  // namespace proviso
