// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The configuration of a ClientSession.

#ifndef POSTERN_ENGINE_CLIENT_CONFIG_H_
#define POSTERN_ENGINE_CLIENT_CONFIG_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"

namespace postern {

// Plain data, shared by sessions as const&. Each limit states what it prevents.
struct ClientConfig {
  // The client's name in EHLO: a domain or an address literal (RFC 5321
  // 4.1.1.1).
  std::string host_name;

  // LMTP, RFC 2033: LHLO instead of EHLO, and one reply for each recipient
  // after the content.
  bool lmtp = false;

  // Whether a 5yz to EHLO is followed by HELO (RFC 5321 3.2). Without it, that
  // is the reply to Greet(): for sessions that need an extension.
  bool allow_helo = true;

  // Octets of a reply line with its CRLF. RFC 5321 4.5.3.1.5 allows 512, but
  // some servers send more. It limits the driver's input buffer.
  size_t max_line = 4096;

  // Octets of a reply with its CRLFs. It stops servers whose replies never end.
  size_t max_reply = size_t{64} << 10;

  // Commands that may wait for their replies at once, with PIPELINING. It
  // limits the unsent data of both sides: a client that writes everything
  // before it reads, and a server that does the same, would otherwise wait for
  // each other forever (RFC 2920 3.1).
  size_t max_pipelined = 100;

  // Octets of written content that count as progress: see
  // ClientSession::ReadTimeout(). It stops servers that read one byte a minute.
  size_t data_block = 4096;

  // Returns kInvalidArgument with the name of the field if a value cannot be
  // used.
  absl::Status Validate() const;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CLIENT_CONFIG_H_
