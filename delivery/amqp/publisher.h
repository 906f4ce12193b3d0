// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Publishes messages to a queue, and waits for the broker's confirms.

#ifndef POSTERN_DELIVERY_AMQP_PUBLISHER_H_
#define POSTERN_DELIVERY_AMQP_PUBLISHER_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "delivery/amqp/broker.h"
#include "delivery/amqp/queued_message.h"

namespace postern::delivery {

// Has one connection at a time, and a thread for it, because the library of
// AMQP blocks. Many messages wait for their confirms at once. A message is
// confirmed if the broker acknowledges it and has not returned it.
//
// The thread connects again when a connection ends. Messages that were not
// confirmed are then sent once more, under the same id: if the broker has both,
// the message is a duplicate. If no broker works after some seconds (`grace`),
// messages fail at once and the thread tries to connect after pauses of up to
// kLongestPause. So no client waits for an outage that is known.
//
// A message that the broker does not take (Nack) is sent again, too: a quorum
// queue takes none while it elects a leader, and the broker does not give the
// reason. If it still takes none after `grace`, or at the end of the message's
// time, as a queue that is full, each message fails at its first Nack. This
// ends when the broker takes a message, with the connection, and when no Nack
// has come for `grace`.
//
// The threads start at the first call of status() or Publish().
//
// Thread-safe. The last reference must not be released by a Done, which runs on
// a thread of this object.
class AmqpPublisher {
 public:
  using Clock = std::chrono::steady_clock;
  // Answers once, on any thread. OK: the message is confirmed. Otherwise the
  // text says what happened, as the end of a sentence that begins with "the
  // broker". It names no host, because clients get it.
  using Done = absl::AnyInvocable<void(absl::Status) &&>;

  struct Options {
    // Empty: this object never connects and starts no threads. status() is OK,
    // and messages fail.
    ConnectBroker connect;
    // From Publish() to the confirm.
    std::chrono::milliseconds timeout{30000};
    // Before a message is sent again after a Nack, and the first pause before
    // another connection. Further ones are each twice as long, up to
    // kLongestPause.
    std::chrono::milliseconds pause{1000};
    // After a connection has ended, messages wait so long for another one, and
    // after a Nack, so long for the queue. A cluster that has lost a node needs
    // some seconds for a new leader: up to 8 were measured on a busy host.
    std::chrono::milliseconds grace{20000};
    // Receives what an administrator should know. Called on any thread.
    std::function<void(const std::string&)> report;
    // The clock for `timeout` of messages, and for Nacks. Never goes back.
    // Called on any thread.
    std::function<Clock::time_point()> now = Clock::now;
  };

  // Messages that are sent and not confirmed.
  static constexpr size_t kMaxUnconfirmed = 1000;
  // Messages that wait until they are sent. Further ones fail.
  static constexpr size_t kMaxWaiting = 10000;
  static constexpr std::chrono::seconds kLongestPause{15};
  // How long messages that were sent before the broker blocked the connection
  // may still be confirmed.
  static constexpr std::chrono::seconds kBlockedTimeout{5};

  explicit AmqpPublisher(Options options);
  AmqpPublisher(const AmqpPublisher&) = delete;
  AmqpPublisher& operator=(const AmqpPublisher&) = delete;
  // Calls Stop() and waits for the threads.
  ~AmqpPublisher();

  // Fails all messages that are not confirmed, and later ones at once. Returns
  // whether the threads have ended within `patience`: one that connects cannot
  // be interrupted. Then no Done is called any more. Not to be called by a
  // Done.
  bool Stop(std::chrono::milliseconds patience);

  // Returns why a message would fail now, or OK.
  absl::Status status();

  // Sends a message to `queue`. `body` may be read on another thread until
  // `done` has been called, and by a call that is then in progress.
  void Publish(std::string queue, AmqpProperties properties, BrokerBody body,
               Done done);

 private:
  struct Message {
    std::string queue;
    AmqpProperties properties;
    BrokerBody body;
    Clock::time_point deadline;
    std::optional<Done> done;                  // nullopt: answered
    bool returned = false;                     // since it was sent last
    int tries = 0;                             // connections
    std::optional<Clock::time_point> refused;  // the connection's first Nack
    Clock::time_point again;                   // when it is sent again
  };
  using SharedMessage = std::shared_ptr<Message>;
  // Answers that are given after the mutex has been released.
  struct Answer {
    Done done;
    absl::Status status;
  };
  using Answers = std::vector<Answer>;

  // The functions of the two threads.
  void Work();
  void Watch();
  // Runs one of them.
  void Run(void (AmqpPublisher::*function)());

  // Uses a connection until its error.
  absl::Status Serve(BrokerConnection* connection);
  // Sends the first message that waits. Sets `*sent` to whether there was one.
  absl::Status SendNext(BrokerConnection* connection, bool* sent);
  void Handle(const BrokerEvent& event);

  // Under mutex_.
  void Start();
  absl::Status Status() const;
  void Settle(const SharedMessage& message, absl::Status status,
              Answers* answers);
  void FailWaiting(const absl::Status& status, Answers* answers);
  // Returns whether to report that messages fail because the broker takes none.
  bool Confirm(const BrokerEvent& event, Answers* answers);
  // Sends `message` again after a Nack, or answers it. Returns the same.
  bool Refused(const SharedMessage& message, Answers* answers);
  // Returns how long the thread may wait before it sends a message again.
  absl::Duration UntilNext();
  void Disconnected(Answers* answers);
  Clock::time_point FirstDeadline() const;

  static void Give(Answers answers);
  void Report(const std::string& text) const;

  const Options options_;
  std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  bool stopping_ = false;
  int running_ = 0;            // threads
  bool watcher_idle_ = false;  // it waits for a first message
  std::deque<SharedMessage> waiting_;
  std::deque<SharedMessage> again_;  // in the order of Message::again
  std::map<uint64_t, SharedMessage> unconfirmed_;  // by tag
  uint64_t tag_ = 0;                               // of the last message
  std::shared_ptr<BrokerConnection> connection_;   // null: there is none
  // Why no broker works. OK: one works, or none was tried.
  absl::Status down_;
  std::optional<std::string> blocked_;
  // The broker has not confirmed a message in time, and none since. One message
  // at a time tests it.
  bool silent_ = false;
  // The broker has not taken a message for `grace`, and none since: messages
  // fail at their first Nack until this time.
  Clock::time_point refusing_until_ = Clock::time_point::min();
  // That is not reported again before this time.
  Clock::time_point report_again_ = Clock::time_point::min();
  std::thread worker_;
  std::thread watcher_;
  std::optional<absl::Status> started_;  // nullopt: not yet
};

// Returns what an administrator should know about AmqpPublisher::Options with
// this `timeout`: that it ends before `grace` does. Empty: nothing.
std::string TimeoutWarning(std::chrono::seconds timeout);

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_AMQP_PUBLISHER_H_
