// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace proviso {
inline namespace v0 {
namespace eigen {

/// A few threads that share the pieces of one job after another; the caller of `run` is member 0.
///
/// Pieces are handed out one at a time, so a member that the system does not let run holds nobody up. Waiting members
/// spin for `spin` and then sleep. A team of one runs everything in the caller, without synchronisation.
class thread_team {
 public:
  explicit thread_team(std::size_t threads, std::chrono::microseconds spin = std::chrono::microseconds{200})
      : size_{threads == 0 ? 1 : threads}, spin_{spin} {
    workers_.reserve(size_ - 1);
    try {
      for (std::size_t i = 1; i < size_; ++i) workers_.emplace_back([this, i] { work(i); });
    } catch (...) {
      stop();
      throw;
    }
  }
  thread_team(const thread_team&) = delete;
  thread_team& operator=(const thread_team&) = delete;
  ~thread_team() { stop(); }

  std::size_t size() const noexcept { return size_; }

  /// Calls `function(member, piece)` for all pieces below `pieces`, each on some member, and returns when all have
  /// returned. The function does not throw. One `run` at a time; at most 65535 pieces.
  template <class F>
  void run(std::size_t pieces, F&& function) {
    if (size_ == 1 || pieces < 2) {
      for (std::size_t piece = 0; piece < pieces; ++piece) function(std::size_t{0}, piece);
      return;
    }
    function_ = &function;
    call_ = [](void* f, std::size_t member, std::size_t piece) {
      (*static_cast<std::remove_reference_t<F>*>(f))(member, piece);
    };
    done_.store(0, std::memory_order_relaxed);
    ++job_;
    ticket_.store(job_ << 32 | static_cast<std::uint64_t>(pieces) << 16, std::memory_order_release);
    signal_.fetch_add(1, std::memory_order_release);
    signal_.notify_all();
    while (take_piece(0)) {
    }
    for (int i = 0; done_.load(std::memory_order_acquire) != pieces; ++i) pause(i);
  }

 private:
  static constexpr int quick_checks = 256;  // about ten microseconds

  /// Runs the next piece of the current job. A ticket holds the job, its pieces, and the next piece: whoever advances
  /// it owns that piece, and the job cannot end before the piece is done.
  bool take_piece(std::size_t member) {
    std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
    do {
      if ((ticket & 0xffffU) >= ((ticket >> 16) & 0xffffU)) return false;
    } while (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel, std::memory_order_acquire));
    call_(function_, member, static_cast<std::size_t>(ticket & 0xffffU));
    done_.fetch_add(1, std::memory_order_release);
    return true;
  }

  void work(std::size_t member) {
    std::uint32_t seen = 0;
    while (!stopping_.load(std::memory_order_relaxed)) {
      while (take_piece(member)) {
      }
      seen = wait_for_signal(seen);
    }
  }

  std::uint32_t wait_for_signal(std::uint32_t seen) const noexcept {
    for (int i = 0; i < quick_checks; ++i) {
      const std::uint32_t now = signal_.load(std::memory_order_acquire);
      if (now != seen) return now;
      pause(i);
    }
    const auto end = std::chrono::steady_clock::now() + spin_;
    while (std::chrono::steady_clock::now() < end) {
      const std::uint32_t now = signal_.load(std::memory_order_acquire);
      if (now != seen) return now;
      pause(quick_checks);
    }
    signal_.wait(seen, std::memory_order_acquire);
    return signal_.load(std::memory_order_acquire);
  }

  /// One step of spinning. After a while, lets others have the processor: one of them may be waited for.
  static void pause(int step) noexcept {
    if (step >= quick_checks) {
      std::this_thread::yield();
      return;
    }
#if defined(__x86_64__)
    _mm_pause();
#endif
  }

  void stop() noexcept {
    stopping_.store(true, std::memory_order_relaxed);
    signal_.fetch_add(1, std::memory_order_release);
    signal_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  std::size_t size_;
  std::chrono::microseconds spin_;
  std::uint64_t job_ = 0;
  void* function_ = nullptr;
  void (*call_)(void*, std::size_t, std::size_t) = nullptr;
  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  alignas(64) std::atomic<std::size_t> done_{0};
  alignas(64) std::atomic<std::uint32_t> signal_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
