// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Checks that ask another program about a recipient: a program with the
// interface RCPTCHECK, and policy servers with Postfix's protocol.
//
// Both can only refuse. They are asked about recipients that are accepted so
// far. Recipients of relay clients and authenticated users are exempt, unless
// the configuration says otherwise: qmail-smtpd's patches do the same, and
// Postfix has check_policy_service after permit_mynetworks.
//
// If the other program hangs, the answer is a 451 after a limited time: at most
// the wait for a thread, and then the timeout of each server. A check uses at
// most kDelegatedAtOnce threads of the pool, and the checks before a reload as
// many, so a pool of more than 32 threads always has one for deliveries.

#ifndef POSTERN_POLICY_DELEGATED_CHECKS_H_
#define POSTERN_POLICY_DELEGATED_CHECKS_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policy/check.h"

namespace postern::policy {

// Questions of one check that are asked at one time. Others wait, for as long
// as a question may take.
inline constexpr size_t kDelegatedAtOnce = 8;

// How long a program of RCPTCHECK may take. Then it is killed.
inline constexpr absl::Duration kRcptCheckTimeout = absl::Minutes(1);

// Asks the program that RCPTCHECK in the client's rule names, or else the one
// of
// --rcptcheck. If
// RCPTCHECKRELAYCLIENT is a number other than 0, relay clients and users are
// not exempt.
absl::StatusOr<std::unique_ptr<const Check>> MakeRcptCheck(
    const CheckSetup& setup);

// Asks the servers of --policy-server, in their order, until one refuses: those
// that are asked about each recipient, and those with at=data, which are asked
// once about a complete envelope. Null if there are none.
absl::StatusOr<std::unique_ptr<const Check>> MakePolicyServers(
    const CheckSetup& setup);
absl::StatusOr<std::unique_ptr<const Check>> MakeDataPolicyServers(
    const CheckSetup& setup);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_DELEGATED_CHECKS_H_
