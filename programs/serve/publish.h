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
#include <utility>

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
  enum class Connect : uint8_t {
    kWhenUsed,
    kNever,  // for a program that changes nothing: see AmqpPublisher::Options
  };

  // `user` is the user who the process will become, or empty: that user may
  // own the credentials.
  explicit Publishers(std::string user = "",
                      Connect connect = Connect::kWhenUsed)
      : user_(std::move(user)), connect_(connect) {}

  const std::string& user() const { return user_; }

  // Fails all messages, and later ones at once. To be called when no client
  // sends messages any more and while the event loops that take the answers
  // exist. Returns whether no answer can come any more. Otherwise a thread
  // connects to a broker, and the destructor would wait for it.
  bool Stop();

  // Returns the publisher for `address`. It reads the credentials before each
  // connection.
  std::shared_ptr<delivery::AmqpPublisher> Of(
      const delivery::AmqpAddress& address);

 private:
  const std::string user_;
  const Connect connect_;
  std::mutex mutex_;  // guards the member below
  std::map<std::string, std::shared_ptr<delivery::AmqpPublisher>> publishers_;
};

// Stops publishers at the end of a scope.
class StoppedPublishers {
 public:
  explicit StoppedPublishers(Publishers* publishers)
      : publishers_(*publishers) {}
  StoppedPublishers(const StoppedPublishers&) = delete;
  StoppedPublishers& operator=(const StoppedPublishers&) = delete;
  ~StoppedPublishers() { publishers_.Stop(); }

 private:
  Publishers& publishers_;
};

// Returns service::MailService::Process::publish. An error names the file of
// credentials, or the directory of temporary files.
std::function<absl::StatusOr<std::unique_ptr<Delivery>>(
    delivery::AmqpAddress address, uint64_t max_size, absl::string_view rule)>
PublishWith(Publishers* publishers);

// Tests whether a broker has the queue of `address`, and takes messages of
// `max_size` octets and what this server adds. Each step of the test of a host
// has `timeout`. A broker that does not work now is a warning, and so is a
// delivery::TimeoutWarning(). A queue that cannot be used is an error. `place`
// names the option, and `user` is that of Publishers.
void TestQueue(absl::string_view place, const delivery::AmqpAddress& address,
               uint64_t max_size, absl::Duration timeout,
               service::Findings* findings, const std::string& user = "");

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_PUBLISH_H_
