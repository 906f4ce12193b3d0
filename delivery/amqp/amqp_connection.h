// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Connections to RabbitMQ with librabbitmq.

#ifndef POSTERN_DELIVERY_AMQP_AMQP_CONNECTION_H_
#define POSTERN_DELIVERY_AMQP_AMQP_CONNECTION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/amqp/amqp_address.h"
#include "delivery/amqp/broker.h"

namespace postern::delivery {

struct AmqpOptions {
  AmqpAddress address;
  // Read before each connection, so that a new password needs no restart.
  std::function<absl::StatusOr<AmqpCredentials>()> credentials;
  std::vector<int> retries;  // seconds: the QUEUE.retry.N to declare
  // Messages that the consumer has at one time. 0: no consumer.
  uint16_t prefetch = 0;
  // For each step with a host: connect, TLS, authenticate, declare.
  absl::Duration timeout = absl::Seconds(5);
};

// Returns a function that opens connections. It declares the queues, begins to
// consume, and tries the hosts in their order, beginning after the one that it
// used last. An error names the host. The function is not thread-safe.
ConnectBroker ConnectWith(AmqpOptions options);

// Octets that this server may add to a message of its own limit: the Received
// field, and those of its checks.
inline constexpr uint64_t kAddedOctets = uint64_t{64} << 10;

// Tests whether the broker has the queues and takes messages of `size` octets,
// by sending one that no queue gets. Blocks. The error is one of
// IsBrokerRefusal() if that cannot end by itself.
absl::Status TestBroker(AmqpOptions options, uint64_t size);

// Returns the headers of a table of AMQP as the library's encoding has it, or
// an error if it is not one. For the fuzz target.
absl::StatusOr<std::map<std::string, AmqpValue>> DecodeTable(
    absl::string_view octets);

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_AMQP_AMQP_CONNECTION_H_
