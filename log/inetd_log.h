// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Keeps the log off the client's connection, where descriptor 2 is that
// connection.

#ifndef POSTERN_LOG_INETD_LOG_H_
#define POSTERN_LOG_INETD_LOG_H_

namespace postern::log {

// inetd, xinetd, and systemd with Accept=yes start a program with the client's
// socket as descriptors 0, 1 and 2. A log line on descriptor 2 would become
// part of the SMTP session, and the client would read it as a reply.
//
// If descriptor 2 is the same socket as descriptor 0 or 1, sends the log to
// syslog(3) with the facility mail, opens /dev/null as descriptor 2 for this
// process and its children, and returns true. Otherwise does nothing and
// returns false: descriptor 2 is then a terminal, a file, a pipe, or a socket
// from which a service manager reads the log.
//
// Call it first in main(), while the process has one thread. Descriptors 0 to 2
// must be open.
bool KeepLogOffConnection();

// If KeepLogOffConnection() returned true, makes descriptor 2 the connection
// again, so that a program started with exec(2) gets the descriptors that this
// process got. If exec(2) fails, KeepLogOffConnection() may be called again.
void GiveConnectionBack();

}  // namespace postern::log

#endif  // POSTERN_LOG_INETD_LOG_H_
