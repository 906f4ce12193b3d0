// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Queues for the programs: the publishers of a process, and a test of a queue.

#ifndef POSTERN_PROGRAMS_SERVE_PUBLISH_H_
#define POSTERN_PROGRAMS_SERVE_PUBLISH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/amqp/amqp_address.h"
#include "delivery/amqp/publisher.h"
#include "engine/delivery.h"
#include "service/finding.h"

namespace postern::programs {

// The connections of a process to brokers: one for each queue. They outlive a
// reload of the configuration.
//
// Thread-safe. Must outlive all that uses its deliveries.
class Publishers {
 public:
  // Returns the publisher for `address`. It reads the credentials before each
  // connection.
  std::shared_ptr<delivery::AmqpPublisher> Of(
      const delivery::AmqpAddress& address);

 private:
  std::mutex mutex_;  // guards the member below
  std::map<std::string, std::shared_ptr<delivery::AmqpPublisher>> publishers_;
};

// Returns service::MailService::Process::publish. An error names the file of
// credentials, or the directory of temporary files.
std::function<absl::StatusOr<std::unique_ptr<Delivery>>(
    delivery::AmqpAddress address, uint64_t max_size, absl::string_view rule)>
PublishWith(Publishers* publishers);

// Tests whether a broker has the queue of `address`, and takes messages of
// `max_size` octets and what this server adds. Each step of the test of a host
// has `timeout`. A broker that does not work now is a warning. A queue that
// cannot be used is an error. `place` names the option.
void TestQueue(absl::string_view place, const delivery::AmqpAddress& address,
               uint64_t max_size, absl::Duration timeout,
               service::Findings* findings);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_PUBLISH_H_
