// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/socket_session.h"

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "absl/types/span.h"
#include "engine/instant.h"
#include "transports/answer_box.h"
#include "transports/channel_report.h"
#include "transports/session_id.h"
#include "transports/steady_clock.h"
#include "transports/ucspi.h"

namespace postern::transports {
namespace {

using Next = ServedSession::Next;
using Result = net::Channel::Result;

Instant Now() { return ToInstant(std::chrono::steady_clock::now()); }

// Adds what a call that would block waits for. Always returns false.
bool Block(Result::Kind kind, SocketSession::Wait* wait) {
  (kind == Result::Kind::kWantWrite ? wait->write : wait->read) = true;
  return false;
}

}  // namespace

SocketSession::SocketSession(int socket, const SessionTimes* times,
                             Options options)
    : options_(std::move(options)),
      socket_(socket),
      plain_(socket, &turn_),
      session_(times, Now(), {.tls_first = options_.tls_first}),
      box_(std::make_shared<AnswerBox>(&session_, options_.wake)) {}

SocketSession::~SocketSession() { box_->Close(); }

void SocketSession::Begin(const ServerConfig& config,
                          ResponderOptions responder, SessionInfo info) {
  ReadSocketAddresses(socket(), &info);
  if (info.session_id.empty()) info.session_id = NewSessionId();
  responder.post = [box = box_](PostedAnswer answer) {
    box->Post(std::move(answer));
  };
  session_.Begin(config, std::move(responder), std::move(info));
}

SocketSession::Wait SocketSession::Run(absl::Span<char> buffer) {
  turn_.Begin(std::chrono::steady_clock::now());
  box_->Take();
  Wait wait;
  bool deadline_applied = false;
  bool acted = true;
  while (acted && !turn_.over()) {
    const Instant now = Now();
    const Next next = session_.Advance(now);
    turn_.Work(next.work);
    if (next.kind == Next::Kind::kClose) {
      // The peer may never read it, so its result does not matter.
      EndTls();
      return {.closed = true};
    }
    if (!deadline_applied && session_.deadline() <= now) {
      session_.OnDeadline(now);
      deadline_applied = true;
      continue;
    }
    wait = {};
    acted = Act(next, buffer, &wait);
  }
  session_.ReleaseBuffer();
  // If the turn is over, there may be more: a channel reports then that it
  // would block.
  wait.deadline =
      acted || turn_.over() ? SteadyTime() : ToSteadyTime(session_.deadline());
  return wait;
}

bool SocketSession::Act(const Next& next, absl::Span<char> buffer, Wait* wait) {
  switch (next.kind) {
    case Next::Kind::kTransfer:
      return Transfer(next, buffer, wait);
    case Next::Kind::kBusy:
      return true;
    case Next::Kind::kTlsQuestion:
      session_.AllowTls(options_.secure != nullptr);
      return true;
    case Next::Kind::kHandshake:
      return Handshake(wait);
    case Next::Kind::kFinish:
      EndTls();
      (void)shutdown(socket(), SHUT_WR);  // fails if the client has gone
      session_.OutputEnded();
      return true;
    case Next::Kind::kDiscard:
      return Discard(buffer, wait);
    case Next::Kind::kClose:
      return true;
  }
  return true;
}

bool SocketSession::Transfer(const Next& next, absl::Span<char> buffer,
                             Wait* wait) {
  net::Channel& channel =
      secure_ != nullptr ? static_cast<net::Channel&>(*secure_) : plain_;
  if (!next.output.empty()) {
    const Result result = channel.Write(next.output);
    if (ReportWritten(result, &session_)) return true;
    (void)Block(result.kind, wait);  // reading may still be possible
  }
  if (!next.read) return false;
  const Result result = channel.Read(session_.Room(buffer));
  return ReportRead(result, &session_) || Block(result.kind, wait);
}

bool SocketSession::Handshake(Wait* wait) {
  if (secure_ == nullptr && options_.secure) secure_ = options_.secure(&plain_);
  const Result result = ContinueHandshake(secure_.get(), &session_);
  return !WouldBlock(result) || Block(result.kind, wait);
}

bool SocketSession::Discard(absl::Span<char> buffer, Wait* wait) {
  const Result result = plain_.Read(buffer);
  return ReportDiscarded(result, &session_) || Block(result.kind, wait);
}

void SocketSession::EndTls() {
  // The client has its last reply without close_notify.
  if (secure_ != nullptr && !tls_ended_) (void)secure_->Shutdown();
  tls_ended_ = true;
}

}  // namespace postern::transports
