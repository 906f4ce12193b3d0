// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads the environment that a UCSPI super-server (tcpserver, sslserver,
// s6-tcpserver) sets for its child: tcp-environ(5) of ucspi-tcp.

#ifndef POSTERN_TRANSPORTS_UCSPI_H_
#define POSTERN_TRANSPORTS_UCSPI_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/session_info.h"

namespace postern::transports {

// Returns a variable's value, or null if it is not set. getenv(3), or a
// replacement in tests.
using Environment = std::function<const char*(const char* name)>;

// Reads TCPREMOTEIP, TCPREMOTEPORT, TCPREMOTEHOST, TCPREMOTEINFO, TCPLOCALIP,
// TCPLOCALPORT, TCPLOCALHOST and RELAYCLIENT. If PROTO names another protocol
// (SSL, TCP6) and the TCP variable is missing, reads that protocol's variable
// (SSLREMOTEIP). An empty value counts as missing, except for RELAYCLIENT,
// whose presence is the permission.
//
// A host name has NameStatus::kUnchecked: the environment does not show whether
// tcpserver ran with -p and has confirmed it.
SessionInfo ReadUcspi(const Environment& environment);

// Sets the addresses and ports that `info` lacks from the socket on descriptor
// `fd`, if it is an IPv4 or IPv6 socket. For inetd and systemd, which set no
// variables.
void ReadSocketAddresses(int fd, SessionInfo* info);

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_UCSPI_H_
