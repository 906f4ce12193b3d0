// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One connection to a broker, as the publisher and the consumer use it.
// amqp_connection.h implements it with librabbitmq. Tests script it.

#ifndef POSTERN_DELIVERY_AMQP_BROKER_H_
#define POSTERN_DELIVERY_AMQP_BROKER_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/amqp/queued_message.h"

namespace postern::delivery {

// What a broker reports.
struct BrokerEvent {
  enum class Kind : uint8_t {
    kAck,        // it has taken responsibility for the message `tag`
    kNack,       // it has not
    kReturn,     // there is no `queue` for the message with the id `text`; an
                 // Ack follows
    kBlocked,    // it takes no more messages, because of `text`
    kUnblocked,  // it takes messages again
    kDelivery,   // a message for the consumer
    kCancelled,  // the broker has ended the consumer
  };
  Kind kind = Kind::kAck;
  uint64_t tag = 0;       // kAck, kNack, kDelivery
  bool multiple = false;  // kAck, kNack: also all tags before it
  std::string text;
  std::string queue;  // kReturn
  // kDelivery:
  AmqpProperties properties;
  std::string body;
};

// The content of a message. It is read in pieces, so that a large one need not
// be in memory.
struct BrokerBody {
  uint64_t size = 0;
  // Copies up to `room` octets, beginning with the one at `offset`. Returns
  // their number, or -1 if they cannot be read.
  std::function<ssize_t(uint64_t offset, char* to, size_t room)> read;
};

// A connection with one channel in confirm mode. After an error it is of no
// use any more: the outcome of what was not confirmed is unknown. The codes of
// errors:
//   kPermissionDenied, kNotFound, kFailedPrecondition   the broker refuses, and
//     will refuse again until an administrator changes something
//   kUnavailable and others                             an outage
//
// Used by one thread, except for Wake() and Abort().
class BrokerConnection {
 public:
  virtual ~BrokerConnection() = default;

  // Sends a message to `queue`, durable and mandatory. The n-th call of a
  // connection has the tag n, from 1. An OK says only that it was sent. Blocks
  // while the broker does not read.
  virtual absl::Status Publish(const std::string& queue,
                               const AmqpProperties& properties,
                               const BrokerBody& body) = 0;
  // Waits for an event: until `wait` is over or Wake() is called. nullopt:
  // none.
  virtual absl::StatusOr<std::optional<BrokerEvent>> Next(
      absl::Duration wait) = 0;

  // Removes a delivery from its queue.
  virtual absl::Status Acknowledge(uint64_t tag) = 0;
  // Returns a delivery to its queue.
  virtual absl::Status Requeue(uint64_t tag) = 0;
  // Ends the consumer. Deliveries that are on their way may still come.
  virtual absl::Status Cancel() = 0;

  // Ends a Next() that waits now, or else the next one. Thread-safe.
  virtual void Wake() = 0;
  // Makes all calls return an error soon. Thread-safe.
  virtual void Abort() = 0;
};

// Opens a connection. Blocks for a limited time.
using ConnectBroker =
    std::function<absl::StatusOr<std::unique_ptr<BrokerConnection>>()>;

// What a connection does when the broker ends it or its channel.
enum class BrokerStep : uint8_t {
  kLogin,    // it authenticates and opens the virtual host
  kDeclare,  // it declares queues or begins to consume
  kUse,      // it publishes or consumes
};

// Returns the status for an error of the broker, with its `code` (AMQP 0-9-1,
// 1.2) and `text`.
absl::Status BrokerError(int code, absl::string_view text, BrokerStep step);

// Returns whether `status` is a refusal that only an administrator can change.
inline bool IsBrokerRefusal(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsNotFound(status) ||
         absl::IsFailedPrecondition(status);
}

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_AMQP_BROKER_H_
