// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An example of a check: a limit of recipients for bounces. docs/extending.md
// explains it.

#ifndef POSTERN_EXAMPLES_BOUNCE_RECIPIENTS_H_
#define POSTERN_EXAMPLES_BOUNCE_RECIPIENTS_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "policy/check.h"

namespace postern::examples {

// Refuses the recipients of a message with the null sender after the first
// `most` that were asked about. A bounce has one recipient: the sender of the
// message that could not be delivered (RFC 5321 6.1). Clients that may relay
// are not affected.
//
// Thread-safe.
class BounceRecipients : public policy::Check {
 public:
  explicit BounceRecipients(size_t most) : most_(most) {}

  policy::Opinion Decide(policy::Question* question) const override;

 private:
  const size_t most_;
};

// Makes the check if --bounce-recipients gives a number.
absl::StatusOr<std::unique_ptr<const policy::Check>> MakeBounceRecipients(
    const policy::CheckSetup& setup);

// Its entry in the list of checks.
inline constexpr policy::CheckEntry kBounceRecipientsEntry = {
    {.rule = "bounce-recipients",
     .help = "refuses more than N recipients of a bounce",
     .option = "bounce-recipients",
     .value = "N",
     .outside = true},
    MakeBounceRecipients};

}  // namespace postern::examples

#endif  // POSTERN_EXAMPLES_BOUNCE_RECIPIENTS_H_
