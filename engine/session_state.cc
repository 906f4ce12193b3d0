// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "absl/strings/string_view.h"
#include "engine/grammar/verb.h"
#include "engine/server_session.h"

namespace postern {

absl::string_view ServerSession::state_name() const {
  switch (state_) {
    case State::kStart:
    case State::kContinued:
      return "start";
    case State::kAuth:
      return "auth";
    case State::kBody:
    case State::kDiscardChunk:
      return "content";
    case State::kStartTls:
      return "starttls";
    case State::kClosed:
      return "closed";
    case State::kCommand:
      break;
  }
  switch (phase()) {
    case Phase::kRefused:
      return "refused";
    case Phase::kTlsRequired:
      return "no-tls";
    case Phase::kUngreeted:
      return "ungreeted";
    case Phase::kAuthRequired:
      return "no-auth";
    case Phase::kIdle:
      return "idle";
    case Phase::kMail:
      return "mail";
    case Phase::kRcpt:
      return "rcpt";
    case Phase::kChunks:
      return "chunks";
    case Phase::kBroken:
      return "broken";
  }
  return "";
}

}  // namespace postern
