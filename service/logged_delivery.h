// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A Delivery that logs the outcome of each message.

#ifndef POSTERN_SERVICE_LOGGED_DELIVERY_H_
#define POSTERN_SERVICE_LOGGED_DELIVERY_H_

#include <memory>
#include <string>

#include "engine/delivery.h"
#include "engine/grammar/reply.h"
#include "engine/trace_header.h"
#include "service/messages_in_progress.h"
#include "service/metrics.h"

namespace postern::service {

// Wraps `delivery` for one session. Names its messages by the session and their
// number (log::MessageId). Counts messages, and writes one line for each
// message whose content is complete, that is refused, or that cannot be opened:
//
//   message result=accept size=1234 rcpts=2 ip=192.0.2.1 port=40123
//   listener=198.51.100.1:25 user=alice from=<s@example.org>
//   reply="250 2.0.0 ok 2f4zzk3m80ab-1"
//
// (in one line, after the fields session and id). The result is accept or
// refuse. The size is in octets as the engine writes them: CRLF counts as two,
// and the Received field is included. Unknown fields are left out. An
// acceptance without a reply gets a reply with the name of the message, which
// the sender's postmaster can quote. If the client disconnected or timed out
// before the answer, there is "reply=none".
//
// If a filter or the delivery gives a reason (Verdict::rule()), the fields rule
// and source are before the reply: rule=rspamd source="add header, score 7".
//
// LMTP has a reply for each recipient. If they differ, the result is accept,
// the reply is that of the first accepted recipient, and "refused=N" is before
// it. A line as of policy::LogDecision() follows for each refused recipient.
//
// If the shutdown of the server interrupts a message, the result is interrupted
// and there is no reply.
//
// All methods are called on the session's thread.
class LoggedDelivery : public Delivery {
 public:
  // `delivery` must outlive this object. This object must outlive its
  // transactions, except those that still have to answer. `metrics` and
  // `messages`, which may be null, must outlive all transactions.
  explicit LoggedDelivery(Delivery* delivery, Metrics* metrics = nullptr,
                          MessagesInProgress* messages = nullptr)
      : delivery_(*delivery), metrics_(metrics), messages_(messages) {}

  ExtensionSet carries() const override { return delivery_.carries(); }
  bool ServesRemote(const Path& recipient) const override {
    return delivery_.ServesRemote(recipient);
  }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;
  void OnContentRefused(const Refusal& refusal,
                        const SessionInfo& session) override;

  // Returns the time and the name of the message of the open transaction, for
  // its Received field.
  TraceStamp Stamp();

 private:
  class Transaction;

  Delivery& delivery_;
  Metrics* const metrics_;
  MessagesInProgress* const messages_;
  std::string id_;  // of the last transaction that began
  // The facts of the last transaction that ended without Commit().
  // OnContentRefused() logs them, because the transaction no longer exists
  // then.
  std::unique_ptr<MessageFacts> refused_;
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_LOGGED_DELIVERY_H_
