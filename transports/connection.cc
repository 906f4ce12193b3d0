// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/connection.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/grammar/reply.h"
#include "transports/proxy_header.h"

namespace postern::transports {
namespace {

using Kind = net::Channel::Result::Kind;

// Octets that are read and discarded after a session's end.
constexpr uint64_t kMaxDiscarded = uint64_t{1} << 20;

Reply NotAdmitted() {
  return {421, {4, 3, 2}, "too busy, try again later (#4.3.2)"};
}

}  // namespace

Connection::Connection(int socket, ConnectionId id, Surroundings* surroundings)
    : around_(*surroundings),
      id_(id),
      socket_(socket),
      plain_(socket, &surroundings->loop().turn()),
      since_(around_.loop().now()) {}

Connection::~Connection() {
  if (phase_ != Phase::kClosed) close(socket_);
}

void Connection::Begin(Admission admission, bool tls) {
  if (phase_ != Phase::kAdmission) return;  // abandoned meanwhile
  if (admission.host == nullptr) {
    if (admission.refusal && !tls) return Refuse(*admission.refusal);
    return Close();
  }
  host_ = std::move(admission.host);
  info_ = std::make_unique<SessionInfo>(std::move(admission.info));
  if (!Watch()) return Close();
  if (tls) {
    secure_ = host_->Secure(&plain_);
    if (secure_ == nullptr) return Close();
    phase_ = Phase::kHandshake;
    phase_deadline_ =
        around_.loop().now() +
        absl::ToChronoNanoseconds(around_.options().handshake_timeout);
  } else {
    StartSession();
  }
  Run();
}

void Connection::Refuse(const Reply& reply) {
  turn().Begin(around_.loop().now());
  // In one write, to a socket that has had none.
  (void)plain_.Write(FormatReply(reply));
  // The kernel resets a connection that is closed with input unread, or that
  // gets input after that, and the client may lose the reply.
  held_ = around_.HoldRefused();
  if (held_ && Watch()) {
    Linger();
    return Run();
  }
  (void)plain_.Read(around_.loop().scratch());
  Close();
}

void Connection::AwaitAdmission(bool tls) {
  if (phase_ != Phase::kAdmission) return;
  hides_ = tls;
  phase_deadline_ =
      around_.loop().now() +
      absl::ToChronoNanoseconds(around_.options().admission_timeout);
  around_.loop().timers().Arm(this, phase_deadline_);
}

bool Connection::Watch() {
  if (!watched_) {
    watched_ = around_.loop().Watch(
        socket_, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, this);
  }
  return watched_;
}

void Connection::ReadProxyHeader(SessionInfo info) {
  info_ = std::make_unique<SessionInfo>(std::move(info));
  phase_ = Phase::kProxy;
  phase_deadline_ =
      since_ + absl::ToChronoNanoseconds(around_.options().proxy_timeout);
  if (!Watch()) return Close();
  Run();
}

void Connection::TakeProxyHeader() {
  // Looked at where it is, and then taken: what stands behind it may be TLS's,
  // which reads for itself.
  char* const room = around_.loop().scratch().data();
  const ssize_t seen =
      recv(socket_, room, kMaxProxyHeader, MSG_PEEK | MSG_DONTWAIT);
  if (seen < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (seen <= 0) return RefuseProxy("no header");
  ProxyHeader header = ParseProxyHeader({room, static_cast<size_t>(seen)});
  switch (header.kind) {
    case ProxyHeader::Kind::kNeedInput:
      if (hung_up_) RefuseProxy("half a header");
      return;
    case ProxyHeader::Kind::kError:
      return RefuseProxy(header.error);
    case ProxyHeader::Kind::kAddresses:
      info_->remote_address = std::move(header.source.address);
      info_->remote_port = header.source.port;
      info_->local_address = std::move(header.destination.address);
      info_->local_port = header.destination.port;
      break;
    case ProxyHeader::Kind::kLocal:
      break;
  }
  if (recv(socket_, room, header.size, MSG_DONTWAIT) !=
      static_cast<ssize_t>(header.size)) {
    return Close();
  }
  phase_ = Phase::kAdmission;
  around_.Admit(id_, std::move(*info_));
}

void Connection::RefuseProxy(absl::string_view why) {
  around_.OnProxyRefused(*info_, why);
  Close();
}

void Connection::StartSession() {
  ResponderOptions options = host_->responder();
  options.post = [around = &around_, id = id_](PostedAnswer answer) {
    around->Post(id, std::move(answer));
  };
  session_.emplace(host_->config());
  if (going_down_) session_->Shutdown();
  responder_.emplace(&*session_, std::move(options), std::move(*info_));
  info_.reset();
  if (secure_ != nullptr) responder_->TlsStarted(secure_->info());
  if (around_.options().pace.min_rate > 0) {
    pace_ = std::make_unique<Pace>(&around_.options().pace);
  }
  phase_ = Phase::kSession;
  if (around_.options().greet_delay <= absl::ZeroDuration()) return;
  phase_ = Phase::kGreetDelay;
  phase_deadline_ = around_.loop().now() +
                    absl::ToChronoNanoseconds(around_.options().greet_delay);
}

void Connection::Answer(PostedAnswer answer) {
  answers_.push_back(std::move(answer));
  if (!running_) Run();
}

void Connection::Resume() {
  paused_ = false;
  Run();
}

void Connection::Shutdown() {
  going_down_ = true;
  if (phase_ == Phase::kAdmission || phase_ == Phase::kClosed) return;
  if (session_) {
    session_->Shutdown();
    if (phase_ == Phase::kGreetDelay) phase_ = Phase::kSession;
    return Run();
  }
  if (phase_ == Phase::kHandshake || phase_ == Phase::kProxy) Close();
}

void Connection::Abandon() {
  going_down_ = true;
  if (phase_ == Phase::kClosed) return;
  End(CloseReason::kShutdown, /*clean=*/false);
  Close();
}

void Connection::OnEvents(uint32_t events) {
  if (phase_ == Phase::kClosed) return;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
  // TLS may have to read in order to write, and the other way round.
  if (secure_ != nullptr) events |= EPOLLIN | EPOLLOUT;
  if ((events & EPOLLOUT) != 0) writable_ = true;
  if ((events & EPOLLIN) != 0 || hung_up_) readable_ = true;
  Run();
}

void Connection::OnTimer() {
  switch (phase_) {
    case Phase::kAdmission:
      return hides_ ? Close() : Refuse(NotAdmitted());
    case Phase::kClosed:
      return;
    case Phase::kProxy:
      return RefuseProxy("no header in time");
    case Phase::kHandshake:
      End(CloseReason::kTimeout, false);
      return Close();
    case Phase::kGreetDelay:
      phase_ = Phase::kSession;
      return Run();
    case Phase::kLinger:
      return Close();
    case Phase::kSession:
      break;
  }
  const Time now = around_.loop().now();
  if (now >= write_deadline_ || (closing_ && now >= phase_deadline_)) {
    // It has not taken the reply before: it will not take a last one.
    End(CloseReason::kTimeout, false);
    return Close();
  }
  if (pace_ != nullptr && now < other_deadline_ &&
      !pace_->TooSlow(now, bytes_in_)) {
    return SetTimer();
  }
  session_->TimedOut();
  paused_ = false;
  Run();
}

void Connection::Run() {
  // Within itself: Begin(), in the header's own call. Or GoOn() will come.
  if (running_ || put_off_) return;
  running_ = true;
  turn().Begin(around_.loop().now());
  if (phase_ == Phase::kProxy) TakeProxyHeader();
  if (phase_ == Phase::kHandshake) Handshake();
  if (phase_ == Phase::kGreetDelay) ListenForTalk();
  while (phase_ == Phase::kSession) {
    Pump();
    // STARTTLS: the handshake, and then the session again, as far as it goes.
    if (phase_ != Phase::kHandshake) break;
    Handshake();
  }
  if (phase_ == Phase::kLinger) Discard();
  input_.Keep();
  running_ = false;
  if (ended_) {
    responder_.reset();
    session_.reset();
  }
  if (phase_ != Phase::kClosed) SetTimer();
}

void Connection::Handshake() {
  const net::Channel::Result result = secure_->Handshake();
  switch (result.kind) {
    case Kind::kOk:
      break;
    case Kind::kWantRead:
    case Kind::kWantWrite:
      if (turn().over()) PutOff();
      return;
    case Kind::kEnd:
      return Close();
  }
  if (!session_) return StartSession();
  responder_->TlsStarted(secure_->info());
  phase_ = Phase::kSession;
}

void Connection::ListenForTalk() {
  if (!readable_ || !Fill()) return;
  if (!input_.view().empty()) session_->TalkedEarly();
  phase_ = Phase::kSession;
}

void Connection::Pump() {
  while (true) {
    // One may bring another.
    for (size_t i = 0; i < answers_.size(); ++i) {
      responder_->Answer(std::move(answers_[i]));
    }
    answers_.clear();
    waiting_ = false;
    if (paused_) break;
    if (turn().over()) {
      PutOff();
      break;
    }
    const Step step = session_->Advance(input_.view());
    input_.Wipe(step.secret);
    input_.Consume(step.consumed);
    turn().Spend(step.consumed);
    responder_->OnAdvanced();
    // What is consumed stays readable, for the step, until the next read.
    if (!Act(step)) return;
  }
  if (Flush() == Flushed::kBroken) (void)Closed(CloseReason::kPeerGone);
}

bool Connection::Act(const Step& step) {
  in_body_ = step.kind == Step::Kind::kBody ||
             (in_body_ && step.kind == Step::Kind::kNeedInput);
  switch (step.kind) {
    case Step::Kind::kAsk:
      responder_->OnAsk(*step.ask);
      return true;
    case Step::Kind::kBody:
      paused_ = !responder_->OnBody(
          step.body, [around = &around_, id = id_] { around->PostResume(id); });
      return true;
    case Step::Kind::kAborted:
      responder_->OnAborted();
      return true;
    case Step::Kind::kNeedInput:
      return NeedInput();
    case Step::Kind::kNeedFlush:
      switch (Flush()) {
        case Flushed::kAll:
          return true;
        case Flushed::kSome:
          return session_->Output().size() < host_->config().max_output;
        case Flushed::kBroken:
          return Closed(CloseReason::kPeerGone);
      }
      return false;
    case Step::Kind::kWaiting:
      if (!answers_.empty()) return true;
      waiting_ = true;
      if (Flush() == Flushed::kBroken) return Closed(CloseReason::kPeerGone);
      return false;
    case Step::Kind::kStartTls:
      switch (Flush()) {
        case Flushed::kAll:
          break;
        case Flushed::kSome:
          return false;
        case Flushed::kBroken:
          return Closed(CloseReason::kPeerGone);
      }
      secure_ = host_->Secure(&plain_);
      phase_ = Phase::kHandshake;
      phase_deadline_ =
          around_.loop().now() +
          absl::ToChronoNanoseconds(around_.options().handshake_timeout);
      return false;
    case Step::Kind::kClosed:
      return Closed(step.reason);
  }
  return false;
}

bool Connection::NeedInput() {
  idle_ = session_->idle();
  if (Flush() == Flushed::kBroken) return Closed(CloseReason::kPeerGone);
  if (!readable_) {
    session_->Rest();
    answers_.shrink_to_fit();
    return false;
  }
  return Fill();
}

void Connection::PutOff() {
  if (put_off_) return;
  put_off_ = true;
  around_.Yield(id_);
}

// The session is over, or the peer is.
bool Connection::Closed(CloseReason reason) {
  if (!closing_) {
    closing_ = true;
    // A session whose time is up still gets its last reply out.
    const ConnectionOptions& options = around_.options();
    phase_deadline_ = std::max(
        since_ + absl::ToChronoNanoseconds(options.session_timeout),
        around_.loop().now() + absl::ToChronoNanoseconds(options.linger));
  }
  const Flushed flushed = Flush();
  // Until write_deadline_ or phase_deadline_.
  if (flushed == Flushed::kSome) return false;
  const bool gone = flushed == Flushed::kBroken;
  End(gone ? CloseReason::kPeerGone : reason,
      !gone && (reason == CloseReason::kQuit ||
                (reason == CloseReason::kPeerGone && idle_)));
  // After QUIT a client has nothing more to say; in the other cases there may
  // be unread commands.
  if (gone || reason == CloseReason::kQuit ||
      reason == CloseReason::kPeerGone) {
    Close();
  } else {
    Linger();
  }
  return false;
}

// Bytes left unread would make the kernel reset the connection, and the client
// might lose our last reply with it.
void Connection::Linger() {
  if (secure_ != nullptr) (void)secure_->Shutdown();
  (void)shutdown(socket_, SHUT_WR);
  phase_ = Phase::kLinger;
  phase_deadline_ = around_.loop().now() +
                    absl::ToChronoNanoseconds(around_.options().linger);
}

void Connection::Discard() {
  const absl::Span<char> room = around_.loop().scratch();
  while (true) {
    const net::Channel::Result result = plain_.Read(room);
    if (result.kind == Kind::kWantRead) {
      if (turn().over()) PutOff();
      return;
    }
    discarded_ += result.count;
    if (result.kind != Kind::kOk || discarded_ > kMaxDiscarded) return Close();
  }
}

void Connection::Close() {
  End(CloseReason::kPeerGone, false);
  if (phase_ == Phase::kClosed) return;
  if (phase_ != Phase::kLinger && secure_ != nullptr) {
    (void)secure_->Shutdown();
  }
  phase_ = Phase::kClosed;
  if (held_) around_.ReleaseRefused();
  around_.loop().timers().Disarm(this);
  if (watched_) around_.loop().Unwatch(socket_);
  close(socket_);
  around_.OnClosed(id_);
}

void Connection::End(CloseReason reason, bool clean) {
  input_.Clear();
  if (ended_ || host_ == nullptr) return;
  ended_ = true;
  SessionEnd end;
  end.reason = reason;
  end.clean = clean;
  if (secure_ != nullptr) end.tls_error = secure_->error();
  if (phase_ == Phase::kHandshake && reason == CloseReason::kTimeout) {
    end.tls_error = "the handshake took too long";
  }
  end.bytes_in = bytes_in_;
  end.bytes_out = bytes_out_;
  if (session_) {
    end.replies = session_->replies();
    end.refused = session_->refused();
  }
  end.duration = absl::FromChrono(around_.loop().now() - since_);
  host_->OnEnd(end, responder_ ? *responder_->info() : *info_);
}

net::Channel& Connection::channel() {
  if (secure_ != nullptr) return *secure_;
  return plain_;
}

bool Connection::Fill() {
  const absl::Span<char> scratch = around_.loop().scratch();
  // What is not served yet has to be kept, and a client that sends ahead
  // chooses how much.
  const size_t most = in_body_
                          ? scratch.size()
                          : std::max(kReadAhead, host_->config().InputRoom());
  const absl::Span<char> room = input_.Room(scratch, most);
  const net::Channel::Result result = channel().Read(room);
  switch (result.kind) {
    case Kind::kOk:
      input_.Filled(result.count);
      bytes_in_ += result.count;
      last_input_ = around_.loop().now();
      // A socket that has given less than there was room for is empty, and the
      // next byte is news; but the end may have been announced already.
      if (secure_ == nullptr && !hung_up_ && result.count < room.size()) {
        readable_ = false;
      }
      return true;
    case Kind::kWantRead:
      if (turn().over()) {
        PutOff();  // there may be more
      } else {
        readable_ = false;
      }
      return false;
    case Kind::kWantWrite:
      readable_ = writable_ = false;
      return false;
    case Kind::kEnd:
      readable_ = false;
      session_->EndOfInput();
      return true;
  }
  return false;
}

Connection::Flushed Connection::Flush() {
  while (!session_->Output().empty()) {
    if (!writable_) return Flushed::kSome;
    const net::Channel::Result result = channel().Write(session_->Output());
    switch (result.kind) {
      case Kind::kOk:
        session_->OutputWritten(result.count);
        bytes_out_ += result.count;
        write_deadline_ = Time::max();  // it takes some
        break;
      case Kind::kWantRead:
      case Kind::kWantWrite:
        writable_ = false;
        break;
      case Kind::kEnd:
        return Flushed::kBroken;
    }
  }
  return Flushed::kAll;
}

void Connection::SetTimer() {
  const Time now = around_.loop().now();
  Time deadline = phase_deadline_;
  if (phase_ == Phase::kAdmission) return;
  const ConnectionOptions& options = around_.options();
  const Time end = since_ + absl::ToChronoNanoseconds(options.session_timeout);
  if (phase_ == Phase::kHandshake) deadline = std::min(deadline, end);
  if (phase_ == Phase::kSession) {
    const auto after = [now](absl::Duration duration) {
      return now + absl::ToChronoNanoseconds(duration);
    };
    deadline = end;
    if (session_->progress() != progress_) {
      progress_ = session_->progress();
      read_deadline_ = after(session_->ReadTimeout());
      answer_deadline_ = Time::max();  // some have come, or content is taken
    }
    if (!waiting_ && !paused_) {
      answer_deadline_ = Time::max();
      deadline = std::min(deadline, read_deadline_);
      const absl::Duration idle = session_->IdleTimeout();
      if (idle != absl::InfiniteDuration()) {
        deadline =
            std::min(deadline, last_input_ + absl::ToChronoNanoseconds(idle));
      }
    } else if (answer_deadline_ == Time::max()) {
      answer_deadline_ = after(options.answer_timeout);
    }
    if (session_->Output().empty()) {
      write_deadline_ = Time::max();
    } else if (write_deadline_ == Time::max()) {
      write_deadline_ = after(options.write_timeout);
    }
    deadline = std::min({deadline, answer_deadline_, write_deadline_});
    if (closing_) deadline = std::min(write_deadline_, phase_deadline_);
    if (pace_ != nullptr && !closing_) {
      pace_->Update(session_->content(), /*our_turn=*/waiting_ || paused_, now,
                    bytes_in_);
      other_deadline_ = deadline;
      deadline = std::min(deadline, pace_->deadline());
    }
  }
  around_.loop().timers().Arm(this, deadline);
}

}  // namespace postern::transports
