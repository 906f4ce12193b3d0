// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads decisions about recipients from the log of a server: of qmail-smtpd
// with one of the patches that log them, of spamdyke, or of postern.

#ifndef POSTERN_PROGRAMS_EXPLAIN_OLD_LOG_H_
#define POSTERN_PROGRAMS_EXPLAIN_OLD_LOG_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"

namespace postern::programs {

// What a server did with a recipient. kRefuse: the log does not say whether the
// refusal was permanent.
enum class Decided : uint8_t { kAccept, kTemporary, kPermanent, kRefuse };

struct LoggedDecision {
  std::optional<IpAddress> client;  // always set in a decision
  std::string host_name;            // as the old server had it; empty: none
  // postern's field host-status; empty: the log does not say whether the name
  // was confirmed.
  std::string host_status;
  std::string hello;   // empty: not in the log
  std::string user;    // empty: not authenticated
  std::string sender;  // without brackets; empty: the null sender
  std::string recipient;
  Decided decided = Decided::kAccept;
  // The words of the log for the decision: "chkuser rejected rcpt (not existing
  // recipient)". At most 100 octets.
  std::string reason;
};

struct LogLineContent {
  // A decision that can be asked about again.
  std::optional<LoggedDecision> decision;
  // Otherwise, for a line that is about a client or mail: why it cannot be
  // used. A constant. Empty: the line is about something else.
  absl::string_view unusable;
};

// Reads a line, with what multilog (a TAI64N label) or syslog has put before
// it:
//
//   CHKUSER accepted rcpt: from <S:U:> remote <HELO:HOST:IP> rcpt <R> : TEXT
//   qlogenvelope: result=accepted code=250 ... mailfrom=S rcptto=R remoteip=IP
//   Accept::RCPT::TEXT P:ESMTP S:IP:HOST H:HELO F:S T:R
//   spamdyke[1]: DENIED_X from: S to: R origin_ip: IP origin_rdns: HOST auth: U
//   rcpt decision=accept ... ip=IP ... from=<S> to=<R>
LogLineContent ReadOldLogLine(absl::string_view line);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_EXPLAIN_OLD_LOG_H_
