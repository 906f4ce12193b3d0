// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Hands mail to qmail-queue, or to another program with its interface.

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
  // What the program finds in its environment before SessionVariables():
  // system::ServiceVariables() or system::UcspiVariables().
  system::Variables environment;
  // Called with the reason why the program could not be started, and with how
  // it ended if it did not accept the message; from another thread where it
  // ended after queue_timeout.
  log::Report report;
};

// Runs one program for each message, qmail-queue(8): the message on its
// descriptor 0, with LF line ends; then, only if all of that was written, the
// envelope on 1: F, the sender, NUL, for each recipient T, the address, NUL,
// and one more NUL. That last NUL is what commits: a message that is not
// committed never gets an envelope at all. The program's environment is
// constructed (system/session_variables.h); it inherits descriptor 2. A rule
// that sets QMAILQUEUE for the session (SessionInfo::environment) chooses the
// program.
//
// Accepts with "ok TIME qp PID" if the program exits with 0 and has read all of
// message and envelope: one that exits with 0 and has not read them has lost
// the message (451). Without /proc or two free descriptors that cannot be
// known, and the envelope's last NUL is not written (451).
// delivery/queue_exit.h has the other replies.
//
// A set-user-id program that has changed its real user id as well may not be
// killed at queue_timeout: it runs on, and may queue the message after the
// client got its 451. Its end is reported when it comes.
//
// Differs from qmail-smtpd in one thing: a program that cannot be started
// refuses DATA (451 "unable to exec qq") instead of the message after it.
//
// Thread-safe. Its transactions wait for the program in Write(), in Commit()
// and, for as long as it takes to notice that nothing more comes (ten seconds,
// then it is killed), in their destructor; an event loop gives them threads. It
// must outlive them.
class QmailQueue : public Delivery {
 public:
  explicit QmailQueue(QmailQueueOptions options = {});

  // qmail-send sends on what is not local.
  bool ServesRemote(const Path&) const override { return true; }

  // Open() starts the program. It refuses with 451 4.3.0 if that fails, and
  // with 553 5.1.3 if an address has a NUL in it.
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;

 private:
  const QmailQueueOptions options_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_QMAIL_QUEUE_H_
