// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Declared grants: a file of what may relay through a server. The command
// `postern check --expect FILE` fails if more than that may relay, and
// `--write-expect FILE` writes the grants of the present configuration.
//
//   line                          declares that these may relay
//   address NETWORK               the clients of a network, an address, or a
//                                 range: 192.0.2.0/24, 192.0.2.1,
//                                 2001:db8::1-2001:db8::9
//   name NAME                     clients with this confirmed host name
//   name .SUFFIX                  clients whose name ends so
//   names                         clients with any confirmed host name
//   ident USER@ADDRESS            clients with this ident name. ADDRESS is an
//                                 address, or =NAME. No network covers it.
//   users                         authenticated users
//   proxy NETWORK                 hosts that may name any client address. A
//                                 path is a Unix socket: /run/postern.sock
//   xclient NETWORK               hosts that may name any client address, host
//                                 name and user; such a line covers a proxy too
//   everyone                      every client: an open relay. Covers all lines
//
// These lines declare to which recipients every client may send:
//
//   domain NAME                   recipients at NAME
//   domain .SUFFIX                recipients at all subdomains
//   domains N                     at most N further entries of rcpthosts and
//                                 morercpthosts.cdb. They do not include
//                                 entries for a top-level domain (".com") or
//                                 for more: each needs a "domain" line.
//   domains any                   all entries
//
// A comment begins with a '#' at the beginning of a line or after a blank.
// Words are separated by spaces and tabs. Names and domains are compared
// without regard to case; a domain in UTF-8 and its xn-- form are one domain.

#ifndef POSTERN_PROGRAMS_CHECK_GRANTS_H_
#define POSTERN_PROGRAMS_CHECK_GRANTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "net/address_set.h"

namespace postern::programs {

// The largest file of grants, in bytes: a million domains.
inline constexpr size_t kMaxGrantsFile = size_t{64} << 20;

// One grant: a line of a file, or a right that a configuration gives.
struct Grant {
  enum class Kind : uint8_t {
    kAddress,
    kName,  // `text` is a name, or a suffix that begins with a dot
    kNames,
    kIdent,
    kUsers,
    kProxy,    // `text` is empty, or the path of a Unix socket
    kXclient,  // the same
    kEveryone,
    kDomain,      // `text` is a domain, or a suffix that begins with a dot
    kDomains,     // `count`
    kAnyDomains,  // "domains any"
  };
  Kind kind = Kind::kAddress;
  // What follows the word, for the kinds that have text: names in lower case,
  // domains as AsciiDomain() returns them.
  std::string text;
  net::AddressSet addresses;  // kAddress, kProxy, kXclient
  uint64_t count = 0;         // kDomains
  // Where it is from: "FILE:LINE" of the grant, or of what gives the right.
  std::string source;
};

// Returns whether an entry of rcpthosts is for all domains in a top-level
// domain, or for more: ".com", ".".
bool IsWideDomain(absl::string_view entry);

// Parses the content of the file `path`. Returns kInvalidArgument, as
// "PATH:LINE: WHAT", for the first line that is not valid; WHAT quotes the word
// that is wrong. "domains" may occur once.
absl::StatusOr<std::vector<Grant>> ParseGrants(absl::string_view path,
                                               absl::string_view text);

// Returns the text of `grants` for a file, in a fixed order and without
// duplicates: addresses of all grants as one set, and all else sorted. Two
// configurations with the same rights have the same text. More than 1,000
// domains become "domains N", except for those that need a line.
std::string FormatGrants(const std::vector<Grant>& grants);

struct GrantComparison {
  // What the declared grants do not cover, one sentence each, without an end of
  // line. Empty: nothing has grown. Of many domains only the first are named.
  std::vector<std::string> growth;
  // Declared grants that cover nothing of the present ones, in the order of the
  // file.
  std::vector<std::string> notes;
};

// Compares what a configuration gives with what the file `path` declares.
GrantComparison CompareGrants(const std::vector<Grant>& present,
                              absl::string_view path,
                              const std::vector<Grant>& declared);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CHECK_GRANTS_H_
