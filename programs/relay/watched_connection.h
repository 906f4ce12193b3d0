// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A connection to a broker whose calls end.

#ifndef POSTERN_PROGRAMS_RELAY_WATCHED_CONNECTION_H_
#define POSTERN_PROGRAMS_RELAY_WATCHED_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "delivery/amqp/broker.h"
#include "delivery/amqp/call_watch.h"
#include "delivery/amqp/queued_message.h"

namespace postern::programs {

// Passes all calls to another connection, and has a CallWatch for those that
// send. Each piece of a content that is read is progress.
class WatchedConnection : public delivery::BrokerConnection {
 public:
  // Returns an error if the system has no more threads.
  static absl::StatusOr<std::unique_ptr<WatchedConnection>> Make(
      std::unique_ptr<delivery::BrokerConnection> connection,
      delivery::CallWatch::Options options);

  absl::Status Publish(const std::string& queue,
                       const delivery::AmqpProperties& properties,
                       const delivery::BrokerBody& body) override;
  absl::StatusOr<std::optional<delivery::BrokerEvent>> Next(
      absl::Duration wait) override;
  absl::Status Acknowledge(uint64_t tag) override;
  absl::Status Requeue(uint64_t tag) override;
  absl::Status Cancel() override;
  void Wake() override { connection_->Wake(); }
  void Abort() override { connection_->Abort(); }

 private:
  WatchedConnection(std::unique_ptr<delivery::BrokerConnection> connection,
                    delivery::CallWatch::Options options)
      : connection_(std::move(connection)),
        watch_(connection_.get(), std::move(options)) {}

  const std::unique_ptr<delivery::BrokerConnection> connection_;
  delivery::CallWatch watch_;  // destroyed before connection_
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RELAY_WATCHED_CONNECTION_H_
