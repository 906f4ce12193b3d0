// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The log where descriptor 2 is the client's connection.

#ifndef POSTERN_LOG_INETD_LOG_H_
#define POSTERN_LOG_INETD_LOG_H_

namespace postern::log {

// inetd, xinetd and systemd with Accept=yes start a program with the client's
// socket as descriptors 0, 1 and 2. A log line would become part of the SMTP
// dialogue, where a client takes it for a reply.
//
// If descriptor 2 is the same socket as 0 or 1, sends the log to syslog(3),
// with the facility mail, and opens /dev/null at 2, for this process and its
// children. Then returns true. Otherwise does nothing and returns false: a
// terminal, a file, and a socket that a supervisor reads the log from are a
// log.
//
// To be called first, while there is one thread. The descriptors 0 to 2 must be
// open.
bool KeepLogOffConnection();

// Opens the connection at descriptor 2 again if the former returned true, so
// that a program that takes over by exec(2) finds what this one found.
// KeepLogOffConnection() may be called again where exec(2) fails.
void GiveConnectionBack();

}  // namespace postern::log

#endif  // POSTERN_LOG_INETD_LOG_H_
