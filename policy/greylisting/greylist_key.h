// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// By what greylisting recognizes an attempt.

#ifndef POSTERN_POLICY_GREYLISTING_GREYLIST_KEY_H_
#define POSTERN_POLICY_GREYLISTING_GREYLIST_KEY_H_

#include <cstddef>
#include <string>

#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"

namespace postern::policy {

// The network of the client, the sender and the recipient, as they are stored.
struct GreylistKey {
  std::string network;    // "192.0.2.0/24", "2001:db8::/64"
  std::string sender;     // GreylistSender(); empty for the null sender
  std::string recipient;  // GreylistAddress()
};

// Of a longer address the first octets count. RFC 5321 4.5.3.1.3 allows 256. So
// the size of an entry has a limit, and the addresses that become equal are
// those of one client.
inline constexpr size_t kMaxGreylistAddress = 256;

// Returns the /24 of an IPv4 address and the /64 of an IPv6 address: the
// servers of one sender often try again from a neighbouring address.
std::string GreylistNetwork(const IpAddress& client);

// Returns the address in lower case, with the domain as AsciiDomain() has it.
std::string GreylistAddress(const Path& path);

// Returns GreylistAddress() of the sender without the parts that change with
// each message. Otherwise the second attempt of a mailing list or a forwarder
// would look like a first one.
//
//   news+u=d.example@list.example       news@list.example          VERP
//   bounce-1234-56@list.example         bounce-#-#@list.example    VERP
//   prvs=0123456789=ann@a.example       ann@a.example              BATV
//   SRS0=HhHh=TT=a.example=ann@f.example    srs0=a.example=ann@f.example
//   SRS1=HhHh=b.example==HhHh=TT=a.example=ann@f.example
//                                       srs1=b.example=a.example=ann@f.example
//
// BATV (draft-levine-smtp-batv-01) has the tag first; some programs have it
// last. The separator after SRS0 and SRS1 may also be '+' or '-'. postgrey
// replaces the first three forms in the same way.
std::string GreylistSender(const Path& sender);

GreylistKey MakeGreylistKey(const IpAddress& client, const Path& sender,
                            const Path& recipient);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_GREYLISTING_GREYLIST_KEY_H_
