// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a UCSPI super-server (tcpserver, sslserver, s6-tcpserver) tells its
// child: the environment of ucspi-tcp's tcp-environ(5).

#ifndef POSTERN_TRANSPORTS_UCSPI_H_
#define POSTERN_TRANSPORTS_UCSPI_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/session_info.h"

namespace postern::transports {

// Returns a variable's value, or null if it is not set: getenv(3), or a test's.
using Environment = std::function<const char*(const char* name)>;

// Reads TCPREMOTEIP, TCPREMOTEPORT, TCPREMOTEHOST, TCPREMOTEINFO, TCPLOCALIP,
// TCPLOCALPORT, TCPLOCALHOST and RELAYCLIENT. Where PROTO names another
// protocol (SSL, TCP6) and the TCP variable is missing, that protocol's is
// read (SSLREMOTEIP). An empty value is as good as a missing one, but for
// RELAYCLIENT, whose presence is the permission.
//
// The host name is NameStatus::kUnchecked: whether tcpserver ran with -p, and
// so confirmed it, cannot be seen from here.
SessionInfo ReadUcspi(const Environment& environment);

// Fills in the addresses and ports that `info` lacks from the socket on
// descriptor `fd`, if it is an IPv4 or IPv6 one: for inetd and systemd, which
// set no variables.
void ReadSocketAddresses(int fd, SessionInfo* info);

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_UCSPI_H_
