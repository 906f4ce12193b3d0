// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The environment of the programs that are run for a session: queue programs,
// and programs that check passwords and tokens.
//
// The environment is constructed from what the service needs, the session facts
// and the variables that rules set, and contains nothing else. Otherwise a
// program could take a variable of the server's own environment as one that
// describes the client.

#ifndef POSTERN_SYSTEM_SESSION_VARIABLES_H_
#define POSTERN_SYSTEM_SESSION_VARIABLES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/session_info.h"

namespace postern::system {

// Names and values in the order in which they are set. The last value of a name
// counts.
using Variables = std::vector<std::pair<std::string, std::string>>;

// Returns true for a variable that describes one client or session: PROTO,
// TCPLOCAL..., TCPREMOTE..., RELAYCLIENT, SMTPAUTH... In the environment of a
// server with many clients, its value describes none of them.
bool IsOfSession(absl::string_view name);
// Returns true for a variable that is meant for this process only: variables of
// the service manager (NOTIFY_SOCKET, WATCHDOG_..., LISTEN_...), the
// descriptors of UCSPI-TLS, and this project's own options (POSTERN_...).
bool IsOfProcess(absl::string_view name);

// Returns the variables that the children of a server with many clients inherit
// from `environment`, which has the form of environ(7): PATH
// ("/usr/local/bin:/usr/bin:/bin" if it is not set), LANG, LC_..., TZ, TMPDIR,
// and the names in `passed`.
Variables ServiceVariables(const char* const* environment,
                           absl::Span<const std::string> passed);
// Like ServiceVariables(), for a process that a super-server runs for one
// client. The rules of the super-server may set variables of any name. This
// function therefore returns all variables except those for which IsOfProcess()
// or IsOfSession() is true. SessionVariables() adds the latter with the values
// that the session knows.
Variables UcspiVariables(const char* const* environment);

// Returns the complete environment of a program: first `base`, from one of the
// functions above; then the variables that tcpserver sets (PROTO, TCPREMOTEIP
// and so on), as far as the session facts are known; then the variables that
// rules have set. TCPREMOTEHOST is set if the client's host name is confirmed
// or comes from the super-server. TCPREMOTEINFO is set if ident gave an answer.
//
// After AUTH the values are those that the usual patches to qmail-smtpd set:
// TCPREMOTEINFO and SMTPAUTHUSER are the user, SMTPAUTHMETHOD is the mechanism,
// and RELAYCLIENT is set, to the empty string if no rule sets it.
Variables SessionVariables(
    absl::Span<const std::pair<std::string, std::string>> base,
    const SessionInfo& session);

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_SESSION_VARIABLES_H_
