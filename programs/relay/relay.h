// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Takes messages from a queue and forwards them.

#ifndef POSTERN_PROGRAMS_RELAY_RELAY_H_
#define POSTERN_PROGRAMS_RELAY_RELAY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/amqp/broker.h"
#include "delivery/amqp/queued_message.h"
#include "engine/verdict.h"
#include "programs/relay/forwarded_message.h"

namespace postern::programs {

// A message leaves its queue only when each of its recipients has a place
// somewhere else: with the next hop, which has replied 2yz, or in a message in
// another queue, which the broker has confirmed. So nothing is lost. After a
// lost connection, recipients may get a message twice.
//
// Recipients with a 4yz go to a retry queue, those with a 5yz to the dead
// queue, and with a 4yz after `expiry`, too. So does a message that is not of
// the format: it would fail each time.
//
// If several messages in a row get only 4yz, the next hop probably does not
// work. Then the relay waits between messages, so that it does not move a whole
// queue to the retry queues at once. A message that has waited for kLongestWait
// goes to a retry queue without an attempt: a broker ends a consumer that keeps
// a message too long, and counts the returns of a message.
//
// While the broker blocks the connection, the relay keeps what it would send.
class Relay {
 public:
  struct Options {
    std::string queue;
    std::vector<int> delays;  // seconds of the retry queues, at least one
    absl::Duration expiry;    // since the message was accepted
    absl::Duration drain;     // how long messages in progress have at the end
    // Begins to deliver a message. Calls `done` once, on any thread.
    std::function<void(const delivery::QueuedMessage& message,
                       std::shared_ptr<const std::string> content,
                       Forwarded done)>
        forward;
    std::function<absl::Time()> now;  // called on two threads
    // A call of the connection that makes no progress for so long ends it.
    absl::Duration patience = absl::Seconds(30);
    // Returns whether the relay should end. Called on two threads, and at least
    // once in each second or so, also during an outage of the broker: a caller
    // that counts on these calls sees that the relay is alive.
    std::function<bool()> stopped;
    // Waits, but not after `stopped` has become true.
    std::function<void(absl::Duration)> sleep;
  };

  // The longest pause between messages, and between attempts to connect.
  static constexpr absl::Duration kLongestPause = absl::Seconds(30);
  // `stopped` is called for so long during one attempt to connect. An attempt
  // that takes longer has hung.
  static constexpr absl::Duration kLongestConnect = absl::Minutes(5);
  // How long a message waits for the end of the pauses.
  static constexpr absl::Duration kLongestWait = absl::Minutes(5);
  // Messages in a row that get only 4yz before there are pauses.
  static constexpr int kFailuresInARow = 5;

  // What happened since the start, for metrics. Recipients are counted as often
  // as they have a result. Thread-safe.
  struct Counts {
    std::atomic<uint64_t> delivered{0};
    std::atomic<uint64_t> retried{0};
    std::atomic<uint64_t> refused{0};
    std::atomic<uint64_t> expired{0};
    std::atomic<uint64_t> invalid{0};      // messages that cannot be read
    std::atomic<uint64_t> in_progress{0};  // messages now
    std::atomic<bool> connected{false};    // to the broker, now
  };

  explicit Relay(Options options);

  const Counts& counts() const { return counts_; }

  // Uses connections until the relay should end. Returns an error if the first
  // connection shows that the queue cannot be used (IsBrokerRefusal()).
  absl::Status Run(const delivery::ConnectBroker& connect);

 private:
  // A message that was delivered to this relay and is not acknowledged.
  struct InProgress {
    delivery::QueuedMessage message;
    std::shared_ptr<const std::string> content;
    absl::Time since;        // when it was delivered
    size_t unconfirmed = 0;  // messages that replace it in other queues
  };
  // A message that is sent to another queue.
  struct Outgoing {
    uint64_t tag;  // of the delivery that it replaces
    std::string queue;
    delivery::AmqpProperties properties;
    std::shared_ptr<const std::string> content;
    bool returned = false;
  };
  struct Outcome {
    uint64_t connection;
    uint64_t tag;
    std::vector<Verdict> verdicts;
  };
  // What forwarded messages post to the thread of Run().
  struct Inbox {
    std::mutex mutex;
    std::vector<Outcome> outcomes;
    std::shared_ptr<delivery::BrokerConnection> connection;
  };

  // Returns what `connect` returns, and calls `stopped` meanwhile.
  absl::StatusOr<std::unique_ptr<delivery::BrokerConnection>> Connect(
      const delivery::ConnectBroker& connect) const;
  // Waits between two attempts to connect.
  void Pause(absl::Duration pause) const;
  // Returns how often to call `stopped`.
  absl::Duration Tick() const;
  // Returns a connection that ends calls that take too long.
  absl::StatusOr<std::unique_ptr<delivery::BrokerConnection>> Watch(
      std::unique_ptr<delivery::BrokerConnection> connection) const;
  absl::Status Serve();
  absl::Status Handle(delivery::BrokerEvent event);
  absl::Status OnDelivery(delivery::BrokerEvent event);
  absl::Status OnConfirm(const delivery::BrokerEvent& event);
  absl::Status OnOutcome(Outcome outcome);
  // Begins to forward the deliveries that wait, unless there is a pause.
  void StartWaiting();
  // Sends deliveries that have waited too long to a retry queue.
  absl::Status PostponeWaiting();
  // Sends `message`, which has recipients of the delivery `tag`, to the queue
  // where it belongs.
  absl::Status Replace(uint64_t tag, delivery::QueuedMessage message,
                       absl::string_view reply);
  // Returns the retry queue after so many failed attempts.
  std::string RetryQueueAfter(int attempts) const;
  absl::Status Send(Outgoing outgoing);
  // Acknowledges the delivery if nothing of it is left.
  absl::Status MaybeAcknowledge(uint64_t tag);
  void CountOutcome(bool all_failed);
  // Logs a result of `recipients`, and adds them to `count`.
  void Report(std::atomic<uint64_t>* count,
              const delivery::QueuedMessage& message, absl::string_view result,
              size_t recipients, absl::string_view reply) const;

  const Options options_;
  Counts counts_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::shared_ptr<delivery::BrokerConnection> connection_;
  uint64_t connections_ = 0;                    // the number of the current one
  std::map<uint64_t, InProgress> in_progress_;  // by tag of the delivery
  std::deque<uint64_t> waiting_;                // tags that are not begun
  std::map<uint64_t, Outgoing> outgoing_;       // by tag of the publication
  uint64_t published_ = 0;                      // the last of these tags
  // After a Nack, or while the broker is blocked.
  std::vector<Outgoing> unsent_;
  bool blocked_ = false;
  absl::Time send_again_;
  int failures_ = 0;  // messages in a row that got only 4yz
  absl::Time resume_ = absl::InfinitePast();
  bool cancelled_ = false;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RELAY_RELAY_H_
