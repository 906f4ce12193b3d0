// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/publish.h"

#include <chrono>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "delivery/amqp/amqp_connection.h"
#include "delivery/amqp/amqp_delivery.h"
#include "delivery/spool.h"
#include "log/log.h"

namespace postern::programs {
namespace {

// How long the threads of a publisher may take to end.
constexpr std::chrono::milliseconds kEnd(500);

delivery::AmqpOptions OptionsFor(const delivery::AmqpAddress& address,
                                 const std::string& user) {
  return {.address = address, .credentials = [file = address.auth, user] {
            return delivery::ReadAmqpCredentials(file, user);
          }};
}

}  // namespace

std::shared_ptr<delivery::AmqpPublisher> Publishers::Of(
    const delivery::AmqpAddress& address) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto& publisher = publishers_[absl::StrCat(address.tls ? "amqps:" : "amqp:",
                                             address.Format())];
  if (publisher == nullptr) {
    publisher = std::make_shared<delivery::AmqpPublisher>(
        delivery::AmqpPublisher::Options{
            .connect = connect_ == Connect::kNever
                           ? nullptr
                           : delivery::ConnectWith(OptionsFor(address, user_)),
            .timeout = std::chrono::seconds(address.timeout),
            .report = [queue = address.queue](const std::string& text) {
              log::WriteLog("amqp", absl::StrCat("queue ", queue, ": ", text));
            }});
  }
  return publisher;
}

bool Publishers::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  bool ended = true;
  for (const auto& [address, publisher] : publishers_) {
    ended = publisher->Stop(kEnd) && ended;
  }
  return ended;
}

std::function<absl::StatusOr<std::unique_ptr<Delivery>>(
    delivery::AmqpAddress, uint64_t, absl::string_view)>
PublishWith(Publishers* publishers) {
  return
      [publishers](
          delivery::AmqpAddress address, uint64_t max_size,
          absl::string_view rule) -> absl::StatusOr<std::unique_ptr<Delivery>> {
        const auto credentials =
            delivery::ReadAmqpCredentials(address.auth, publishers->user());
        if (!credentials.ok()) return credentials.status();
        const absl::Status spool =
            delivery::Spool::CheckDirectory(address.spool);
        if (!spool.ok()) return spool;
        auto publisher = publishers->Of(address);
        return std::make_unique<delivery::AmqpDelivery>(
            std::move(publisher), address.queue, address.spool,
            max_size + delivery::kAddedOctets, rule);
      };
}

void TestQueue(absl::string_view place, const delivery::AmqpAddress& address,
               uint64_t max_size, absl::Duration timeout,
               service::Findings* findings, const std::string& user) {
  const std::string warning =
      delivery::TimeoutWarning(std::chrono::seconds(address.timeout));
  if (!warning.empty()) {
    findings->AddWarning(absl::StrCat(place, ": ", warning));
  }
  delivery::AmqpOptions options = OptionsFor(address, user);
  options.timeout = timeout;
  const absl::Status status = delivery::TestBroker(
      std::move(options), max_size + delivery::kAddedOctets);
  if (status.ok()) return;
  const std::string text = absl::StrCat(place, ": ", status.message());
  if (delivery::IsBrokerRefusal(status)) {
    findings->AddError(text);
  } else {
    findings->AddWarning(
        absl::StrCat(text, ": recipients get a 451 until a broker works"));
  }
}

}  // namespace postern::programs
