// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A Delivery that tells what became of each message.

#ifndef POSTERN_SERVICE_LOGGED_DELIVERY_H_
#define POSTERN_SERVICE_LOGGED_DELIVERY_H_

#include <memory>
#include <string>

#include "engine/delivery.h"
#include "engine/grammar/reply.h"
#include "engine/trace_header.h"
#include "service/messages_under_way.h"
#include "service/metrics.h"

namespace postern::service {

// Wraps `delivery` for one session. Names its messages by the session and their
// number (log::MessageId). Counts, and writes one line for each that reached
// its end, and for each that could not be opened:
//
//   message result=accept size=1234 rcpts=2 ip=192.0.2.1 port=40123
//   listener=198.51.100.1:25 user=alice from=<s@example.org>
//   reply="250 2.0.0 ok 2f4zzk3m80ab-1"
//
// (one line, after session and id. The result is accept or refuse; the size is
// in octets as stored by the engine, CRLF counted as two and our Received field
// included; what is not known is left out). An acceptance without a reply gets
// one with the message's name, which is what a sender's postmaster can quote.
// Where the client was gone, or its time was up, before the answer came, there
// is "reply=none".
//
// A message that the end of the server interrupts has the result interrupted,
// and no reply.
//
// All of it is called on the session's thread.
class LoggedDelivery : public Delivery {
 public:
  // `delivery` must outlive this, and this the transactions but for those that
  // commit;
  // `metrics` and `messages`, each of which may be null, all of them.
  explicit LoggedDelivery(Delivery* delivery, Metrics* metrics = nullptr,
                          MessagesUnderWay* messages = nullptr)
      : delivery_(*delivery), metrics_(metrics), messages_(messages) {}

  ExtensionSet carries() const override { return delivery_.carries(); }
  bool ServesRemote(const Path& recipient) const override {
    return delivery_.ServesRemote(recipient);
  }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;
  void OnContentRefused(const Refusal& refusal,
                        const SessionInfo& session) override;

  // Names the message of the open transaction: for its Received field.
  TraceStamp Stamp();

 private:
  class Transaction;

  Delivery& delivery_;
  Metrics* const metrics_;
  MessagesUnderWay* const messages_;
  std::string id_;  // of the transaction that began last
  // What is logged of it if its content is refused: the transaction is gone by
  // then.
  std::unique_ptr<MessageFacts> refused_;
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_LOGGED_DELIVERY_H_
