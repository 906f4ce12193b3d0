// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/stdio.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/macros.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "net/channel.h"
#include "transports/answer_box.h"
#include "transports/channel_report.h"
#include "transports/steady_clock.h"

namespace postern::transports {
namespace {

using Next = ServedSession::Next;

class StdioServer {
 public:
  StdioServer(const ServerConfig& config, ResponderOptions responder,
              SessionInfo info, const StdioOptions& options,
              net::DescriptorStream* stream)
      : options_(options),
        stream_(*stream),
        plain_(stream),
        buffer_size_(std::max({options.buffer_size, config.InputRoom(),
                               ServedSession::kReadAhead})),
        buffer_(new char[buffer_size_]),
        session_(&options.times, Now(),
                 {.tls_first = options.tls_first,
                  .asks_for_tls = options.tls_asked != nullptr}),
        box_(std::make_shared<AnswerBox>(&session_)) {
    responder.post = [box = box_](PostedAnswer answer) {
      box->Post(std::move(answer));
    };
    if (options.handoff) {
      session_.Continue(config, *options.handoff, std::move(responder),
                        std::move(info));
    } else {
      session_.Begin(config, std::move(responder), std::move(info));
    }
  }
  ~StdioServer() { box_->Close(); }

  SessionEnd Run() {
    while (true) {
      const Next next = session_.Advance(Now());
      switch (next.kind) {
        case Next::Kind::kTransfer:
          Transfer(next);
          break;
        case Next::Kind::kBusy:
          break;
        case Next::Kind::kTlsQuestion:
          session_.AllowTls(
              options_.tls_asked(session_.handoff(), *session_.info()));
          break;
        case Next::Kind::kHandshake:
          Handshake();
          break;
        case Next::Kind::kFinish:
          Finish();
          break;
        case Next::Kind::kDiscard:
          Discard();
          break;
        case Next::Kind::kClose:
          return Close();
      }
    }
  }

 private:
  static Instant Now() { return ToInstant(std::chrono::steady_clock::now()); }

  // Sets the session's deadline for the channel, which blocks.
  net::Channel& Waiting(net::Channel& channel) {
    plain_.set_deadline(ToSteadyTime(session_.deadline()));
    return channel;
  }
  net::Channel& channel() {
    if (secure_ != nullptr) return *secure_;
    return plain_;
  }

  void Transfer(const Next& next) {
    if (!next.output.empty()) {
      Check(ReportWritten(Waiting(channel()).Write(next.output), &session_));
    } else if (next.read) {
      const absl::Span<char> room =
          session_.Room({buffer_.get(), buffer_size_});
      Check(ReportRead(Waiting(channel()).Read(room), &session_));
    } else if (!box_->Wait(ToSteadyTime(session_.deadline()))) {
      session_.OnDeadline(Now());
    }
  }

  // A channel that blocks has no result only if the deadline passed first.
  void Check(bool has_result) {
    if (!has_result) session_.OnDeadline(Now());
  }

  void Handshake() {
    if (secure_ == nullptr) secure_ = options_.secure(&plain_);
    (void)Waiting(plain_);
    Check(!WouldBlock(ContinueHandshake(secure_.get(), &session_)));
  }

  void Finish() {
    EndTls();
    if (stream_.EndOutput()) {
      session_.OutputEnded();
    } else {
      session_.EndOfInput();  // a pipe: closing it loses no reply
    }
  }

  void Discard() {
    Check(ReportDiscarded(Waiting(plain_).Read({buffer_.get(), buffer_size_}),
                          &session_));
  }

  SessionEnd Close() {
    SessionEnd end = *session_.end();
    if (end.flushed && !tls_ended_) EndTls();
    if (secure_ != nullptr && end.tls_error.empty()) {
      end.tls_error = secure_->error();
    }
    return end;
  }

  void EndTls() {
    tls_ended_ = true;
    if (secure_ == nullptr) return;
    (void)Waiting(*secure_);
    (void)secure_->Shutdown();  // the client has its last reply without it
  }

  const StdioOptions& options_;
  net::DescriptorStream& stream_;
  net::StreamChannel plain_;  // TLS runs over it
  std::unique_ptr<net::SecureChannel> secure_;
  bool tls_ended_ = false;
  const size_t buffer_size_;
  const std::unique_ptr<char[]> buffer_;
  ServedSession session_;
  const std::shared_ptr<AnswerBox> box_;
};

}  // namespace

SessionEnd ServeStdio(const ServerConfig& config, ResponderOptions responder,
                      SessionInfo info, const StdioOptions& options,
                      net::DescriptorStream* stream) {
  ABSL_HARDENING_ASSERT(!(config.offer_starttls || options.tls_first) ||
                        options.secure);
  return StdioServer(config, std::move(responder), std::move(info), options,
                     stream)
      .Run();
}

}  // namespace postern::transports
