// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The check of SPF (RFC 7208): whether the client may send mail with the domain
// of the sender. For the null sender, the domain is the name after HELO or EHLO
// (RFC 7208 2.4).
//
// Relay clients and authenticated users are exempt. A message that is accepted
// gets a Received-SPF field. DNS is asked once for a transaction, at its first
// recipient that the other checks accept, so that recipients that are refused
// anyway cause no lookups.
//
//   fail, softfail   550 5.7.23   or 451 4.7.23   (RFC 7372 3.2)
//   permerror        550 5.7.24   or 451 4.7.24
//   temperror                        451 4.7.24

#ifndef POSTERN_POLICY_SPF_CHECK_H_
#define POSTERN_POLICY_SPF_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "policy/check.h"
#include "policy/spf/spf.h"

namespace postern::policy {

enum class SpfAction : uint8_t {
  kAccept,    // the message gets the field, and there is a log line
  kRefuse,    // 550
  kTempFail,  // 451
};

// What happens after each result. No other result refuses.
struct SpfActions {
  SpfAction fail = SpfAction::kRefuse;
  SpfAction softfail = SpfAction::kAccept;
  SpfAction permerror = SpfAction::kAccept;
  // Never kRefuse: an outage is temporary.
  SpfAction temperror = SpfAction::kTempFail;

  SpfAction Of(SpfResult result) const;

  friend bool operator==(const SpfActions&, const SpfActions&) = default;
};

// Parses the value of --spf: "default", "accept" (after each result), or
// RESULT=ACTION with commas between them ("fail=refuse,softfail=tempfail"),
// which change the default. An error names the word.
absl::StatusOr<SpfActions> ParseSpfActions(absl::string_view value);

// Returns the actions for a value of SPFBEHAVIOR, as the patches to qmail-smtpd
// define them:
//
//   0   nullopt: the client is not checked
//   1   accept
//   2   temperror: tempfail
//   3   and fail: refuse
//   4   and softfail: refuse
//   5   as 4: neutral is never refused (RFC 7208 8.2)
//   6   and permerror: refuse
//
// For other values, returns `otherwise`, as the patches do.
std::optional<SpfActions> ParseSpfBehavior(absl::string_view value,
                                           const SpfActions& otherwise);

// The check of --spf. Null without the option. If the client's rule sets
// SPFBEHAVIOR, that decides instead of the option's value.
absl::StatusOr<std::unique_ptr<const Check>> MakeSpf(const CheckSetup& setup);

// The number of transactions whose result is remembered for their further
// recipients.
inline constexpr size_t kMaxSpfTransactions = 4096;

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SPF_CHECK_H_
