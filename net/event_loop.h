// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One thread's wait for descriptors, deadlines and other threads: epoll(7).

#ifndef POSTERN_NET_EVENT_LOOP_H_
#define POSTERN_NET_EVENT_LOOP_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "net/timer_wheel.h"
#include "net/turn.h"
#include "system/descriptor.h"

namespace postern::net {

// Everything happens on the thread of Run(), and only there may anything be
// called but Post(), Stop() and OnThread(). Nothing that is called may block.
class EventLoop {
 public:
  using Task = absl::AnyInvocable<void() &&>;

  // Hears of a descriptor's events. Must live until the end of the round in
  // which it was forgotten: destroy it by Later().
  class Handler {
   public:
    virtual ~Handler() = default;
    // `events`: EPOLLIN and so on.
    virtual void OnEvents(uint32_t events) = 0;
  };

  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  // Destroys what was posted and has not run.
  ~EventLoop();

  // Why the loop cannot be run, if it cannot: no descriptors.
  const absl::Status& status() const { return status_; }

  // Serves until Stop().
  void Run();
  // Ends Run() at the end of a round. Thread-safe.
  void Stop();

  // Has `task` run on the loop's thread, in the order of the calls.
  // Thread-safe, before, while and after the loop runs.
  void Post(Task task);
  // Returns whether the caller is on the loop's thread, while it runs.
  bool OnThread() const;

  // Has `task` run at the end of the round.
  void Later(Task task) { later_.push_back(std::move(task)); }

  // Tells `handler` of `events` of the descriptor: EPOLLET, EPOLLIN... Returns
  // false where the system has no room for it.
  bool Watch(int fd, uint32_t events, Handler* handler);
  void Unwatch(int fd);

  TimerWheel& timers() { return timers_; }
  // When the loop called the handler, the task or the timers that run now.
  Timer::Time now() const { return now_; }

  // A buffer for the handler that runs, until it returns to the loop: so no
  // connection needs one of its own while nothing is in it.
  absl::Span<char> scratch() { return absl::MakeSpan(scratch_); }
  // The same for the count of its work.
  Turn& turn() { return turn_; }

  // Octets of scratch(). What a client sent ahead of an answer is copied out of
  // it, so it bounds what a connection can keep; larger reads copied no more
  // from the kernel in a second.
  static constexpr size_t kScratch = size_t{64} << 10;

  // Returns the longest time so far from the call of a handler or a task, or of
  // all timers that were due, to its return: so long did all others wait.
  // Thread-safe.
  std::chrono::nanoseconds longest_turn() const {
    return std::chrono::nanoseconds(
        longest_turn_.load(std::memory_order_relaxed));
  }

 private:
  void RunPosted();
  // A handler, a task or the timers have returned.
  void EndTurn();

  absl::Status status_;
  system::Descriptor epoll_;
  system::Descriptor wake_;  // eventfd
  std::atomic<bool> stopped_{false};

  std::mutex mutex_;
  std::vector<Task> posted_;  // guarded by mutex_

  std::vector<Task> later_;
  Timer::Time now_;
  TimerWheel timers_;
  std::vector<char> scratch_;
  Turn turn_;
  // Nanoseconds. Written by the loop's thread alone.
  std::atomic<int64_t> longest_turn_{0};
};

}  // namespace postern::net

#endif  // POSTERN_NET_EVENT_LOOP_H_
