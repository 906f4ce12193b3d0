// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/qmail_queue.h"

#include <sys/types.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "delivery/line_endings.h"
#include "delivery/queue_exit.h"
#include "delivery/queue_process.h"
#include "system/child_process.h"
#include "system/deadline.h"
#include "system/session_variables.h"

namespace postern::delivery {
namespace {

constexpr size_t kBufferSize = 32 << 10;  // half of a pipe's capacity
// How long a program may take to exit after an end without an envelope.
constexpr absl::Duration kReapTimeout = absl::Seconds(10);

std::string Name(absl::string_view program, pid_t pid) {
  return absl::StrCat("queue program ", program, " qp ", pid);
}

// A message that is being passed to its program.
class QueuedMessage {
 public:
  // `options` outlives this.
  QueuedMessage(const QmailQueueOptions& options, std::string program,
                std::unique_ptr<QueueProcess> process, std::string envelope)
      : options_(options),
        program_(std::move(program)),
        process_(std::move(process)),
        envelope_(std::move(envelope)),
        buffer_(kBufferSize) {
    process_->set_reap_timeout(std::min(options_.queue_timeout, kReapTimeout));
    ReportLateEnd(/*has_envelope=*/false);
  }

  void Write(absl::Span<const absl::string_view> slices) {
    // After the program has stopped reading, the rest of the message is
    // discarded, so that the client gets its reply at the end.
    for (absl::string_view slice : slices) {
      while (!failed_ && !buffer_.Take(&slice)) {
        Flush(system::Deadline(options_.queue_timeout));
      }
    }
  }

  Verdict Commit() {
    const system::Deadline deadline(options_.queue_timeout);
    buffer_.Finish();
    if (!failed_) Flush(deadline);
    // An incomplete message must not get an envelope. Nor must a message if
    // nothing can show whether the program has read it: it would be queued and
    // also refused, so the client would send it again.
    if (!process_->Close(QueueProcess::Pipe::kMessage)) failed_ = true;
    if (!failed_) failed_ = !WriteEnvelope(deadline);
    ReportLateEnd(/*has_envelope=*/!failed_);
    const pid_t pid = process_->pid();
    const QueueProcess::Result result = process_->Wait(deadline);
    Report(result, pid);
    return Answer(result, pid);
  }

 private:
  // The last octet commits the message.
  bool WriteEnvelope(system::Deadline deadline) {
    constexpr auto kEnvelope = QueueProcess::Pipe::kEnvelope;
    absl::string_view most = envelope_;
    most.remove_suffix(1);
    return process_->Write(kEnvelope, most, deadline) &&
           process_->WriteLast(kEnvelope, envelope_.back(), deadline);
  }

  void Flush(system::Deadline deadline) {
    failed_ = !process_->Write(QueueProcess::Pipe::kMessage, buffer_.pending(),
                               deadline);
    buffer_.Clear();
  }

  void Report(const QueueProcess::Result& result, pid_t pid) const {
    const bool accepted = result.end == QueueProcess::End::kExited &&
                          result.code == kQueueAccepted;
    if (accepted && ReadAll(result)) return;
    const bool cut =
        result.end == QueueProcess::End::kExited && !ReadAll(result);
    options_.report(absl::StrCat(Name(program_, pid), " ",
                                 system::DescribeEnd(result),
                                 cut ? " before it had read everything" : ""));
  }

  Verdict Answer(const QueueProcess::Result& result, pid_t pid) const {
    switch (result.end) {
      case QueueProcess::End::kExited:
        break;
      case QueueProcess::End::kKilled:
        return Verdict::Refuse(QueueCrashedReply());
      case QueueProcess::End::kTimeout:
      case QueueProcess::End::kLeft:
        return Verdict::Refuse(ReplyForQueueExit(kQueueTimeout));
      case QueueProcess::End::kLost:
        return Verdict::Refuse(QueueLostReply());
    }
    if (result.code == kQueueCustomError ||
        result.code == kQueueOtherCustomError) {
      return Verdict::Refuse(
          ReplyForQueueError(result.code, result.error_text));
    }
    if (result.code != kQueueAccepted) {
      return Verdict::Refuse(ReplyForQueueExit(result.code));
    }
    // It exited with 0, but has not read everything.
    if (!ReadAll(result)) {
      return Verdict::Refuse(ReplyForQueueExit(kQueueReadError));
    }
    return Verdict::Accept(
        {250,
         {2, 0, 0},
         absl::StrCat("ok ", absl::ToUnixSeconds(options_.now()), " qp ",
                      pid)});
  }

