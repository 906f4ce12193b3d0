// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A Delivery that tells what became of each message.

#ifndef POSTERN_PROGRAMS_LOGGED_DELIVERY_H_
#define POSTERN_PROGRAMS_LOGGED_DELIVERY_H_

#include <string>

#include "engine/delivery.h"
#include "engine/reply.h"
#include "engine/trace_header.h"
#include "programs/metrics.h"

namespace postern::programs {

// Names the messages of one session: "<seconds>.<microseconds>.<pid>.<count>",
// in hexadecimal, where the count is the process's. One message is on its way
// at a time, whose stamp is current() from its Received field on until its end;
// outside of that the id is empty. All on the session's thread.
class MessageStamps {
 public:
  TraceStamp Next();
  // The message has come to its end: returns its id.
  std::string End();

 private:
  TraceStamp current_;
};

// Wraps `delivery`. Counts, and writes one line for each message that reached
// its end, and for each that could not be opened:
//
//   message result=accept id=69240c00.1f2.1267.1 size=1234 rcpts=2
//   from=<s@example.org> reply="250 2.0.0 ok 69240c00.1f2.1267.1"
//
// (one line; the result is accept or refuse, sizes are octets as stored by the
// engine, CRLF counted as two and our Received field included). Gives an
// acceptance without a reply one with the message's name, which is what a
// sender's postmaster can quote.
class LoggedDelivery : public Delivery {
 public:
  // These must outlive this and, but for those that commit, the sinks;
  // `metrics`, which may be null, all of them.
  LoggedDelivery(Delivery* delivery, MessageStamps* stamps,
                 Metrics* metrics = nullptr)
      : delivery_(*delivery), stamps_(*stamps), metrics_(metrics) {}

  ExtensionSet carries() const override { return delivery_.carries(); }
  Opened Open(const Envelope& envelope, const SessionInfo& session) override;

 private:
  Delivery& delivery_;
  MessageStamps& stamps_;
  Metrics* const metrics_;
};

// Writes the line of a message whose content the engine has refused, which no
// delivery gets to see: id and reply.
void LogContentRefused(MessageStamps* stamps, const Reply& reply);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_LOGGED_DELIVERY_H_
