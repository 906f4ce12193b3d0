// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/pipe.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "absl/types/span.h"
#include "rig/fault.h"

namespace postern::rig {
namespace {

absl::Time Epoch() {
  return absl::FromCivil(absl::CivilDay(2026, 1, 1), absl::UTCTimeZone());
}

}  // namespace

Pipe::Pipe(Options options)
    : Rig(std::move(options), [this] { return Epoch() + elapsed(); }) {
  if (const absl::Status status = CheckConfig(); !status.ok()) {
    Die(status.message());
  }
  Connect();
}

Pipe::~Pipe() { Disconnect(); }

void Pipe::Connect() {
  input_.clear();
  writes_.clear();
  input_ended_ = closed_ = wants_tls_ = reported_ = false;
  SessionInfo info;
  session_ = std::make_unique<Session>(shared(), info);
  served_ = std::make_unique<ServedSession>(
      &times_, now_,
      ServedSession::Options{.tls_first = options().tls == TlsMode::kFirst});
  served_->Begin(config(), session_->responder(), std::move(info),
                 session_->wire());
  Run();
}

void Pipe::Disconnect() {
  served_->PeerGone();
  (void)served_->Advance(now_);
  ReportEnd();
  served_.reset();
  session_.reset();
}

void Pipe::Reconnect() {
  Disconnect();
  Connect();
}

void Pipe::Send(absl::string_view octets) {
  if (closed_ || input_ended_) return;
  input_.append(octets.data(), octets.size());
  Run();
}

std::string Pipe::Receive() {
  return absl::StrJoin(std::exchange(writes_, {}), "");
}

std::string Pipe::ReceiveWrite() {
  if (writes_.empty()) return "";
  std::string write = std::move(writes_.front());
  writes_.erase(writes_.begin());
  return write;
}

void Pipe::EndOfInput() {
  input_ended_ = true;
  Run();
}

void Pipe::StartTls(TlsInfo info) {
  if (!std::exchange(wants_tls_, false)) return;
  const std::optional<Fault> fault = session_->OnHandshake();
  if (!fault || fault->certificate) {
    served_->TlsStarted(std::move(info));
  } else if (fault->delay != absl::InfiniteDuration()) {
    served_->TlsFailed();
  }
  Run();
}

void Pipe::AdvanceTime(absl::Duration duration) {
  const Instant end = now_ + duration;
  while (!closed_ && served_->deadline() <= end) {
    now_ = std::max(now_, served_->deadline());
    served_->OnDeadline(now_);
    Run();
  }
  now_ = end;
  if (!closed_) Run();
}

void Pipe::Run() {
  using Kind = Next::Kind;
  while (!closed_) {
    if (input_ended_) served_->PeerClosed();
    const Next next = served_->Advance(now_);
    ReportEnd();
    switch (next.kind) {
      case Kind::kBusy:
        continue;
      case Kind::kTransfer:
        if (!next.output.empty()) {
          writes_.emplace_back(next.output);
          served_->Written(writes_.back().size());
          continue;
        }
        if (next.read && !input_.empty()) {
          const absl::Span<char> room = served_->Room(absl::MakeSpan(buffer_));
          const size_t count = std::min(room.size(), input_.size());
          std::copy_n(input_.data(), count, room.data());
          input_.erase(0, count);
          served_->Received(count);
          continue;
        }
        if (next.read && input_ended_) {
          served_->EndOfInput();
          continue;
        }
        return;
      case Kind::kTlsQuestion:
        served_->AllowTls(true);
        continue;
      case Kind::kHandshake:
        wants_tls_ = true;
        return;
      case Kind::kFinish:
        served_->OutputEnded();
        continue;
      case Kind::kDiscard:
        if (!input_.empty()) {
          served_->Discarded(std::exchange(input_, "").size());
          continue;
        }
        served_->EndOfInput();
        continue;
      case Kind::kClose:
        closed_ = true;
        return;
    }
  }
}

void Pipe::ReportEnd() {
  if (reported_ || served_->end() == nullptr) return;
  reported_ = true;
  session_->OnEnd(*served_->end(), *served_->info());
}

}  // namespace postern::rig
