// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The shared state in a Redis.

#ifndef POSTERN_POLICY_SHARED_REDIS_STORE_H_
#define POSTERN_POLICY_SHARED_REDIS_STORE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "policy/shared/redis_connection.h"
#include "policy/shared/shared_store.h"
#include "system/descriptor.h"

namespace postern::policy {

// One connection, on a thread of its own, which sends questions without waiting
// for the answers of those before.
//
// It works while the connection does and each answer comes in time. After an
// error or a question without an answer for `timeout`, the connection is
// closed, all questions get an error at once, and so do new ones: so an outage
// delays only the questions that were open when it began. The thread connects
// again, first after kFirstRetry, and after twice the time at each failure that
// follows, up to kLastRetry. Questions are accepted again after a test of the
// new connection.
//
// Any error that Redis returns is an outage, also one about a single key
// (NOAUTH, READONLY, LOADING, OOM, WRONGTYPE): an administrator must look at
// it.
//
// Memory: at most kMaxOpen questions are open. Further ones get an error, and
// the connection stays.
class RedisStore : public SharedStore {
 public:
  static constexpr size_t kMaxOpen = 4096;
  static constexpr std::chrono::milliseconds kFirstRetry{1000};
  static constexpr std::chrono::milliseconds kLastRetry{8000};

  struct Options {
    RedisAccess access;
    // For each question, and as RedisConnection::Open() has it.
    std::chrono::milliseconds timeout{1000};
    // Called on the thread of the store, when it begins to work, when it stops
    // to, and when another reason keeps it from working. The text names the
    // server and the reason.
    std::function<void(bool works, const std::string& text)> report;
    std::chrono::milliseconds first_retry = kFirstRetry;
    std::chrono::milliseconds last_retry = kLastRetry;
  };
  // Of questions, since the start.
  struct Counts {
    uint64_t answered = 0;
    uint64_t failed = 0;   // they were sent, and not answered
    uint64_t skipped = 0;  // they were not sent: an outage, or too many open
  };

  explicit RedisStore(Options options);
  RedisStore(const RedisStore&) = delete;
  RedisStore& operator=(const RedisStore&) = delete;
  // Waits for the thread.
  ~RedisStore() override;

  // Starts the thread, and waits until its first attempt to connect has
  // succeeded or failed, for at most twice the timeout.
  absl::Status Start();
  // Returns an error for all open and all later questions. Returns whether the
  // thread has ended after at most `wait`. It may hang in a lookup of a host
  // name.
  bool Stop(std::chrono::milliseconds wait);

  // What later connections use. For a reload of the configuration.
  void SetAccess(RedisAccess access);

  bool works() const override { return works_.load(std::memory_order_acquire); }
  void Ask(SharedQuestion question, Done done) override;

  Counts counts() const;

 private:
  using Time = RedisConnection::Time;
  struct Open {
    Done done;
    Time until;
  };

  void Run();
  // Serves questions until an error, which it returns.
  absl::Status Serve(RedisConnection* connection, std::deque<Open>* sent);
  void Fail(std::deque<Open> sent, const absl::Status& why);
  void Report(bool works, const absl::Status& why);
  void Wake();
  void ClearWake();
  // Waits before the next attempt. Returns false after Stop().
  bool Pause(std::chrono::milliseconds time);
  bool stopped();

  const Options options_;
  const system::Descriptor wake_;  // eventfd
  std::atomic<bool> works_{false};
  std::atomic<uint64_t> answered_{0};
  std::atomic<uint64_t> failed_{0};
  std::atomic<uint64_t> skipped_{0};
  std::string reported_;  // used by the thread

  std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  RedisAccess access_;
  std::deque<std::pair<SharedQuestion, Open>> asked_;  // not sent yet
  size_t open_ = 0;  // asked_, and what is sent and not answered
  bool stopping_ = false;
  bool attempted_ = false;  // the first attempt to connect is over
  bool ended_ = true;       // no thread runs
  std::thread thread_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SHARED_REDIS_STORE_H_
