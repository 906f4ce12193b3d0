// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The environment of the programs that are run for a session: queue programs,
// and programs that check passwords and tokens. It is constructed: what the
// service needs, what the session found out, what the rules set, and nothing
// else. A variable of the server's own environment would otherwise be taken for
// the client's.

#ifndef POSTERN_SYSTEM_SESSION_VARIABLES_H_
#define POSTERN_SYSTEM_SESSION_VARIABLES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/session_info.h"

namespace postern::system {

// Names and values, in the order in which they are set: the last of a name
// wins.
using Variables = std::vector<std::pair<std::string, std::string>>;

// Returns true for a variable that speaks of one client or session, so that its
// value in a server's own environment is about none: PROTO, TCPLOCAL...,
// TCPREMOTE..., RELAYCLIENT, SMTPAUTH...
bool IsOfSession(absl::string_view name);
// Returns true for a variable that says something to this process alone: of the
// service manager (NOTIFY_SOCKET, WATCHDOG_..., LISTEN_...), of UCSPI-TLS's
// descriptors, and our own options (POSTERN_...).
bool IsOfProcess(absl::string_view name);

// Returns what children of a server with many clients have of its environment,
// `environment` as environ(7) has it: PATH ("/usr/local/bin:/usr/bin:/bin" if
// it is not set), LANG, LC_..., TZ and TMPDIR, and those in `passed`.
Variables ServiceVariables(const char* const* environment,
                           absl::Span<const std::string> passed);
// The same for a process that a super-server has run for one client. There the
// rules set variables of any name in its environment, so all of it is passed
// on, but for what is IsOfProcess() and IsOfSession(): SessionVariables() sets
// the latter again, as the session has found them out.
Variables UcspiVariables(const char* const* environment);

// Returns all that a program finds in its environment: `base`, from one of the
// functions above; then the variables that tcpserver's child has (PROTO,
// TCPREMOTEIP and so on), as far as the facts are known; and then those that
// rules have set. TCPREMOTEHOST is there for a name that is confirmed, or that
// the super-server has said; TCPREMOTEINFO, for what ident has said.
//
// After an AUTH they are what the patches to qmail-smtpd have made of them:
// TCPREMOTEINFO and SMTPAUTHUSER are the user, SMTPAUTHMETHOD the mechanism,
// and RELAYCLIENT is there, if only empty.
Variables SessionVariables(
    absl::Span<const std::pair<std::string, std::string>> base,
    const SessionInfo& session);

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_SESSION_VARIABLES_H_
