// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Hands mail to qmail-queue, or to another program with its interface.

#ifndef POSTERN_DELIVERY_QMAIL_QUEUE_H_
#define POSTERN_DELIVERY_QMAIL_QUEUE_H_

#include <functional>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "delivery/report.h"
#include "engine/delivery.h"

namespace postern::delivery {

struct QmailQueueOptions {
  // The program, without arguments. $QMAILQUEUE is the caller's to look up. No
  // search in PATH; a relative one is relative to `home`.
  std::string program = "bin/qmail-queue";
  // The program's working directory. Empty: ours.
  std::string home = "/var/qmail";
  // How long the program may leave us waiting: with a write, and from the end
  // of the message to its exit. Then it is killed and the client hears 451. The
  // client gives up after ten minutes (RFC 5321 4.5.3.2.6), and a message that
  // is queued later than that is queued twice. qmail-queue itself gives up
  // after a day. absl::InfiniteDuration(): never.
  absl::Duration queue_timeout = absl::Minutes(5);
  // For "ok 1795298400 qp 4711". Thread-safe.
  std::function<absl::Time()> now = absl::Now;
  // Hears why the program could not be started, and how it ended if not with 0.
  Report report;
};

// Runs one program for each message, qmail-queue(8): the message on its
// descriptor 0, with LF line ends; then, only if all of that was written, the
// envelope on 1: F, the sender, NUL, for each recipient T, the address, NUL,
// and one more NUL. That last NUL is what commits: a message that is not
// committed never gets an envelope at all. The program inherits our
// environment, SessionInfo::environment on top of it, and descriptor 2.
//
// Accepts with "ok TIME qp PID" if the program exits with 0 and all of message
// and envelope could be written; delivery/queue_exit.h has the other replies.
// A program that exits with 0 without having read a message that fits into the
// pipe loses it: nobody can tell.
//
// Differs from qmail-smtpd in one thing: a program that cannot be started
// refuses DATA (451 "unable to exec qq") instead of the message after it.
//
// Thread-safe. Its sinks wait for the program in Write(), in Commit() and, for
// as long as it takes to notice that nothing more comes (ten seconds, then it
// is killed), in their destructor; an event loop gives them threads.
class QmailQueue : public Delivery {
 public:
  explicit QmailQueue(QmailQueueOptions options = {});

  // Starts the program. Refuses with 451 4.3.0 if that fails, and with
  // 553 5.1.3 if an address has a NUL in it.
  Opened Open(const Envelope& envelope, const SessionInfo& session) override;

 private:
  const QmailQueueOptions options_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_QMAIL_QUEUE_H_
