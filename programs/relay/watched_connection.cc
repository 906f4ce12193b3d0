// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/relay/watched_connection.h"

#include <sys/types.h>

#include <cstddef>

namespace postern::programs {
namespace {

using delivery::AmqpProperties;
using delivery::BrokerBody;
using delivery::BrokerEvent;
using delivery::CallWatch;

// A call that is in progress until the end of the scope.
class Call {
 public:
  explicit Call(CallWatch* watch) : watch_(*watch) { watch_.Begin(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { watch_.End(); }

 private:
  CallWatch& watch_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<WatchedConnection>> WatchedConnection::Make(
    std::unique_ptr<delivery::BrokerConnection> connection,
    CallWatch::Options options) {
  std::unique_ptr<WatchedConnection> made(
      new WatchedConnection(std::move(connection), std::move(options)));
  if (absl::Status status = made->watch_.Start(); !status.ok()) return status;
  return made;
}

absl::Status WatchedConnection::Publish(const std::string& queue,
                                        const AmqpProperties& properties,
                                        const BrokerBody& body) {
  const Call call(&watch_);
  return connection_->Publish(
      queue, properties,
      {.size = body.size,
       .read = [this, &body](uint64_t offset, char* to, size_t room) {
         watch_.Progress();
         return body.read(offset, to, room);
       }});
}

absl::StatusOr<std::optional<BrokerEvent>> WatchedConnection::Next(
    absl::Duration wait) {
  // It may send a heartbeat.
  const Call call(&watch_);
  return connection_->Next(wait);
}

absl::Status WatchedConnection::Acknowledge(uint64_t tag) {
  const Call call(&watch_);
  return connection_->Acknowledge(tag);
}

absl::Status WatchedConnection::Requeue(uint64_t tag) {
  const Call call(&watch_);
  return connection_->Requeue(tag);
}

absl::Status WatchedConnection::Cancel() {
  const Call call(&watch_);
  return connection_->Cancel();
}

}  // namespace postern::programs
