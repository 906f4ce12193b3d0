// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An event loop: one thread that waits with epoll(7) for descriptors, deadlines
// and tasks from other threads.

#ifndef POSTERN_NET_EVENT_LOOP_H_
#define POSTERN_NET_EVENT_LOOP_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "net/timer_wheel.h"
#include "net/turn.h"
#include "system/descriptor.h"

namespace postern::net {

// Calls handlers, tasks and timers on the thread of Run(). While Run() runs,
// other threads may call only Post(), Stop(), OnThread(), Running() and
// longest_turn(). Nothing that the loop calls may block.
class EventLoop {
 public:
  // Something that runs once, on the thread of the loop.
  using Task = absl::AnyInvocable<void() &&>;

  // Receives the events of a descriptor. After Unwatch() it must live until the
  // end of the round: destroy it in a task of Later().
  class Handler {
   public:
    virtual ~Handler() = default;
    // `events`: EPOLLIN and so on.
    virtual void OnEvents(uint32_t events) = 0;
  };

  // An object of one loop, such as the connections that its thread has to other
  // servers. Used on the loop's thread.
  class Resident {
   public:
    virtual ~Resident() = default;
  };

  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  // Destroys the tasks that have not run.
  ~EventLoop();

  // Returns an error if the loop has no descriptors and cannot run.
  const absl::Status& status() const { return status_; }

  // Runs until Stop(), and then destroys the tasks of Post() that have not run.
  // What they hold may refer to objects that live only as long as the thread of
  // Run(). May be called once.
  void Run();
  // Ends Run() at the end of the current round. Thread-safe.
  void Stop();

  // Runs `task` on the loop's thread, in the order of the calls. Thread-safe.
  // May be called before, while and after the loop runs. After Run() it
  // destroys the task on the calling thread, and nothing runs.
  void Post(Task task);
  // Returns whether the calling thread is in Run() of this loop.
  bool OnThread() const;
  // Returns the loop in whose Run() the calling thread is, or null.
  static EventLoop* Running();

  // Returns the resident with the key `key`. The first call makes it with
  // `make`. It is destroyed at the end of Run(), on the loop's thread. Call it
  // on this thread.
  Resident* ResidentOf(const void* key,
                       absl::FunctionRef<std::unique_ptr<Resident>()> make);

  // Runs `task` at the end of the current round.
  void Later(Task task) { later_.push_back(std::move(task)); }

  // Calls `handler` for `events` of the descriptor: EPOLLET, EPOLLIN and so on.
  // Returns false if the system cannot watch another descriptor.
  bool Watch(int fd, uint32_t events, Handler* handler);
  void Unwatch(int fd);

  // The timers of the loop. Use them on its thread only.
  TimerWheel& timers() { return timers_; }
  // The time at which the loop called the handler, the task or the timers that
  // run now.
  Timer::Time now() const { return now_; }

  // A buffer for the running handler, valid until the handler returns. So a
  // connection needs no buffer of its own while it has no data.
  absl::Span<char> scratch() { return absl::MakeSpan(scratch_); }
  // The turn of the running handler.
  Turn& turn() { return turn_; }

  // Bytes of scratch(). A connection copies from it what the client sent before
  // the answer to a question, so this size also limits what a connection keeps.
  // Larger reads gave no higher throughput.
  static constexpr size_t kScratch = size_t{64} << 10;

  // Returns the longest time so far that one handler, one task, or all timers
  // that were due have taken. All other connections waited that long.
  // Thread-safe.
  std::chrono::nanoseconds longest_turn() const {
    return std::chrono::nanoseconds(
        longest_turn_.load(std::memory_order_relaxed));
  }

 private:
  void RunPosted();
  // Measures how long the handler, the task or the timers ran that have
  // returned.
  void EndTurn();

  absl::Status status_;
  system::Descriptor epoll_;
  system::Descriptor wake_;  // eventfd
  std::atomic<bool> stopped_{false};

  std::mutex mutex_;
  std::vector<Task> posted_;  // guarded by mutex_
  bool over_ = false;         // Run() has ended; guarded by mutex_

  std::map<const void*, std::unique_ptr<Resident>> residents_;
  std::vector<Task> later_;
  Timer::Time now_;
  TimerWheel timers_;
  std::vector<char> scratch_;
  Turn turn_;
  // Nanoseconds. Only the loop's thread writes it.
  std::atomic<int64_t> longest_turn_{0};
};

}  // namespace postern::net

#endif  // POSTERN_NET_EVENT_LOOP_H_
