// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/types/span.h"
#include "transports/channel_report.h"
#include "transports/proxy_reader.h"
#include "transports/steady_clock.h"

namespace postern::transports {

Connection::Connection(int socket, ConnectionId id, bool tls,
                       ConnectionHost* host)
    : host_(*host),
      id_(id),
      socket_(socket),
      plain_(socket, &host->loop().turn()),
      session_(&host->times(), Now(), {.tls_first = tls}) {}

void Connection::ReadProxyHeader(SessionInfo info) {
  proxy_info_ = std::make_unique<SessionInfo>(std::move(info));
  session_.AwaitPreface();
  if (!Watch()) session_.PeerGone();
  Run();
}

void Connection::TakeProxyHeader() {
  const ProxyOutcome outcome = transports::ReadProxyHeader(
      socket_.get(), hung_up_, host_.loop().scratch(), proxy_info_.get());
  switch (outcome.kind) {
    case ProxyOutcome::Kind::kWait:
      return;
    case ProxyOutcome::Kind::kRefused:
      return RefuseProxy(outcome.why);
    case ProxyOutcome::Kind::kTaken:
      session_.PrefaceRead();
      return host_.Admit(id_, std::move(*std::exchange(proxy_info_, nullptr)));
  }
}

void Connection::RefuseProxy(absl::string_view why) {
  host_.OnProxyRefused(*std::exchange(proxy_info_, nullptr), why);
  session_.PeerGone();
}

void Connection::Begin(Admission admission) {
  if (session_.stage() != SessionStage::kAdmission) return;
  if (admission.host == nullptr && admission.refusal) {
    return Refuse(*admission.refusal);
  }
  if (admission.host == nullptr || !Watch()) {
    session_.PeerGone();
    return Run();
  }
  session_host_ = std::move(admission.host);
  ResponderOptions responder = session_host_->responder();
  responder.post = [host = &host_, id = id_](PostedAnswer answer) {
    host->Post(id, std::move(answer));
  };
  session_.Begin(session_host_->config(), std::move(responder),
                 std::move(admission.info), session_host_->filter());
  Run();
}

void Connection::OnEvents(uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
  // TLS may have to read before it can write, and the reverse.
  if (secure_ != nullptr) events |= EPOLLIN | EPOLLOUT;
  if ((events & EPOLLOUT) != 0) writable_ = true;
  if ((events & EPOLLIN) != 0 || hung_up_) readable_ = true;
  Run();
}

void Connection::OnTimer() {
  if (proxy_info_ != nullptr) {
    RefuseProxy("no header before the timeout");
  } else {
    // The session may have a later deadline by now: while the connection waits
    // for a turn, the timer stays armed for an old one. A timer is never early,
    // even where the loop's clock was read before.
    session_.OnDeadline(std::max(Now(), ToInstant(deadline())));
  }
  Run();
}

void Connection::Run() {
  // running_: Admit() called Begin() inside TakeProxyHeader(). put_off_:
  // Continue() will be called.
  if (running_ || put_off_ || closed_) return;
  running_ = true;
  turn().Begin(host_.loop().now());
  if (proxy_info_ != nullptr) TakeProxyHeader();
  while (Act()) {
  }
  session_.ReleaseBuffer();
  running_ = false;
  if (closed_ || put_off_) return;
  host_.loop().timers().Arm(this, ToSteadyTime(session_.deadline()));
}

bool Connection::Act() {
  if (turn().over()) return PutOff();
  if (hung_up_) session_.PeerClosed();
  const Next next = session_.Advance(Now());
  turn().Work(next.work);
  ReportEnd();
  switch (next.kind) {
    case Next::Kind::kTransfer:
      return Transfer(next);
    case Next::Kind::kBusy:
      return true;
    case Next::Kind::kTlsQuestion:
      session_.AllowTls(true);
      return true;
    case Next::Kind::kHandshake:
      return Handshake();
    case Next::Kind::kFinish:
      return Finish();
    case Next::Kind::kDiscard:
      return Discard();
    case Next::Kind::kClose:
      return Close();
  }
  return false;
}

bool Connection::PutOff() {
  if (!session_.output().empty() && writable_) Write(session_.output());
  put_off_ = true;
  host_.Yield(id_);
  return false;
}

bool Connection::Transfer(const Next& next) {
  if (!next.output.empty() && writable_) {
    Write(next.output);
    return true;
  }
  return next.read && readable_ && Read();
}

void Connection::Write(absl::string_view output) {
  if (!ReportWritten(channel().Write(output), &session_)) writable_ = false;
}

bool Connection::Read() {
  const absl::Span<char> room = session_.Room(host_.loop().scratch());
  const net::Channel::Result result = channel().Read(room);
  if (ReportRead(result, &session_)) {
    // A read that did not fill the room has emptied the socket, and the next
    // octet causes an event. An end of input may have caused its event already.
    if (result.kind == Kind::kEnd ||
        (secure_ == nullptr && !hung_up_ && result.count < room.size())) {
      readable_ = false;
    }
    return true;
  }
  if (result.kind == Kind::kWantWrite) {
    writable_ = false;
  } else if (turn().over()) {
    return PutOff();  // there may be more
  }
  readable_ = false;
  return false;
}

bool Connection::Handshake() {
  if (secure_ == nullptr) secure_ = session_host_->Secure(&plain_);
  return !WouldBlock(ContinueHandshake(secure_.get(), &session_)) ||
         (turn().over() && PutOff());
}

bool Connection::Finish() {
  if (session_.refused_admission()) {
    held_ = host_.HoldRefused();
    if (!held_ || !Watch()) {
      // If a socket with unread input is closed, the kernel sends a reset, and
      // the client may lose the reply.
      (void)plain_.Read(host_.loop().scratch());
      return Close();
    }
  }
  if (secure_ != nullptr) (void)secure_->Shutdown();
  tls_ended_ = true;
  (void)shutdown(socket_.get(), SHUT_WR);
  session_.OutputEnded();
  return true;
}

bool Connection::Discard() {
  return ReportDiscarded(plain_.Read(host_.loop().scratch()), &session_) ||
         (turn().over() && PutOff());
}

bool Connection::Close() {
  if (secure_ != nullptr && !tls_ended_) (void)secure_->Shutdown();
  closed_ = true;
  if (held_) host_.ReleaseRefused();
  host_.loop().timers().Disarm(this);
  if (watched_) host_.loop().Unwatch(socket_.get());
  socket_.Reset();
  host_.OnClosed(id_);
  return false;
}

void Connection::ReportEnd() {
  if (reported_ || session_.end() == nullptr) return;
  reported_ = true;
  SessionEnd end = *session_.end();
  if (secure_ != nullptr && end.tls_error.empty()) {
    end.tls_error = secure_->error();
  }
  session_host_->OnEnd(end, *session_.info());
}

}  // namespace postern::transports