  // Makes an end after queue_timeout be reported.
  void ReportLateEnd(bool has_envelope) {
    process_->OnLateEnd([report = options_.report, program = program_,
                         pid = process_->pid(),
                         has_envelope](system::ChildProcess::Result result) {
      const bool queued = result.end == QueueProcess::End::kExited &&
                          result.code == kQueueAccepted && has_envelope;
      report(absl::StrCat(
          Name(program, pid), ", which took too long, ",
          system::DescribeEnd(result),
          queued ? ": the message is queued, but the client got a 451: it will "
                   "be queued twice if the client sends it again"
                 : ""));
    });
  }

  // Returns whether the program was sent everything and has read it.
  bool ReadAll(const QueueProcess::Result& result) const {
    return !failed_ && result.read_everything;
  }

  const QmailQueueOptions& options_;
  const std::string program_;
  const std::unique_ptr<QueueProcess> process_;
  const std::string envelope_;
  LineEndings buffer_;
  bool failed_ = false;  // the program will not get all of its input
};

class QueueTransaction : public MailTransaction {
 public:
  // `options` outlives this.
  QueueTransaction(const QmailQueueOptions& options, SharedSessionInfo session)
      : options_(options), session_(std::move(session)) {}

  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later later) override;
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&>) override {
    message_->Write(slices);
    return true;
  }
  void Commit(Policy::Done done) override {
    std::move(done)(message_->Commit());
  }

 private:
  const QmailQueueOptions& options_;
  const SharedSessionInfo session_;
  std::optional<QueuedMessage> message_;  // set by Open()
};

std::optional<Verdict> QueueTransaction::Open(const Envelope& envelope,
                                              Policy::Later) {
  std::string text;
  // Returns false if the address contains a NUL and would be two fields.
  const auto add = [&text](char kind, const Path& path) {
    const std::string address = path.Address();
    absl::StrAppend(&text, absl::string_view(&kind, 1), address,
                    absl::string_view("\0", 1));
    return address.find('\0') == std::string::npos;
  };
  bool good = add('F', envelope.from);
  // There may be thousands of long addresses. A string that grows would need
  // twice as much memory for a moment.
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
    return Verdict::Refuse(
        {553, {5, 1, 3}, "sorry, that address cannot be queued (#5.1.3)"});
  }
  // The last QMAILQUEUE counts. An empty value is a program that cannot be run.
  // A relative path becomes absolute, for the log.
  std::string program = options_.program;
  for (const auto& [name, value] : session_->environment) {
    if (name == "QMAILQUEUE") program = value;
  }
  if (!program.empty() && program[0] != '/' && !options_.home.empty()) {
    program = absl::StrCat(options_.home, "/", program);
  }
  auto process = QueueProcess::Start(
      program, options_.home,
      system::SessionVariables(options_.environment, *session_));
  if (!process.ok()) {
    options_.report(process.status().message());
    return Verdict::Refuse(absl::IsResourceExhausted(process.status())
                               ? QueueUnavailableReply()
                               : ReplyForQueueExit(kQueueExecError));
  }
  message_.emplace(options_, std::move(program), *std::move(process),
                   std::move(text));
  return Verdict::Accept();
}

}  // namespace

QmailQueue::QmailQueue(QmailQueueOptions options)
    : options_(std::move(options)) {}

std::unique_ptr<MailTransaction> QmailQueue::Begin(
    const Envelope&, const SharedSessionInfo& session) {
  return std::make_unique<QueueTransaction>(options_, session);
}

}  // namespace postern::delivery
