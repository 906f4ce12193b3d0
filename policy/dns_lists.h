// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// DNS lists (RFC 5782) as rblsmtpd uses them, and the variable RBLSMTPD.
//
//   --dns-list '!ok.example'                  rblsmtpd -a ok.example
//   --dns-list bl.example                     rblsmtpd -r bl.example
//   --dns-list bl.example,permanent           rblsmtpd -b -r bl.example
//   --dns-list bl.example,fail-closed         rblsmtpd -c -r bl.example
//   --dns-list 'bl.example:see example/%IP%'  -r of rblsmtpd's patch for A
//   --dns-list bl.example,note                logs the hit and has no effect
//
// The lists are asked in parallel and count in their order: the first one that
// decides is the answer. Recipients of relay clients and of authenticated users
// are not refused.

#ifndef POSTERN_POLICY_DNS_LISTS_H_
#define POSTERN_POLICY_DNS_LISTS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "policy/check.h"

namespace postern::policy {

// The largest number of --dns-list options: each is a question to DNS.
inline constexpr size_t kMaxDnsLists = 32;

struct DnsList {
  std::string zone;          // in lower case, without a dot at its end
  bool allow = false;        // an anti-list: its clients are not refused
  bool permanent = false;    // 553, not 451
  bool fail_closed = false;  // 451 if the list cannot be looked up now
  bool note = false;         // only logged and counted
  // The text of the reply, where %IP% is the client's address. The list is
  // looked up by A records. Absent: by TXT records, which are the text.
  std::optional<std::string> text;

  friend bool operator==(const DnsList&, const DnsList&) = default;
};

// Parses "[!]ZONE[,permanent][,fail-closed][,note][:TEXT]". An anti-list ('!')
// has no text and no other word than fail-closed. The error says what is wrong,
// without the name of the option.
absl::StatusOr<DnsList> ParseDnsList(absl::string_view spec);

// The check of the variable RBLSMTPD in rules, which rblsmtpd(1) defines: an
// empty value exempts the client from DNS lists, "-TEXT" refuses with 553 TEXT,
// and another value with 451 and the value.
absl::StatusOr<std::unique_ptr<const Check>> MakeRblSmtpd(
    const CheckSetup& setup);
// The check of --dns-list. Null without the option. If RBLSMTPD is set, it has
// no opinion. A client without an address (Unix sockets) is on no list.
absl::StatusOr<std::unique_ptr<const Check>> MakeDnsLists(
    const CheckSetup& setup);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_DNS_LISTS_H_
