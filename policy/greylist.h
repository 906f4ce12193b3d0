// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Greylisting (RFC 6647): the first attempt of a client to send a sender's mail
// to a recipient is refused temporarily. A mail server tries again; many
// programs that send spam do not. policy/greylisting/greylist_file.h has the
// rules of the table.
//
// Clients that may relay, clients without an address (of a Unix socket), and
// clients whose rule sets NOGREYLIST are exempt. The null sender is not: its
// mail comes from mail servers, and a server that only asks whether a recipient
// exists gets a temporary answer, as from postgrey.
//
// The host name of a client has no part in it. Then the servers of one sender
// with many networks could pass together, but so could all clients of an access
// provider that names them below one domain. A rule for the name of the sender
// (=.example.org:allow,NOGREYLIST="") is exact.

#ifndef POSTERN_POLICY_GREYLIST_H_
#define POSTERN_POLICY_GREYLIST_H_

#include <memory>

#include "absl/status/statusor.h"
#include "policy/check.h"

namespace postern::policy {

// The check of --greylist. Null without the option.
absl::StatusOr<std::unique_ptr<const Check>> MakeGreylist(
    const CheckSetup& setup);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_GREYLIST_H_
