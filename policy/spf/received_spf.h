// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The header field that records the result of SPF, RFC 7208 9.1.

#ifndef POSTERN_POLICY_SPF_RECEIVED_SPF_H_
#define POSTERN_POLICY_SPF_RECEIVED_SPF_H_

#include <cstddef>
#include <string>

#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"
#include "policy/spf/spf.h"

namespace postern::policy {

struct ReceivedSpf {
  const SpfAnswer& answer;
  IpAddress client;
  const Path& from;      // the sender
  std::string helo;      // as the client sent it
  std::string receiver;  // the name of this host
};

// Returns one whole header field with its CRLF, for which IsHeader() is true:
//
//   Received-SPF: pass
//    receiver=mx.local.example;
//    identity=mailfrom;
//    client-ip=192.0.2.1;
//    envelope-from="s@x.example";
//    helo=mail.x.example;
//    mechanism="ip4:192.0.2.0/28"
//
// The client chooses the sender and the name after HELO, and the domain its
// record. Each of them is one quoted string, in which octets that cannot be
// part of one are '?', so they cannot end the field or add a key to it. A name
// after HELO is cut at kMaxHeloInField octets. A sender that is too long for a
// line is left out.
std::string FormatReceivedSpf(const ReceivedSpf& field);
inline constexpr size_t kMaxHeloInField = 255;

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SPF_RECEIVED_SPF_H_
