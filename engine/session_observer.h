// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The interface SessionObserver: sees what happens in a session and changes
// nothing. For recordings of sessions (recording/).

#ifndef POSTERN_ENGINE_SESSION_OBSERVER_H_
#define POSTERN_ENGINE_SESSION_OBSERVER_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/step.h"
#include "engine/tls_info.h"
#include "engine/verdict.h"

namespace postern {

// A ServedSession and its Responder call one observer on the session's thread,
// from OnBegin() to OnEnd(). Together the calls are all that a ServerSession
// gets and all that it returns: fed with the same events in the same order,
// another ServerSession asks the same questions and gives the same replies.
//
// Arguments are valid until the call returns. Octets and questions may contain
// passwords.
class SessionObserver {
 public:
  // Something that the driver has reported to the session.
  enum class Event : uint8_t {
    kTalkedEarly,  // ServerSession::TalkedEarly()
    kEndOfInput,   // ServerSession::EndOfInput()
    kTimedOut,     // ServerSession::TimedOut()
    kShutdown,     // ServerSession::Shutdown()
  };

  virtual ~SessionObserver() = default;

  // `config` is valid until OnEnd(). It may change before the answer to an
  // XCLIENT, as SessionHost::config() does.
  virtual void OnBegin(const ServerConfig& config, const SessionInfo& info) = 0;
  virtual void OnEvent(Event event) = 0;
  // TLS has started: before the greeting, or after STARTTLS.
  virtual void OnTls(const TlsInfo& tls) = 0;
  // `n` octets of input were read. They are consumed later.
  virtual void OnRead(size_t n) = 0;
  // The session has consumed `octets`, which are not empty. The first `secret`
  // octets may contain a password (Step::secret).
  virtual void OnConsumed(absl::string_view octets, size_t secret) = 0;
  virtual void OnAsk(const Ask& ask, const Envelope& envelope) = 0;
  // The question `id` gets this answer, which fits it. Under LMTP the verdicts
  // may be one for each recipient; else there is one.
  virtual void OnAnswer(RequestId id, absl::Span<const Verdict> verdicts) = 0;
  virtual void OnAuthAnswer(RequestId id, const AuthAnswer& answer) = 0;
  // The session has given these replies, or a part of them.
  virtual void OnReplies(absl::string_view octets) = 0;
  // The session itself has closed. Its last replies may follow.
  virtual void OnClosed(CloseReason reason) = 0;
  // The connection has ended, for `reason`. `unserved` is the input that the
  // session has not consumed.
  virtual void OnEnd(absl::string_view unserved, CloseReason reason) = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_SESSION_OBSERVER_H_
