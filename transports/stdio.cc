// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/stdio.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "absl/base/macros.h"
#include "engine/grammar/reply.h"
#include "engine/server_session.h"
#include "engine/verdict.h"
#include "net/stream_channel.h"
#include "transports/answer_box.h"
#include "transports/input_buffer.h"

namespace postern::transports {
namespace {

using Deadline = net::DescriptorStream::Deadline;

// RFC 3207 4.
Reply TlsNotAvailable() {
  return {454, {4, 7, 0}, "TLS not available (#4.7.0)"};
}

class StdioServer {
 public:
  StdioServer(const ServerConfig& config, ResponderOptions responder,
              SessionInfo info, const StdioOptions& options,
              net::DescriptorStream* stream)
      : options_(options),
        stream_(*stream),
        plain_(stream),
        input_(std::max(options.buffer_size, config.InputRoom())),
        box_(std::make_shared<AnswerBox>()),
        end_(After(options.session_timeout)),
        session_(options.stood ? ServerSession(config, *options.stood)
                               : ServerSession(config)),
        responder_(&session_, WithPost(std::move(responder)), std::move(info)) {
  }

  StdioResult Run() {
    StdioResult result = Serve();
    if (secure_ != nullptr) result.tls_error = secure_->error();
    if (handshake_late_) result.tls_error = "the handshake took too long";
    return result;
  }

 private:
  static Deadline After(absl::Duration duration) {
    return std::chrono::steady_clock::now() +
           absl::ToChronoNanoseconds(duration);
  }

  StdioResult Serve() {
    if (options_.tls_first && !Secure()) return NoTls();
    if (!options_.stood) AwaitTalk();
    while (true) {
      const Step step = session_.Advance(input_.view());
      input_.Wipe(step.secret);
      responder_.OnAdvanced();
      switch (step.kind) {
        case Step::Kind::kAsk:
          if (std::holds_alternative<StartTls>(step.ask->what) &&
              !CanSecure(step.consumed)) {
            (void)session_.Complete(  // it is open
                step.ask->id, Verdict::Refuse(TlsNotAvailable()));
          } else {
            responder_.OnAsk(*step.ask);
          }
          break;
        case Step::Kind::kBody:
          if (!responder_.OnBody(step.body,
                                 [box = box_] { box->PostReady(); }) &&
              !box_->WaitReady(AnswerDeadline())) {
            session_.TimedOut();
          }
          break;
        case Step::Kind::kAborted:
          responder_.OnAborted();
          break;
        case Step::Kind::kNeedInput:
          idle_ = session_.idle();
          if (!Flush()) return Gone();
          Read(step.consumed);
          continue;
        case Step::Kind::kNeedFlush:
          if (!Flush()) return Gone();
          break;
        case Step::Kind::kWaiting:
          if (!Flush()) return Gone();
          if (!box_->WaitAnswer(AnswerDeadline())) session_.TimedOut();
          break;
        case Step::Kind::kStartTls:
          if (!Flush()) return Gone();
          if (!Secure()) return NoTls();
          break;
        case Step::Kind::kClosed:
          return Closed(step.reason);
      }
      input_.Consume(step.consumed);
      for (PostedAnswer& answer : box_->Take()) {
        responder_.Answer(std::move(answer));
      }
    }
  }

  ResponderOptions WithPost(ResponderOptions responder) {
    responder.post = [box = box_](PostedAnswer answer) {
      box->Post(std::move(answer));
    };
    return responder;
  }

  Deadline AnswerDeadline() const {
    return std::min(After(options_.answer_timeout), end_);
  }

  // Lets a client that does not wait for its greeting show it.
  void AwaitTalk() {
    if (options_.greet_delay <= absl::ZeroDuration()) return;
    size_t count = 0;
    switch (ReadSome(std::min(After(options_.greet_delay), end_), &count)) {
      case net::Io::kOk:
        input_.Filled(count);
        session_.TalkedEarly();
        break;
      case net::Io::kEnd:
        session_.EndOfInput();
        break;
      case net::Io::kTimeout:
        break;  // as it should be
    }
  }

  // Returns whether TLS can be had, if another program does not take over.
  bool CanSecure(size_t consumed) {
    if (!options_.tls_asked) return true;
    // The session knows best what becomes of what came in the clear behind
    // STARTTLS, or of a client that does not take its replies.
    if (input_.view().size() > consumed || !Flush()) return true;
    return options_.tls_asked(session_.handoff(), *responder_.info());
  }

  StdioResult NoTls() {
    return {handshake_late_ ? CloseReason::kTimeout : CloseReason::kPeerGone};
  }

  // Returns whether TLS is there.
  bool Secure() {
    secure_ = options_.secure(&plain_);
    if (secure_ == nullptr) return false;
    plain_.set_deadline(std::min(After(options_.write_timeout), end_));
    size_t count = 0;
    const net::Io io = Outcome(secure_->Handshake(), &count);
    handshake_late_ = io == net::Io::kTimeout;
    if (io != net::Io::kOk) return false;
    responder_.TlsStarted(secure_->info());
    return true;
  }

