// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A Delivery that publishes messages to a queue of RabbitMQ.

#ifndef POSTERN_DELIVERY_AMQP_AMQP_DELIVERY_H_
#define POSTERN_DELIVERY_AMQP_AMQP_DELIVERY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "delivery/amqp/publisher.h"
#include "engine/delivery.h"
#include "engine/grammar/extension.h"

namespace postern::delivery {

// Publishes each message to a quorum queue, and accepts it when the broker has
// confirmed it: then a majority of the members of the queue have it on disk.
// There is one verdict for all recipients. Whatever else happens, the client
// gets a 451 (452 for too many recipients); 552 for a message that is too large
// is the only permanent refusal. After a
// timeout or a lost connection the queue may have the message although the
// client sends it again.
//
// The content is in a Spool, so transactions block on a disk. Their answer
// comes later, and blocks no thread.
//
// Thread-safe.
class AmqpDelivery : public Delivery {
 public:
  // `publisher` publishes to `queue`, and temporary files are in `spool`. A
  // content of more than `max_size` octets is refused: the broker would close
  // the connection.
  // `rule` is Verdict::rule() of the answers, and must be static.
  AmqpDelivery(std::shared_ptr<AmqpPublisher> publisher, std::string queue,
               std::string spool, uint64_t max_size, absl::string_view rule)
      : publisher_(std::move(publisher)),
        queue_(std::move(queue)),
        spool_(std::move(spool)),
        max_size_(max_size),
        rule_(rule) {}

  // Each message says whether it needs SMTPUTF8.
  ExtensionSet carries() const override { return {Extension::kSmtpUtf8}; }
  bool ServesRemote(const Path&) const override { return true; }
  // AddRecipient() does not block, but it refuses while no broker works: so it
  // must be asked.
  bool LooksUpRecipients() const override { return true; }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;

 private:
  const std::shared_ptr<AmqpPublisher> publisher_;
  const std::string queue_;
  const std::string spool_;
  const uint64_t max_size_;
  const absl::string_view rule_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_AMQP_AMQP_DELIVERY_H_
