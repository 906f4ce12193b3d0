// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Delivers into Maildirs, http://cr.yp.to/proto/maildir.html.
//
// What happens to a message, and when a client hears 250:
//
//   tmp/NAME created     O_EXCL, O_NOFOLLOW, mode 0600
//   written              as it arrives, so that memory does not grow with it
//   fsync(tmp/NAME)      for each recipient, and after that
//   close                whose error counts: NFS and quotas report here
//   rename to new/NAME   for each recipient, and after that
//   fsync(new/)          without it the name may be lost in a power cut; one
//                        for all messages that wait for it (shared_folders.h)
//   250                  not before all that has been done for everybody
//
// If a step fails, everything is taken back and the client hears 452 4.3.1
// (disk full, over quota) or 451 4.3.0, and has to send again. A failed fsync
// is not repeated: the kernel reports lost pages once, and the second call
// would succeed without them. A file system that cannot fsync a folder cannot
// be used.
//
// The rename is renameat2(RENAME_NOREPLACE), which never replaces a message.
// NFS does not have it: there it is link() and unlink(). That alone would do,
// but where many messages come at once two calls on tmp/ and new/ are dear (64
// threads store half as many). If the unlink() fails the message is safe, and
// only its second name in tmp/ stays.
//
// What can go wrong behind our back makes duplicates, never a loss: taking
// back from new/ may fail, may come after a reader has seen or moved the
// message, and may be undone by a power cut. The client was told 4yz and sends
// again. A crash leaves files in tmp/: those older than 36 hours are rubbish,
// for readers or a cron job to remove.
//
// The program must ignore SIGXFSZ where its file size is limited: the limit
// is then an error (452) and not the end of the process.

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
#include "delivery/shared_folders.h"
#include "delivery/unique_names.h"
#include "engine/delivery.h"
#include "log/report.h"

namespace postern::delivery {

struct MaildirOptions {
  // This machine, in the names of files. Empty: what gethostname(2) says.
  std::string host;
  // Whether mail to mailboxes of other hosts is put here as well, where it
  // stays: for trying things out.
  bool catch_all = false;
  // For the names of files. Both thread-safe.
  std::function<absl::Time()> now = absl::Now;
  std::function<uint64_t()> random = SystemRandom;
  // Octets that a message to several recipients may take on the disk, all its
  // files together; 452 beyond. It stops a client with thousands of recipients
  // from filling the disk with one upload.
  uint64_t max_stored = uint64_t{4} << 30;
  // How long storing may take from the end of the message on; 451 beyond. The
  // client gives up after ten minutes (RFC 5321 4.5.3.2.6), and a message that
  // is stored later than that is stored twice.
  absl::Duration store_timeout = absl::Minutes(5);
  log::Report report;
};

// Puts each message into the Maildir of each of its recipients: one file for
// each distinct address (case does not make one distinct), which begins with
//
//   Return-Path: <sender@example.org>
//   Delivered-To: recipient@example.net
//
// and has LF line ends. A file belongs to us. If we are root, it belongs to the
// owner of the Maildir instead, who could not read it otherwise. The content is
// written to the first recipient's file while it arrives and copied to the
// others at Commit(), all of them or none. Needs six descriptors at most,
// however many the recipients; messages to one Maildir at one time share four
// of them.
//
// Thread-safe. Its transactions wait for the disk, so an event loop gives them
// threads. It must outlive them.
class Maildir : public Delivery {
 public:
  explicit Maildir(MaildirLocation location, MaildirOptions options = {},
                   FileSystem& files = PosixFileSystem());

  bool ServesRemote(const Path&) const override { return options_.catch_all; }
  // AddRecipient() answers as MaildirRecipients.
  bool LooksUpRecipients() const override { return !location_.shared(); }

  // Open() creates the first recipient's file in tmp/. It refuses with
  // 550 5.1.1 if a recipient cannot have a Maildir whatever is on the disk, and
  // with 451 4.3.0 if the first one's cannot be opened or is not there: that
  // was AddRecipient()'s to find out, and now it may be on its way back.
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override;

 private:
  const MaildirLocation location_;
  const MaildirOptions options_;
  FileSystem& files_;
  const MaildirRecipients recipients_;
  SharedFolders open_folders_;
  UniqueNames names_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_MAILDIR_H_