  // Both as DescriptorStream has them, through TLS where it is.
  net::Io ReadSome(Deadline deadline, size_t* count) {
    const absl::Span<char> room = input_.Room();
    if (secure_ == nullptr) return stream_.Read(room, deadline, count);
    plain_.set_deadline(deadline);
    return Outcome(secure_->Read(room), count);
  }
  net::Io WriteSome(absl::string_view bytes, Deadline deadline, size_t* count) {
    if (secure_ == nullptr) return stream_.Write(bytes, deadline, count);
    plain_.set_deadline(deadline);
    return Outcome(secure_->Write(bytes), count);
  }

  static net::Io Outcome(net::Channel::Result result, size_t* count) {
    *count = result.count;
    switch (result.kind) {
      case net::Channel::Result::Kind::kOk:
        return net::Io::kOk;
      case net::Channel::Result::Kind::kWantRead:
      case net::Channel::Result::Kind::kWantWrite:
        return net::Io::kTimeout;  // plain_ has waited
      case net::Channel::Result::Kind::kEnd:
        break;
    }
    return net::Io::kEnd;
  }

  void Read(size_t consumed) {
    input_.Consume(consumed);
    if (session_.progress() != progress_) {
      progress_ = session_.progress();
      read_deadline_ = std::min(After(session_.ReadTimeout()), end_);
    }
    SetPace(/*our_turn=*/false);
    const Deadline silent = std::min(
        read_deadline_,
        After(std::min(session_.IdleTimeout(), session_.ReadTimeout())));
    size_t count = 0;
    switch (ReadSome(std::min(silent, pace_.deadline()), &count)) {
      case net::Io::kOk:
        input_.Filled(count);
        bytes_in_ += count;
        break;
      case net::Io::kEnd:
        session_.EndOfInput();
        break;
      case net::Io::kTimeout:
        if (pace_.deadline() > silent ||
            pace_.TooSlow(std::chrono::steady_clock::now(), bytes_in_)) {
          session_.TimedOut();
        }
        break;
    }
    SetPace(/*our_turn=*/true);
  }

  void SetPace(bool our_turn) {
    if (options_.pace.min_rate == 0) return;  // no look at the clock
    pace_.Update(session_.content(), our_turn, std::chrono::steady_clock::now(),
                 bytes_in_);
  }

  bool Flush() {
    if (session_.Output().empty()) return true;
    // A session whose time is up still gets its 421 out.
    const Deadline deadline = std::min(After(options_.write_timeout),
                                       std::max(end_, After(options_.linger)));
    while (!session_.Output().empty()) {
      size_t count = 0;
      if (WriteSome(session_.Output(), deadline, &count) != net::Io::kOk) {
        return false;
      }
      session_.OutputWritten(count);
    }
    return true;
  }

  // The client does not take what we say: nothing more can be done for it.
  StdioResult Gone() { return {CloseReason::kPeerGone}; }

  StdioResult Closed(CloseReason reason) {
    StdioResult result{reason, Flush()};
    result.clean =
        result.flushed && (reason == CloseReason::kQuit ||
                           (reason == CloseReason::kPeerGone && idle_));
    if (result.flushed && secure_ != nullptr) {
      plain_.set_deadline(After(options_.linger));
      (void)secure_->Shutdown();  // who does not hear it has its last reply
    }
    // Behind QUIT a client has nothing more to say; in the other cases there
    // may be unread commands.
    if (result.flushed && reason != CloseReason::kQuit &&
        reason != CloseReason::kPeerGone) {
      stream_.FinishWriting(After(options_.linger));
    }
    return result;
  }

  const StdioOptions options_;
  net::DescriptorStream& stream_;
  net::StreamChannel plain_;  // the same for TLS
  std::unique_ptr<net::SecureChannel> secure_;
  bool handshake_late_ = false;
  InputBuffer input_;
  const std::shared_ptr<AnswerBox> box_;
  const Deadline end_;
  ServerSession session_;
  Responder responder_;
  Deadline read_deadline_;
  Pace pace_{&options_.pace};
  uint64_t bytes_in_ = 0;
  uint64_t progress_ = 0;  // of the session when that was set
  bool idle_ = true;       // the session, at the last read
};

}  // namespace

StdioResult ServeStdio(const ServerConfig& config, ResponderOptions responder,
                       SessionInfo info, const StdioOptions& options,
                       net::DescriptorStream* stream) {
  ABSL_HARDENING_ASSERT(!(config.offer_starttls || options.tls_first) ||
                        options.secure);
  return StdioServer(config, std::move(responder), std::move(info), options,
                     stream)
      .Run();
}

}  // namespace postern::transports
