// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Passes mail to qmail-queue or to another program with the same interface.

#ifndef POSTERN_DELIVERY_QMAIL_QUEUE_H_
#define POSTERN_DELIVERY_QMAIL_QUEUE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/delivery.h"
#include "log/report.h"
#include "system/session_variables.h"

namespace postern::delivery {

// Which program takes mail, and its limits.
struct QmailQueueOptions {
  // The path of the program, which gets no arguments. A relative path is
  // relative to `home`. PATH is not searched. The variable QMAILQUEUE of this
  // process is not read; the caller may set `program` from it.
  std::string program = "bin/qmail-queue";
  // The program's working directory. Empty: that of this process.
  std::string home = "/var/qmail";
  // How long a write to the program may block, and how long the program may
  // take from the end of the message to its exit. Then it is killed and the
  // client gets a 451. The client gives up after ten minutes (RFC 5321
  // 4.5.3.2.6) and sends again, so a message that is queued later is queued
  // twice. qmail-queue itself gives up after a day. absl::InfiniteDuration():
  // no timeout.
  absl::Duration queue_timeout = absl::Minutes(5);
  // For "ok 1795298400 qp 4711". Must be thread-safe.
  std::function<absl::Time()> now = absl::Now;
  // The program's environment before SessionVariables() is added:
  // system::ServiceVariables() or system::UcspiVariables().
  system::Variables environment;
  // Called with the reason if the program could not be started, and with its
  // end if it did not accept the message. Called from another thread if the
  // program ended after queue_timeout.
  log::Report report;
};

// Runs one program for each message, with the interface of qmail-queue(8). The
// program reads the message from descriptor 0, with LF line ends. Only if all
// of the message was written, the program gets the envelope on descriptor 1: F,
// the sender, NUL; for each recipient T, the address, NUL; and one more NUL.
// The last NUL commits the message. A message that is not committed gets no
// envelope at all. The program's environment is constructed
// (system/session_variables.h). It inherits descriptor 2. A rule that sets
// QMAILQUEUE for the session (SessionInfo::environment) chooses the program.
//
// The client gets "250 ok TIME qp PID" if the program exits with 0 and has read
// the whole message and envelope. If it exits with 0 without reading them, it
// has lost the message (451). /proc and two free descriptors are needed to find
// that out; without them the last NUL of the envelope is not written (451). For
// other replies see delivery/queue_exit.h.
//
// A set-user-id program that has also changed its real user id cannot be killed
// at queue_timeout. It continues, and may queue the message after the client
// got its 451. Its end is reported later.
//
// One difference from qmail-smtpd: if the program cannot be started, DATA gets
// the 451 ("unable to exec qq"), instead of the end of the message.
//
// Thread-safe. Its transactions block on the program: in Write(), in Commit(),
// and in the destructor, which gives the program up to ten seconds to notice
// the end of its input and then kills it. An event loop must run them on
// threads (pooled_delivery.h). Must outlive its transactions.
class QmailQueue : public Delivery {
 public:
  // Starts the program of `options` for each message.
  explicit QmailQueue(QmailQueueOptions options = {});

  // qmail-send sends messages for remote recipients to other hosts.
  bool ServesRemote(const Path&) const override { return true; }

  // Open() starts the program. It refuses with 451 4.3.0 if that fails, and
  // with 553 5.1.3 if an address contains a NUL.
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;

 private:
  const QmailQueueOptions options_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_QMAIL_QUEUE_H_
