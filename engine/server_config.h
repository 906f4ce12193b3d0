// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a ServerSession is told once, by whoever runs it.

#ifndef POSTERN_ENGINE_SERVER_CONFIG_H_
#define POSTERN_ENGINE_SERVER_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/body_scanner.h"

namespace postern {

// Plain data, shared by sessions as const&. Each limit says what it stops.
struct ServerConfig {
  // Our name in the greeting and in the replies to HELO, EHLO and QUIT: a
  // domain, perhaps with words behind it (qmail's control/smtpgreeting).
  std::string greeting;

  // Whether MAIL needs a HELO or EHLO first (RFC 5321 4.1.4; both ways
  // conform). qmail-smtpd never asked for one.
  bool require_hello = true;

  // Octets of content, CRLF counted as two: announced and enforced as SIZE
  // (RFC 1870). 0: no limit.
  uint64_t max_message_size = uint64_t{50} << 20;

  // Recipients of a transaction; 452 beyond. RFC 5321 4.5.3.1.8 asks for 100.
  // With kMaxPath it bounds the memory of an envelope.
  size_t max_recipients = 1000;

  // Octets of a command line with its CRLF. RFC 5321 4.5.3.1.4 asks for 512
  // and the extensions for up to 2,048. It bounds the driver's input buffer.
  size_t max_line = 4096;

  // Octets of replies held while the client does not read. It bounds what a
  // client gains by sending commands and never reading.
  size_t max_output = size_t{64} << 10;

  // 5yz replies a client may draw without a message accepted in between; the
  // next command draws 421 and the connection closes. It stops guessing of
  // recipients and of relays.
  int max_errors = 20;

  // Received and Delivered header lines: RFC 5321 6.3 asks for 100 at least.
  // A message with so many is refused. It stops loops.
  int max_hops = 100;

  // RCPTs of one pipelined group that may be asked at once. More than 1 lets
  // slow decisions overlap; replies are the same.
  size_t max_open_asks = 1;

  BareNewlines bare_newlines = BareNewlines::kReject;

  // Longest wait for a command, and for the next block of content: RFC 5321
  // 4.5.3.2.7 asks for five minutes.
  absl::Duration command_timeout = absl::Minutes(5);
  absl::Duration data_timeout = absl::Minutes(5);
  // Octets of content that make such a block. It stops clients that send a
  // byte a minute.
  size_t data_block = 4096;

  // Returns kInvalidArgument with the field's name if a value cannot be used.
  absl::Status Validate() const;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_SERVER_CONFIG_H_
