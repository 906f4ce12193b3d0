// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/amqp_delivery.h"

#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "delivery/amqp/queued_message.h"
#include "delivery/spool.h"
#include "engine/grammar/reply.h"
#include "engine/policy.h"
#include "engine/verdict.h"
#include "log/log_line.h"

namespace postern::delivery {
namespace {

Reply Outage(const absl::Status& why) {
  return {
      451, {4, 4, 1}, absl::StrCat("the broker ", why.message(), " (#4.4.1)")};
}

Reply CannotSpool(const absl::Status& why) {
  if (absl::IsResourceExhausted(why)) {
    return {452, {4, 3, 1}, "disk full or over quota (#4.3.1)"};
  }
  return {451, {4, 3, 0}, "unable to hold the message (#4.3.0)"};
}

class AmqpTransaction : public MailTransaction {
 public:
  AmqpTransaction(std::shared_ptr<AmqpPublisher> publisher, std::string queue,
                  const std::string& spool, uint64_t max_size,
                  absl::string_view rule, SharedSessionInfo session)
      : publisher_(std::move(publisher)),
        queue_(std::move(queue)),
        max_size_(max_size),
        rule_(rule),
        session_(std::move(session)),
        content_(std::make_shared<Spool>(spool)) {}

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later) override {
    const absl::Status status = publisher_->status();
    if (!status.ok()) return Verdict::Refuse(Outage(status)).By(rule_);
    recipients_ += QueuedSize({rcpt.to, rcpt.parameters});
    if (recipients_ > QueuedMessage::kMaxRecipients) {
      return Verdict::Refuse({452, {4, 5, 3}, "too many recipients (#4.5.3)"})
          .By(rule_);
    }
    return Verdict::Accept();
  }

  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later) override {
    message_ = MakeQueuedMessage(
        envelope, *session_,
        log::MessageId({session_->session_id, envelope.message}), absl::Now());
    // Without the question at RCPT, as after a filter.
    size_t size = 0;
    for (const Recipient& recipient : envelope.to)
      size += QueuedSize(recipient);
    if (size > QueuedMessage::kMaxRecipients) {
      return Verdict::Refuse({452, {4, 5, 3}, "too many recipients (#4.5.3)"})
          .By(rule_);
    }
    return Verdict::Accept();
  }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&>) override {
    for (const absl::string_view slice : slices) content_->Append(slice);
    return true;
  }

  void Commit(Policy::Done done) override {
    if (!content_->status().ok()) {
      return std::move(done)(
          Verdict::Refuse(CannotSpool(content_->status()))
              .By(rule_)
              .From(std::string(content_->status().message())));
    }
    if (content_->size() > max_size_) {
      return std::move(done)(
          Verdict::Refuse({552, {5, 3, 4}, "message too large (#5.3.4)"})
              .By(rule_));
    }
    BrokerBody body = {
        .size = content_->size(),
        .read = [content = content_](uint64_t offset, char* to, size_t room) {
          return content->Read(offset, to, room);
        }};
    // The publisher keeps `done`, and `done` keeps this object.
    const std::shared_ptr<AmqpPublisher> publisher = std::move(publisher_);
    publisher->Publish(
        queue_, EncodeMessage(message_), std::move(body),
        [rule = rule_, done = std::move(done)](absl::Status status) mutable {
          std::move(done)(status.ok()
                              ? Verdict::Accept()
                              : Verdict::Refuse(Outage(status)).By(rule));
        });
  }

 private:
  std::shared_ptr<AmqpPublisher> publisher_;  // null after Commit()
  const std::string queue_;
  const uint64_t max_size_;
  const absl::string_view rule_;
  const SharedSessionInfo session_;
  const std::shared_ptr<Spool> content_;
  QueuedMessage message_;
  size_t recipients_ = 0;  // their QueuedSize()
};

}  // namespace

std::unique_ptr<MailTransaction> AmqpDelivery::Begin(
    const Envelope&, const SharedSessionInfo& session) {
  return std::make_unique<AmqpTransaction>(publisher_, queue_, spool_,
                                           max_size_, rule_, session);
}

}  // namespace postern::delivery
