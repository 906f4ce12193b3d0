// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The check whether the domain of the sender exists: whether mail to the sender
// has a destination (RFC 5321 5.1). The domain needs an MX record, or an A or
// AAAA record.
//
//   no such domain, or none of these records   553 5.1.8
//   a null MX (RFC 7505)                       550 5.7.27
//   DNS does not answer now                    451 4.4.3
//
// The null sender, senders without a domain and address literals pass. A domain
// in UTF-8 is looked up in its xn-- form.

#ifndef POSTERN_POLICY_SENDER_DOMAIN_H_
#define POSTERN_POLICY_SENDER_DOMAIN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "policy/check.h"

namespace postern::policy {

// The check of --sender-domain-exists. Null without the option. "strangers":
// relay clients and authenticated users are exempt. "all": none is.
absl::StatusOr<std::unique_ptr<const Check>> MakeSenderDomain(
    const CheckSetup& setup);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SENDER_DOMAIN_H_
