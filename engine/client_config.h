// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a ClientSession is told once, by whoever runs it.

#ifndef POSTERN_ENGINE_CLIENT_CONFIG_H_
#define POSTERN_ENGINE_CLIENT_CONFIG_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"

namespace postern {

// Plain data, shared by sessions as const&. Each limit says what it stops.
struct ClientConfig {
  // Our name in EHLO: a domain or an address literal (RFC 5321 4.1.1.1).
  std::string host_name;

  // LMTP, RFC 2033: LHLO in place of EHLO, and behind the content one reply
  // for each recipient.
  bool lmtp = false;

  // Octets of a reply's line with its CRLF. RFC 5321 4.5.3.1.5 says 512, and
  // servers exceed it. It bounds the driver's input buffer.
  size_t max_line = 4096;

  // Octets of a reply with its CRLFs. It stops servers whose reply never ends.
  size_t max_reply = size_t{64} << 10;

  // Commands that may wait for their replies at once, behind PIPELINING. It
  // bounds what both sides have to say, so that a driver which writes all
  // before it reads, and a server which does the same, do not wait for each
  // other for good (RFC 2920 3.1).
  size_t max_pipelined = 100;

  // Octets of content whose writing is progress: see
  // ClientSession::ReadTimeout(). It stops servers that read a byte a minute.
  size_t data_block = 4096;

  // Returns kInvalidArgument with the field's name if a value cannot be used.
  absl::Status Validate() const;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CLIENT_CONFIG_H_
