// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/qmail_queue.h"

#include <sys/types.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "delivery/line_endings.h"
#include "delivery/queue_exit.h"
#include "delivery/queue_process.h"
#include "system/deadline.h"
#include "system/session_variables.h"

namespace postern::delivery {
namespace {

constexpr size_t kBufferSize = 32 << 10;  // half a pipe's
// For a program to notice that no envelope comes.
constexpr absl::Duration kReapTimeout = absl::Seconds(10);

class QueuedMessage : public MessageSink {
 public:
  // `options` outlives this.
  QueuedMessage(const QmailQueueOptions& options,
                std::unique_ptr<QueueProcess> process, std::string envelope)
      : options_(options),
        process_(std::move(process)),
        envelope_(std::move(envelope)),
        buffer_(kBufferSize) {
    process_->set_reap_timeout(std::min(options_.queue_timeout, kReapTimeout));
  }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&>) override {
    // Once it has stopped reading, the rest is read from the client and
    // dropped, so that the client is there for the answer.
    for (absl::string_view slice : slices) {
      while (!failed_ && !buffer_.Take(&slice)) {
        Flush(system::Deadline(options_.queue_timeout));
      }
    }
    return true;
  }

  void Commit(Policy::Done done) override {
    const system::Deadline deadline(options_.queue_timeout);
    buffer_.Finish();
    if (!failed_) Flush(deadline);
    process_->Close(QueueProcess::Pipe::kMessage);
    // A message that is not whole must not get an envelope.
    if (!failed_) {
      failed_ =
          !process_->Write(QueueProcess::Pipe::kEnvelope, envelope_, deadline);
    }
    const pid_t pid = process_->pid();
    const QueueProcess::Result result = process_->Wait(deadline);
    Report(result, pid);
    std::move(done)(Answer(result, pid));
  }

 private:
  void Flush(system::Deadline deadline) {
    failed_ = !process_->Write(QueueProcess::Pipe::kMessage, buffer_.pending(),
                               deadline);
    buffer_.Clear();
  }

  void Report(const QueueProcess::Result& result, pid_t pid) const {
    const bool exited = result.end == QueueProcess::End::kExited;
    if (!options_.report) return;
    if (exited && result.code == kQueueAccepted && !failed_) return;
    std::string how = " did not end by itself";
    if (result.end == QueueProcess::End::kTimeout) {
      how = " took too long and was killed";
    } else if (exited) {
      how = absl::StrCat(" exited with ", result.code,
                         failed_ ? " before it had read everything" : "");
    }
    options_.report(
        absl::StrCat("queue program ", options_.program, " qp ", pid, how));
  }

  Verdict Answer(const QueueProcess::Result& result, pid_t pid) const {
    switch (result.end) {
      case QueueProcess::End::kExited:
        break;
      case QueueProcess::End::kKilled:
        return Verdict::Refuse(QueueCrashedReply());
      case QueueProcess::End::kTimeout:
        return Verdict::Refuse(ReplyForQueueExit(kQueueTimeout));
      case QueueProcess::End::kLost:
        return Verdict::Refuse(QueueLostReply());
    }
    if (result.code == kQueueCustomError) {
      return Verdict::Refuse(ReplyForQueueError(result.error_text));
    }
    if (result.code != kQueueAccepted) {
      return Verdict::Refuse(ReplyForQueueExit(result.code));
    }
    // It says that it is content, but it has not seen everything.
    if (failed_) return Verdict::Refuse(ReplyForQueueExit(kQueueReadError));
    return Verdict::Accept(
        {250,
         {2, 0, 0},
         absl::StrCat("ok ", absl::ToUnixSeconds(options_.now()), " qp ",
                      pid)});
  }

  const QmailQueueOptions& options_;
  const std::unique_ptr<QueueProcess> process_;
  const std::string envelope_;
  LineEndings buffer_;
  bool failed_ = false;  // the program has not got everything, and never will
};

}  // namespace

QmailQueue::QmailQueue(QmailQueueOptions options)
    : options_(std::move(options)) {}

Delivery::Opened QmailQueue::Open(const Envelope& envelope,
                                  const SessionInfo& session) {
  std::string text;
  // Returns false if the address would be two fields of the envelope.
  const auto add = [&text](char kind, const Path& path) {
    const std::string address = path.Address();
    absl::StrAppend(&text, absl::string_view(&kind, 1), address,
                    absl::string_view("\0", 1));
    return address.find('\0') == std::string::npos;
  };
  bool good = add('F', envelope.from);
  // Addresses are long, and there may be thousands of them: growing the text
  // would take twice as much memory for a moment.
  size_t size = text.size() + 1;
  for (const Recipient& recipient : envelope.to) {
    const Path& path = recipient.path;
    size += path.local_part.size() + path.domain.size() + 3;
  }
  text.reserve(size);
  for (const Recipient& recipient : envelope.to) {
    good = add('T', recipient.path) && good;
  }
  text.push_back('\0');
  if (!good) {
    return Reply{
        553, {5, 1, 3}, "sorry, that address cannot be queued (#5.1.3)"};
  }
  auto process = QueueProcess::Start(options_.program, options_.home,
                                     system::SessionVariables(session));
  if (!process.ok()) {
    if (options_.report) options_.report(process.status().message());
    return absl::IsResourceExhausted(process.status())
               ? QueueUnavailableReply()
               : ReplyForQueueExit(kQueueExecError);
  }
  return std::make_unique<QueuedMessage>(options_, *std::move(process),
                                         std::move(text));
}

}  // namespace postern::delivery
