// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a program that is run for a session finds of it in its environment.

#ifndef POSTERN_SYSTEM_SESSION_VARIABLES_H_
#define POSTERN_SYSTEM_SESSION_VARIABLES_H_

#include <string>
#include <utility>
#include <vector>

#include "engine/session_info.h"

namespace postern::system {

// Returns the variables that tcpserver's child has (PROTO, TCPREMOTEIP and so
// on), as far as the facts are known, and then those that rules have set, which
// win over them. TCPREMOTEHOST is there only for a name that is confirmed.
//
// Behind an AUTH they are what the patches to qmail-smtpd have made of them:
// TCPREMOTEINFO and SMTPAUTHUSER are the user, SMTPAUTHMETHOD the mechanism,
// and RELAYCLIENT is there, if only empty.
std::vector<std::pair<std::string, std::string>> SessionVariables(
    const SessionInfo& session);

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_SESSION_VARIABLES_H_
