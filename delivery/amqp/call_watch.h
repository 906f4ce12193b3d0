// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Ends calls of a connection to a broker that take too long.

#ifndef POSTERN_DELIVERY_AMQP_CALL_WATCH_H_
#define POSTERN_DELIVERY_AMQP_CALL_WATCH_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "delivery/amqp/broker.h"

namespace postern::delivery {

// A broker with an alarm, for memory or disk, does not read from connections
// that have published. A call that sends then blocks, and only Abort() from
// another thread ends it. This class has that thread.
//
// One thread calls the functions.
class CallWatch {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    // A call may take so long without progress.
    std::chrono::milliseconds patience{30000};
    // How often to look. A call is aborted up to so much later.
    std::chrono::milliseconds interval{500};
    // Returns whether no call may go on. Called on the thread of this object,
    // and only during a call that has taken `interval`. May be empty.
    std::function<bool()> ended;
  };

  CallWatch(BrokerConnection* connection, Options options)
      : connection_(*connection), options_(std::move(options)) {}
  CallWatch(const CallWatch&) = delete;
  CallWatch& operator=(const CallWatch&) = delete;
  // Waits for the thread. To be destroyed before the connection.
  ~CallWatch();

  // Returns an error if the system has no more threads.
  absl::Status Start();

  // A call begins, makes progress, and ends.
  void Begin();
  void Progress() { Begin(); }
  void End();

 private:
  void Watch();

  BrokerConnection& connection_;
  const Options options_;
  std::mutex mutex_;  // guards the members below, except for thread_
  std::condition_variable changed_;
  bool stopping_ = false;
  std::optional<Clock::time_point> since_;  // of the call; nullopt: none
  std::thread thread_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_AMQP_CALL_WATCH_H_
