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
/// Every member has a share of its own, the same one in jobs of the same size, so that the memory it touches stays in
/// its caches. It takes its pieces one at a time and helps the others when it is done, so a member that the system does
/// not let run holds nobody up. Waiting members spin for `spin` and then sleep. A team of one runs everything in the
/// caller, without synchronisation.
class thread_team {
 public:
  explicit thread_team(std::size_t threads, std::chrono::microseconds spin = std::chrono::microseconds{200})
      : size_{threads == 0 ? 1 : threads}, spin_{spin}, shares_(size_) {
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
    done_.store(0, std::memory_order_relaxed);
    ++job_;
    for (std::size_t i = size_; i-- > 0;) {
      shares_[i].function = &function;
      shares_[i].call = [](void* f, std::size_t member, std::size_t piece) {
        (*static_cast<std::remove_reference_t<F>*>(f))(member, piece);
      };
      shares_[i].ticket.exchange(job_ << 32 | static_cast<std::uint64_t>(pieces * (i + 1) / size_) << 16 |
                                 static_cast<std::uint64_t>(pieces * i / size_));
    }
    if (sleepers_.load() != 0) wake();
    take_pieces(0);
    for (int i = 0; done_.load(std::memory_order_acquire) != pieces; ++i) pause(i);
  }

 private:
  static constexpr int quick_checks = 256;  // about ten microseconds

  /// Pieces of the current job for one member. A ticket holds the job, the end of its pieces, and the next piece:
  /// whoever advances it owns that piece, and the job cannot end before the piece is done.
  struct alignas(64) share {
    std::atomic<std::uint64_t> ticket{0};
    void* function = nullptr;
    void (*call)(void*, std::size_t, std::size_t) = nullptr;
  };

  /// Runs all pieces that are left, first those of the own share.
  void take_pieces(std::size_t member) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      share& from = shares_[(member + i) % size_];
      std::uint64_t ticket = from.ticket.load(std::memory_order_acquire);
      while ((ticket & 0xffffU) < ((ticket >> 16) & 0xffffU)) {
        if (!from.ticket.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel)) continue;
        from.call(from.function, member, static_cast<std::size_t>(ticket & 0xffffU));
        ++count;
        ticket = from.ticket.load(std::memory_order_acquire);
      }
    }
    if (count != 0) done_.fetch_add(count, std::memory_order_release);
  }

  void work(std::size_t member) {
    std::uint64_t seen = 0;
    while (!stopping_.load(std::memory_order_relaxed)) {
      seen = wait_for_job(member, seen);
      take_pieces(member);
    }
  }

  /// Waits until the share of `member` belongs to another job than `seen`, or the team stops; returns that job.
  std::uint64_t wait_for_job(std::size_t member, std::uint64_t seen) {
    const auto job = [&] { return shares_[member].ticket.load() >> 32; };
    for (int i = 0; i < quick_checks; ++i) {
      if (job() != seen) return job();
      pause(i);
    }
    const auto end = std::chrono::steady_clock::now() + spin_;
    while (std::chrono::steady_clock::now() < end) {
      if (job() != seen) return job();
      pause(quick_checks);
    }
    // Either the next `run` sees a sleeper, or this thread sees its job.
    const std::uint32_t signal = signal_.load();
    sleepers_.fetch_add(1);
    if (job() == seen && !stopping_.load()) signal_.wait(signal);
    sleepers_.fetch_sub(1);
    return job();
  }

  void wake() noexcept {
    signal_.fetch_add(1);
    signal_.notify_all();
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
    stopping_.store(true);
    wake();
    for (std::thread& worker : workers_) worker.join();
  }

  std::size_t size_;
  std::chrono::microseconds spin_;
  std::uint64_t job_ = 0;
  std::vector<share> shares_;
  alignas(64) std::atomic<std::size_t> done_{0};
  alignas(64) std::atomic<std::uint32_t> signal_{0};
  std::atomic<std::uint32_t> sleepers_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace eigen
}  // namespace v0
}  // namespace proviso
