// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Delivers into Maildirs, http://cr.yp.to/proto/maildir.html.
//
// The steps from the first octet of a message to the client's 250:
//
//   create tmp/NAME      O_EXCL, O_NOFOLLOW, mode 0600
//   write                while the message arrives, so that memory is bounded
//   fsync(tmp/NAME)      for each recipient
//   close                an error counts: NFS and quotas report here
//   rename to new/NAME   for each recipient
//   fsync(new/)          makes the name durable; one call serves all messages
//                        that wait for it (shared_directories.h)
//   250                  after all steps succeeded for all recipients
//
// If a step fails, all files of the message are removed. The client gets a 452
// 4.3.1 (disk full, over quota) or a 451 4.3.0 and sends the message again. A
// failed fsync is not repeated: the kernel reports lost pages once, and a
// second call would succeed without them. A file system that cannot fsync a
// directory cannot be used.
//
// An LMTP client gets a reply for each recipient (RFC 2033 4.2). There, a step
// that fails for one recipient does not fail for others: if one mailbox is over
// its quota, the others still get the message. A recipient that expands to
// several mailboxes is accepted only if the message is stored in all of them:
// if one fails, the files of the others are removed, except where another
// accepted recipient has the same mailbox. While the content arrives, it is
// in the file of one recipient. If the disk of that file is full, its content
// is made durable and copied to the file of the next recipient, and the rest is
// written there. If it cannot be made durable, for example because NFS enforces
// a quota at fsync, the message is refused for all recipients. An accepted
// message is as durable as in SMTP.
//
// The rename is renameat2(RENAME_NOREPLACE), which never replaces a message.
// NFS does not support it; there, link() and unlink() are used. They are not
// used everywhere, because with 64 threads they store half as many messages. If
// the unlink() fails, the message is stored, and has a second name in tmp/.
//
// Failures that cannot be corrected cause duplicates, never a loss: after a 4yz
// the message may still be in new/, because its removal failed, came after a
// reader had moved the message, or was undone by a power cut. A crash leaves
// files in tmp/. Those older than 36 hours are of no use; mail readers or a
// cron job remove them.
//
// The program must ignore SIGXFSZ if its file size is limited. Then the limit
// is an error (452) and does not end the process.

#ifndef POSTERN_DELIVERY_MAILDIR_H_
#define POSTERN_DELIVERY_MAILDIR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "delivery/file_system.h"
#include "delivery/maildir_location.h"
#include "delivery/maildir_recipients.h"
#include "delivery/shared_directories.h"
#include "delivery/unique_names.h"
#include "engine/delivery.h"
#include "log/report.h"

namespace postern::delivery {

// How a Maildir delivery stores messages.
struct MaildirOptions {
  // This host's name, for file names. Empty: the result of gethostname(2).
  std::string host;
  // Whether mail for remote recipients is stored here as well. It is not sent
  // on. For trying out the server.
  bool catch_all = false;
  // `now` and `random` make the names of files. Both must be thread-safe.
  std::function<absl::Time()> now = absl::Now;
  std::function<uint64_t()> random = SystemRandom;
  // Limit for the sum of the sizes of all files of a message to several
  // recipients, in bytes; a larger message gets a 452. Without it a client
  // could fill the disk with one upload to thousands of recipients.
  uint64_t max_stored = uint64_t{4} << 30;
  // Finds the mailboxes of recipients. Empty: each recipient has the Maildir of
  // its own address. Not used if all recipients share one Maildir.
  ExpandRecipient expand;
  // Limit for the number of mailboxes to which the recipients of a transaction
  // expand. Recipients beyond it get a 452, which makes the client send to them
  // in another transaction (RFC 5321 4.5.3.1.10). Recipients whose mailbox has
  // their own address do not count.
  size_t max_expanded = 10000;
  // How long storing may take after the end of the message; then the client
  // gets a 451. The client gives up after ten minutes (RFC 5321 4.5.3.2.6) and
  // sends again, so a message that is stored later is stored twice.
  absl::Duration store_timeout = absl::Minutes(5);
  // Gets a line for each error that gives a client a 4yz: of the disk, in the
  // aliases, and `max_stored`. Must be thread-safe.
  log::Report report;
};

// Puts each message into the Maildir of each of its recipients: one file for
// each distinct address. Addresses that differ only in case, or in the xn--
// form of the domain, are the same. A mailbox that recipients get by expansion
// (MaildirOptions::expand) gets one file, for all of these recipients, and none
// if another recipient already has a file there. A file begins with
//
//   Return-Path: <sender@example.org>
//   X-Original-To: alias@example.net
//   Delivered-To: recipient@example.net
//
// and has LF line ends. Delivered-To is the address of the mailbox. There is
// one X-Original-To, as in Postfix, for each address in RCPT that is not the
// address of the mailbox; usually there is none. It shows a filter the alias or
// the extension. Nothing here reads Delivered-To to find a loop, as qmail-local
// does: no message leaves a Maildir.
//
// The owner of a file is the process's user. If that is root, the owner is the
// owner of the Maildir, who could not read the file otherwise. The content is
// written to the first recipient's file while it arrives, and copied to the
// others at the end. With Commit() either all recipients get the message or
// none; with CommitEach() in LMTP, each one whose files could be stored. A
// message uses at most six descriptors, for any number
// of recipients; messages to the same Maildirs at the same time share four of
// them.
//
// Thread-safe. Its transactions block on the disk: an event loop must run them
// on threads (pooled_delivery.h). Must outlive its transactions.
class Maildir : public Delivery {
 public:
  // Delivers to the Maildirs of `location`. `files` must outlive it.
  explicit Maildir(MaildirLocation location, MaildirOptions options = {},
                   FileSystem& files = PosixFileSystem());

  // SMTPUTF8: a message in a Maildir is not sent on, so that it was sent with
  // SMTPUTF8 need not be recorded (RFC 6531 3.1). A program that reads the
  // Maildir shows UTF-8 header fields or converts them (RFC 6855, RFC 6857).
  ExtensionSet carries() const override {
    return ExtensionSet{Extension::kSmtpUtf8};
  }
  bool ServesRemote(const Path&) const override { return options_.catch_all; }
  // AddRecipient() returns the verdict of MaildirRecipients, or 452 4.5.3 if
  // the transaction has too many mailboxes. Open() stores the message in the
  // mailboxes that it found. A recipient about which it was not asked has the
  // Maildir of its own address.
  bool LooksUpRecipients() const override { return !location_.shared(); }

  // Open() creates the first recipient's file in tmp/; in LMTP, the first one
  // that can be created. It refuses with 550 5.1.1 if the address of a
  // recipient cannot have a Maildir (MaildirLocation::For()), and with
  // 451 4.3.0 or 452 4.3.1 if no file can be created. A missing Maildir is a
  // 451 here: AddRecipient() found it, so its absence may be temporary.
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;

 private:
  const MaildirLocation location_;
  const MaildirOptions options_;
  FileSystem& files_;
  const MaildirRecipients recipients_;
  SharedDirectories open_directories_;
  UniqueNames names_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_MAILDIR_H_
